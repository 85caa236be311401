"""Small numbers of histories for tests that do not ask how well a twin is known: those of users take seconds.

As a program it is ``corrotwin`` with these numbers.
"""

import runpy

from corrotwin.twin.bayes import session
from corrotwin.twin.forecast import result

FEW = {"RUNS": 2, "MOST_RUNS": 2, "DRAWS": 4, "DRAWS_SEEN": 8, "SEEDS": 2}
PLACES = [(session, name, size) for name, size in FEW.items()] + [(result, "MOST_RUNS", FEW["MOST_RUNS"])]

if __name__ == "__main__":
    for module, name, size in PLACES:
        setattr(module, name, size)
    runpy.run_module("corrotwin", run_name="__main__", alter_sys=True)
