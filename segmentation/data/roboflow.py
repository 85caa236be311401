"""Fetching of dataset versions from Roboflow with the user's own key.

The key comes only from the environment: on a command line it would end up in the shell's history and in the list of
processes. It is sent in the Authorization header, as Roboflow's documentation advises, so that no address contains it.
Neither it nor the download link, which contains a key of its own, is ever printed, logged or written.

References
----------
Roboflow REST API: https://docs.roboflow.com/developer/rest-api/authenticate and
https://docs.roboflow.com/datasets/versions/dataset-versions/exporting-data
"""

import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.segmentation.data import download
from corrotwin.twin.core.console import progress
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import read_json, read_manifest, write_manifest, writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import printable

if TYPE_CHECKING:
    import requests

_log = logging.getLogger(__name__)

KEY_VARIABLE, URL_VARIABLE = "ROBOFLOW_API_KEY", "ROBOFLOW_API_URL"
API_URL = "https://api.roboflow.com"
FORMAT = "coco-segmentation"
CARD = "roboflow"  # kind of the card, roboflow.json

EXPORT_SECONDS = 1800.0  # how long Roboflow may take to pack a version
POLL_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class RoboflowVersion:
    """A dataset version, as in the address of its page on Roboflow."""

    workspace: str
    project: str
    version: int

    def __str__(self) -> str:
        """Return ``workspace/project/version``."""
        return f"{self.workspace}/{self.project}/{self.version}"


def fetch(project: str, /, *, out: Path) -> None:
    """Download a dataset version from Roboflow, with the key in the environment variable ROBOFLOW_API_KEY.

    Parameters
    ----------
    project
        workspace/project/version, such as sem-l2uic/cor-oumk1/1.
    out
        folder of the dataset, absent or empty; a folder that already holds this version is kept unchanged.
    """
    source = parse_version(project)
    out = out.resolve()
    card = _card(out, source)
    if card is None:
        api, key = _api(), _key()
        staging = out.parent / f".{out.name}.fetch"
        with hold(staging, "fetch", asdict(source)), _cleared(staging):
            card = _fetch(source, out, staging, api, key)
    else:
        _log.info(f"{out} holds {source} already")
    summary = f"{card['images']} images, {card['bytes']} bytes, sha256 {card['sha256']}, licence: {card['licence']}"
    _log.info(printable(f"{out}: {source}, {summary}"))


def parse_version(text: str) -> RoboflowVersion:
    """Parse ``workspace/project/version``.

    Raises
    ------
    InputError
        `text` has another form.
    """
    match = re.fullmatch(r"([A-Za-z0-9][\w-]*)/([A-Za-z0-9][\w-]*)/([1-9][0-9]{0,8})", text, re.ASCII)
    if not match:
        raise InputError(
            f"{text!r:.200}: not a dataset version; give workspace/project/version, as sem-l2uic/cor-oumk1/1"
        )
    return RoboflowVersion(workspace=match[1], project=match[2], version=int(match[3]))


