"""Downloads with limits on retries and size, which never reveal the address.

An address may contain a key. No message, exception or log line of this module shows more of it than the host.
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import new_file, writing

if TYPE_CHECKING:
    import requests

TRIES = 5
BACKOFF_SECONDS = 1.0  # before the second try, doubled each time
LONGEST_WAIT_SECONDS = 120  # limit on the wait that a server requests by Retry-After
TIMEOUT_SECONDS = (10.0, 60.0)  # for connecting; between two pieces of an answer
MOST_BYTES = 50 * 1024**3
MOST_ANSWER_BYTES = 16 * 1024**2
_BUSY = (429, 500, 502, 503, 504)
_CHUNK_BYTES = 1024**2

_T = TypeVar("_T")


def is_safe(url: str) -> bool:
    """Return True if what is sent to `url` is encrypted or stays on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or local)


@contextmanager
def session() -> "Iterator[requests.Session]":
    """Yield a session for `answer` and `save` that waits and retries while a server is busy."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retries = Retry(
        total=None,
        connect=0,  # `_get` handles broken connections, because they also break while a body is read
        read=0,
        other=0,
        status=TRIES - 1,
        status_forcelist=_BUSY,
        backoff_factor=BACKOFF_SECONDS,
        retry_after_max=LONGEST_WAIT_SECONDS,
        raise_on_status=False,
    )
    with requests.Session() as client, _quiet():
        for scheme in ("https://", "http://"):
            client.mount(scheme, HTTPAdapter(max_retries=retries))
        client.headers["Accept-Encoding"] = "identity"  # so that Content-Length is the number of bytes that arrive
        client.hooks["response"].append(_refuse_unsafe_redirect)
        yield client


def _refuse_unsafe_redirect(response: "requests.Response", **_: Any) -> None:
    """Raise WorkError if a server redirects to an address where others could read or change the traffic."""
    if response.is_redirect and not is_safe(urljoin(response.url, response.headers["Location"])):
        host = urlsplit(response.url).hostname
        response.close()
        raise WorkError(f"{host} redirects to an unencrypted address, which is not followed; try again later")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence urllib3's logger, whose lines show whole addresses."""
    logger = logging.getLogger("urllib3")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def answer(session: "requests.Session", url: str, *, key: str, parameters: Mapping[str, str]) -> tuple[int, Any]:
    """Request json from `url`, with `key` in the Authorization header; return the status, and the json or None.

    Raises
    ------
    WorkError
        The server cannot be reached, or the connection breaks repeatedly.
    """

    def sign(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        request.headers["Authorization"] = f"Bearer {key}"
        return request

    def parsed(response: "requests.Response") -> tuple[int, Any]:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > MOST_ANSWER_BYTES:
                return response.status_code, None
        try:
            return response.status_code, json.loads(content)
        except (ValueError, RecursionError):
            return response.status_code, None

    return _get(session, url, parsed, params=parameters, auth=sign)


def save(
    session: "requests.Session", url: str, target: Path, on_bytes: Callable[[int, int | None], None]
) -> tuple[int, int, str]:
    """Download `url` to the file `target`, restarting from the beginning when the connection breaks.

    Parameters
    ----------
    on_bytes : called with the number of bytes so far, and the total if the server states it.

    Returns
    -------
    The status; for status 200 also the number of bytes and the SHA-256, else 0 and "".

    Raises
    ------
    WorkError
        The server cannot be reached, or the download breaks off repeatedly.
    InputError
        The download is larger than `MOST_BYTES` or the free disk space, or `target` cannot be written.
    """

    def saved(response: "requests.Response") -> tuple[int, int, str]:
        if response.status_code != 200:
            return response.status_code, 0, ""
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        limit = min(MOST_BYTES, shutil.disk_usage(target.parent).free)
        count, sha256 = 0, hashlib.sha256()
        with new_file(target, replace=True) as stream:
            for chunk in response.iter_content(_CHUNK_BYTES):  # raises if less arrives than Content-Length says
                count += len(chunk)
                if max(count, total or 0) > limit:
                    raise InputError(f"{target}: the download is larger than {limit} bytes, all that there is room for")
                stream.write(chunk)
                sha256.update(chunk)
                on_bytes(count, total)
        return response.status_code, count, sha256.hexdigest()

    with writing(target.parent, "make room"):
        return _get(session, url, saved)


def _get(session: "requests.Session", url: str, use: "Callable[[requests.Response], _T]", **options: Any) -> _T:
    """Return the result of `use` for the response from `url`, repeating both when the connection breaks."""
    import requests

    error_name = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
        try:
            with session.get(url, stream=True, timeout=TIMEOUT_SECONDS, **options) as response:
                return use(response)
        except requests.RequestException as error:
            error_name = type(error).__name__
    # Outside the block: the text of that exception shows the address, and so would an exception chained to it.
    raise WorkError(
        f"no complete answer from {urlsplit(url).hostname} in {TRIES} tries ({error_name}); try again later"
    )
