"""Ask whether this machine may join the Ray cluster at an address, and whether it is still there later.

Standard library only; every package may import it.
"""

import logging
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from corrotwin.twin.core.errors import InputError, WorkError

ANSWER_SECONDS = 90.0  # in which a cluster has to answer; Ray itself would try for a quarter of an hour
PATIENCE_SECONDS = 30.0  # without the head of the cluster; after 60 Ray ends this process
ENDED = "Ray has ended on this machine (killed or stopped); start it again, and the same command resumes"
# Ray has no public function that asks a cluster without joining it, and joining the wrong one may abort the process.
_JOIN = "import logging, sys, ray; ray.init(sys.argv[1], log_to_driver=False, logging_level=logging.CRITICAL)"

_log = logging.getLogger(__name__)


def require_cluster(address: str) -> None:
    """Let a process of its own join the cluster at `address`, so that what goes wrong there is said in one line here.

    Raises
    ------
    InputError
        No cluster answers at the address, or it is not one that this machine may join.
    """
    place = (os.environ.get("RAY_ADDRESS") or address) if address == "auto" else address  # as Ray reads it
    named = f"`address` {address}" if place == address else f"`address` {address} (RAY_ADDRESS {place})"
    if place.lower().startswith(("http://", "https://")):
        raise InputError(
            f"{named}: is an address for submitting Ray jobs; give host:port, or unset RAY_ADDRESS for auto"
        )
    if "://" in place:
        raise InputError(f"{named}: Ray Client addresses are not supported; run the command on a node, with auto")
    try:
        if place != "auto":
            _reach(place)
        done = subprocess.run(
            [sys.executable, "-P", "-c", _JOIN, place], env=_environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=ANSWER_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise InputError(f"{named}: no Ray cluster answers there ({type(error).__name__}: {error})") from error
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{named}: no Ray cluster answers there within {ANSWER_SECONDS:g} s") from error
    if done.returncode:
        _log.debug("Ray: %s", done.stderr.strip())
        raise InputError(f"{named}: {reason(done.stderr, place)}")


def _environment() -> dict[str, str]:
    """Return the environment of the process that joins: it is no job of its own, and does not wait long for a node."""
    environment = {"RAY_gcs_server_request_timeout_seconds": "20", **os.environ}
    environment.pop("RAY_JOB_CONFIG_JSON_ENV_VAR", None)
    return environment


def reason(said: str, place: str) -> str:
    """Return why a process could not join the cluster at `place`, in a line, from what it said on stderr."""
    if "InvalidAuthToken" in said or "AuthenticationError" in said:
        return "the cluster requires a token: set RAY_AUTH_MODE=token and copy ~/.ray/auth_token here from its head"
    if len(versions := re.findall(r"^ +(?:Ray|Python): (\S+)$", said, re.MULTILINE)) == 4:
        theirs, ours = (f"Ray {ray} and Python {python}" for ray, python in (versions[:2], versions[2:]))
        return f"the cluster has {theirs}, this machine {ours}; install the same on both"
    if "No node info found" in said or re.search(r"Failed to connect to socket at .*raylet", said):
        return f"this machine is not a node of the cluster; first run: ray start --address {place}"
    lines = [line for line in said.partition("*** StackTrace")[0].splitlines() if line.strip()]
    return f"no Ray cluster answers there ({lines[-1].strip() if lines else 'Ray ended without a message'})"


@dataclass(frozen=True, kw_only=True)
class Joined:
    """A cluster that this process has joined: the address as it was given, and where its head and this node listen."""

    address: str
    head: str
    node: str

    def has_ended(self) -> bool:
        """Return True if Ray has ended on this machine."""
        try:
            _reach(self.node)
        except ConnectionRefusedError:
            return True
        except OSError:  # too busy to answer
            return False
        return False

    def wait_for_head(self) -> None:
        """Return as soon as the head answers.

        Raises
        ------
        WorkError
            Ray has ended on this machine, or the head has not answered for `PATIENCE_SECONDS`.
        """
        begun = time.monotonic()
        while True:
            try:
                return _reach(self.head)
            except OSError as error:
                if self.has_ended():
                    raise WorkError(ENDED) from error
                if time.monotonic() - begun > PATIENCE_SECONDS:
                    raise WorkError(
                        f"the head of the Ray cluster, {self.head}, has not answered for {PATIENCE_SECONDS:g} s; start "
                        "the cluster again, and the same command resumes"
                    ) from error
            time.sleep(1)


def _reach(place: str) -> None:
    """Open a connection to `host:port` and close it; OSError or ValueError where that is not possible in 10 s."""
    host, _, port = place.rpartition(":")
    if not host:
        raise ValueError(f"{place!r} is neither auto nor host:port")
    socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