def _card(out: Path, source: RoboflowVersion) -> dict[str, Any] | None:
    """Return the card of `out` if it holds `source`, None if it is absent or empty; raise InputError otherwise."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, not a folder; choose another `out`")
    card = read_manifest(out, CARD)
    if card is None:
        if out.is_dir() and any(out.iterdir()):
            raise InputError(f"{out}: holds other files; choose another `out`")
        return None
    if absent := {"images", "bytes", "sha256", "licence"} - set(card):
        names = ", ".join(sorted(absent))
        raise InputError(f"{out / 'roboflow.json'}: damaged ({names} missing); delete the folder to download it again")
    if card.get("source") != asdict(source):
        raise InputError(f"{out}: holds another dataset ({card.get('source')!r:.200}); choose another `out`")
    return card


def _key() -> str:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise InputError(
            f"no API key: set the environment variable {KEY_VARIABLE} to the API key of your Roboflow account"
        )
    if not re.fullmatch(r"[!-~]+", key):
        raise InputError(f"{KEY_VARIABLE} holds characters that do not occur in keys; copy the key again")
    return key


def _api() -> str:
    """Return the address of the service without a trailing slash."""
    url = os.environ.get(URL_VARIABLE) or API_URL
    if not download.is_safe(url):
        raise InputError(f"{URL_VARIABLE}: not an https address, so the key would be sent unencrypted")
    return url.rstrip("/")


@contextmanager
def _cleared(folder: Path) -> Iterator[None]:
    """Remove `folder` on leaving the block, also after an error."""
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(source: RoboflowVersion, out: Path, staging: Path, api: str, key: str) -> dict[str, Any]:
    """Export, download, extract and check in `staging`, then move all of it to `out`. Return the card."""
    from corrotwin.segmentation.data import archive, coco

    packed, unpacked = staging / "packed.zip", staging / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)  # left by a killed command
    with download.session() as session, progress(f"{source}: Roboflow packs the export", unit="MB", to=out) as line:
        answer = _export(session, source, api, key)
        if not download.is_safe(link := answer["export"]["link"]):
            raise WorkError(f"{source}: Roboflow's download link is not an https address; try again later")
        line.update(what=f"{source}: download")
        status, count, sha256 = download.save(
            session, link, packed, lambda received, total: line.update(received / 1e6, total=total and total / 1e6)
        )
    if status != 200:
        raise WorkError(f"{source}: the download link gave status {status}; try again later")
    try:
        archive.extract(packed, unpacked)
        folder = coco.unwrapped(unpacked)
        dataset = coco.read(folder)
    except InputError as error:
        reason = str(error).replace(str(unpacked), str(source)).replace(str(packed), str(source))
        raise InputError(f"what Roboflow sent cannot be used: {reason}") from error
    card = {
        "source": asdict(source),
        "format": FORMAT,
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "bytes": count,
        "sha256": sha256,
        "licence": _licence(answer, folder),
        "images": len(dataset.photos),
    }
    write_manifest(folder, CARD, card)
    with writing(out, "choose another `out`"):
        folder.rename(out)  # replaces an empty folder, and nothing else
    return card


def _export(session: "requests.Session", source: RoboflowVersion, api: str, key: str) -> dict[str, Any]:
    """Request the export until it is ready. Return Roboflow's answer, which has ``["export"]["link"]``."""
    deadline = time.monotonic() + EXPORT_SECONDS
    while True:
        url = f"{api}/{source}/{FORMAT}"
        status, answer = download.answer(session, url, key=key, parameters={"nocache": "true"})
        _check_status(status, source)
        if not isinstance(answer, dict):
            raise WorkError(f"{source}: the service does not answer like Roboflow; try again later")
        export = answer.get("export")
        if status == 200 and isinstance(export, dict) and isinstance(export.get("link"), str):
            return answer
        if status != 202 and "progress" not in answer:
            raise WorkError(f"{source}: Roboflow's answer holds no download link; try again later")
        if time.monotonic() + POLL_SECONDS > deadline:
            raise WorkError(f"{source}: Roboflow has not packed the export in {EXPORT_SECONDS:.0f} s; try again later")
        time.sleep(POLL_SECONDS)


def _check_status(status: int, source: RoboflowVersion) -> None:
    if status == 401:
        raise InputError(f"Roboflow refuses the key (401); set {KEY_VARIABLE} to a valid one")
    if status == 403:
        raise InputError(f"{source}: the key gives no access to it (403); use a key of an account that may export it")
    if status == 404:
        raise InputError(f"{source}: no such version on Roboflow (404); compare with the address of its page")
    if status not in (200, 202):
        raise WorkError(f"{source}: Roboflow answered with status {status}; try again later")


def _licence(answer: Mapping[str, Any], folder: Path) -> str:
    """Return the licence that the answer or the export's own json states; "not stated" if neither does."""
    from corrotwin.segmentation.data import coco

    project = answer.get("project")
    licence = project.get("license") if isinstance(project, dict) else None
    if isinstance(licence, str) and licence:
        return " ".join(licence.split())
    for source, _ in coco.sources(folder):
        content = read_json(source, inside=folder)
        licences = content.get("licenses") if isinstance(content, dict) else None
        for entry in licences if isinstance(licences, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"]:
                return " ".join(entry["name"].split())
    return "not stated"
