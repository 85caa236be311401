"""Small numbers of histories and particles, for tests that do not ask how well a twin is known; users have more.

As a program it is ``corrotwin`` with these numbers.
"""

import runpy
from typing import Any

from corrotwin.twin.bayes import session
from corrotwin.twin.forecast import result

FEW = {"RUNS": 2, "MOST_RUNS": 2, "DRAWS": 4, "DRAWS_SEEN": 8, "SEEDS": 2}
PARTICLES = 80
PLACES: list[tuple[Any, str, Any]] = [
    *((session, name, size) for name, size in FEW.items()),
    (result, "MOST_RUNS", FEW["MOST_RUNS"]),
    *(
        (function, "__kwdefaults__", {**function.__kwdefaults__, "particles": PARTICLES})
        for function in (session.open_session, session.session_of)
    ),
]

if __name__ == "__main__":
    for module, name, size in PLACES:
        setattr(module, name, size)
    runpy.run_module("corrotwin", run_name="__main__", alter_sys=True)
