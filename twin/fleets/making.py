"""The outlook of a twin in a folder: computed once, and cached until the twin, its records or the settings change."""

import functools
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corrotwin.twin import store, twin_state
from corrotwin.twin.bayes.session import LEARNING, open_session
from corrotwin.twin.core import files
from corrotwin.twin.core.arguments import check_seed
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.fleets import figures, outlook
from corrotwin.twin.fleets.outlook import TwinOutlook
from corrotwin.twin.forecast import result
from corrotwin.twin.forecast.remaining_life import Rule, check_required
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection import log, register
from corrotwin.twin.inspection.events import ALL

NAME = "outlook"
MOST_BYTES = 32 * 2**20
_INPUT_FILES = ("twin.json", log.RECORDS, f"{register.NAME}.json")


@dataclass(frozen=True, kw_only=True)
class OutlookSettings:
    """Settings of the outlook that is made for each twin.

    Parameters
    ----------
    years : years to look ahead.
    required : required thickness in mm by zone; "all" for the zones not named. If a twin's register also requires a
        thickness of a zone, the greater applies.
    rule : bounds on the time until thickness is measured again.
    category_measured : True if the corrosivity category was measured on specimens (ISO 9226).
    seed : seed of the histories.
    """

    years: float = 10.0
    required: tuple[tuple[str, float], ...] = ()
    rule: Rule = "api510"
    category_measured: bool = False
    seed: int = 0

    @staticmethod
    def of(
        years: float, required: Mapping[str, float], rule: Rule, *, category_measured: bool, seed: int
    ) -> "OutlookSettings":
        """Return settings in a normal form, so that equal settings have the same cache key.

        Raises
        ------
        InputError
            The years are below 0 or beyond the reach of a forecast; the seed is below 0, or a thickness is not above 0.
        """
        check_seed(seed)
        result.ahead_of(years)
        check_required(required)
        needed = tuple(sorted((zone, float(mm)) for zone, mm in required.items()))
        return OutlookSettings(
            years=float(years), required=needed, rule=rule, category_measured=category_measured, seed=seed
        )


def outlook_of(folder: Path, settings: OutlookSettings) -> TwinOutlook:
    """Return the outlook of the twin in a folder, from the cache there if nothing has changed since.

    Raises
    ------
    InputError
        The folder holds no twin, the twin or its records are damaged, or the settings are impossible.
    """
    key = _key(folder, settings)
    cached = cached_outlook(folder, key)
    if cached is not None:
        return cached
    session = open_session(
        folder, ahead_years=result.ahead_of(settings.years), seed=settings.seed,
        category_measured=settings.category_measured,
    )  # fmt: skip
    required = _required_in(settings, session.asset.zone_names)
    forecast = result.make(session, years=settings.years, required=required, rule=settings.rule)
    listed = log.read_log(folder)
    suspects = log.suspects(listed, folder, session.asset)
    new_outlook = outlook.of_forecast(forecast, {f"in line {line}": why for line, why in suspects.items()})
    if key == _key(folder, settings):  # nothing was recorded meanwhile
        with suppress(OSError):  # a read-only folder
            files.write_manifest(folder, NAME, {"key": key, "outlook": outlook.plain(new_outlook)})
    return new_outlook


def check_zones(folders: Iterable[Path], settings: OutlookSettings) -> None:
    """Raise InputError if settings require a thickness of a zone that no twin has.

    Parameters
    ----------
    folders : folders of the twins; damaged twins are skipped.
    settings : settings with the required thicknesses.

    Raises
    ------
    InputError
        There is such a zone.
    """
    unknown, known = {zone for zone, _ in settings.required} - {ALL}, dict[str, None]()
    for folder in folders:
        if not unknown:
            return
        with suppress(InputError):
            zones = [name for name in twin_state.asset(store.read(folder)).zone_names if name != COVERED]
            known |= dict.fromkeys(zones)
            unknown -= set(zones)
    if unknown and known:
        raise InputError(f"`required`: no zone {', '.join(sorted(unknown))}; choose from {', '.join([ALL, *known])}")


def _required_in(settings: OutlookSettings, zones: tuple[str, ...]) -> dict[str, float]:
    """Return the required thickness of the zones of one twin; other twins of a fleet may have other zones."""
    return {name: value for name, value in settings.required if name == ALL or name in zones}


def cached_outlook(folder: Path, key: str) -> TwinOutlook | None:
    """Return the cached outlook in a folder; None if there is none with this key, or it is damaged."""
    try:
        content = files.read_json(folder / f"{NAME}.json", inside=folder, most_bytes=MOST_BYTES)
        return outlook.of_plain(content["outlook"]) if content["key"] == key else None
    except (InputError, TypeError, ValueError, LookupError, StopIteration, RecursionError):
        return None


def cached_outlook_of(folder: Path, settings: OutlookSettings) -> TwinOutlook | None:
    """Return the cached outlook for some settings; None if there is none, or the twin is damaged."""
    try:
        return cached_outlook(folder, _key(folder, settings))
    except InputError:
        return None


@functools.cache
def source_digest(folder: Path) -> str:
    """Return a digest of the program and its data, since another version may make a different outlook of the same twin.

    Parameters
    ----------
    folder : folder of the program. All files below it count, except compiled modules in __pycache__.
    """
    paths = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return files.digest({str(path.relative_to(folder)): files.read_bytes(path).hex() for path in sorted(paths)})


def _key(folder: Path, settings: OutlookSettings) -> str:
    """Return a digest of everything on which an outlook depends.

    Raises
    ------
    InputError
        The folder holds no twin, or a file cannot be read.
    """
    store.read(folder)
    inputs: dict[str, Any] = {
        "versions": [LEARNING, source_digest(Path(twin_state.__file__).parent)],
        "drawn": figures.can_draw(),
        "settings": asdict(settings),
    }
    for name in _INPUT_FILES:
        try:
            inputs[name] = hashlib.sha256(files.read_bytes(folder / name, inside=folder)).hexdigest()
        except FileNotFoundError:
            inputs[name] = ""
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read ({error.strerror}); check the path") from error
    return files.digest(inputs)
