"""What was learned is kept, goes on when records are added, and is trusted only with the digest of the records."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corrotwin.twin import store, twin_state
from corrotwin.twin.bayes import cache, session, smc
from corrotwin.twin.bayes.session import Session, open_session
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.mechanisms.process import process
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, later

PIPE = {
    "nps": "4", "schedule": "40", "run_m": 0.5, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "branch_nps": "none", "supports_at_m": [], "upright": False,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made(tmp_path / "spool")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Session]:
    """A folder that keeps what was learned, and what that is."""
    folder = made(tmp_path_factory.mktemp("learned") / "spool")
    return folder, opened(folder)


def made(folder: Path) -> Path:
    drawn = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=10.0)
    twin = replace(
        drawn, parameters={**drawn.parameters, **PIPE}, exposure=at("C3"), coating=None, mechanisms=(process(),),
        clock=later(EPOCH, 12),
    )  # fmt: skip
    store.save(twin, folder)
    log.append(folder, [reading(year, 6.02 - 0.1 * year) for year in (0, 4, 8)])
    return folder


def reading(year: int, value: float, place: str = "CML-1") -> Record:
    return Record(
        date=f"{2000 + year}-03-01", zone="body", kind="ultrasonic", value=round(value, 3), tool="UT", place=place
    )


def opened(folder: Path, particles: int = 40) -> Session:
    return open_session(folder, ahead_years=0, seed=0, particles=particles)


def same(first: Session, second: Session) -> bool:
    pairs = list(zip(first.now, second.now, strict=True))
    assert len(pairs) == session.RUNS
    return first.agreement == second.agreement and all((a.normal == b.normal).all() for a, b in pairs)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one for each inspection that is learned."""
    learned: list[int] = []
    update = smc.update
    monkeypatch.setattr(smc, "update", lambda *rest: (learned.append(1), update(*rest))[1])
    return learned


def test_what_was_learned_is_not_learned_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learned = counted(monkeypatch)
    first = opened(folder)
    assert len(learned) == 3 * session.RUNS
    assert (folder / cache.NAME).exists()
    assert same(first, opened(folder))
    assert len(learned) == 3 * session.RUNS


@pytest.mark.ci
def test_a_record_more_is_learned_as_if_all_were_learned_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(folder)
    learned = counted(monkeypatch)
    log.append(folder, [reading(12, 4.8)])
    more = opened(folder)
    assert len(learned) == session.RUNS
    log.append(folder, [reading(12, 4.85, "CML-2")])  # of the same day: that inspection is learned again
    again = opened(folder)
    assert len(learned) == 2 * session.RUNS
    (folder / cache.NAME).unlink()
    assert same(again, opened(folder))
    assert len(learned) == 6 * session.RUNS
    assert not same(more, again)


@pytest.mark.ci
def test_a_cache_of_other_records_a_broken_or_an_altered_one_is_not_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(folder)
    kept = (folder / cache.NAME).read_bytes()
    log.rule(folder, [2], "withdraws")
    without = opened(folder)
    assert not same(first, without)
    (folder / cache.NAME).write_bytes(kept)  # of the records before
    assert same(without, opened(folder))
    kept_now = (folder / cache.NAME).read_bytes()
    for spoilt in (b"", kept[:200], kept.replace(kept[2000:2010], bytes(10)), b"PK" + kept[2:1000]):
        (folder / cache.NAME).write_bytes(spoilt)
        assert same(without, opened(folder))
    content = dict(np.load(io.BytesIO(kept_now)))
    told = content["meta"].tobytes().replace(b'"widening": 1.0', b'"widening": 2.0')
    np.savez(folder / cache.NAME, **{**content, "meta": np.frombuffer(told, dtype=np.uint8)})  # but for its digest
    assert same(without, opened(folder))
    monkeypatch.setattr(session, "LEARNING", session.LEARNING + 1)  # by a later version
    learned = counted(monkeypatch)
    opened(folder)
    assert len(learned) == 2 * session.RUNS


@pytest.mark.ci
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number-0-0", 10**6), ("pit_number-1-1", -1), ("seeds-0-1", 10**6), ("spots-0-1", -5), ("lineage-1-1", 40),
        ("normal-0-1", np.nan), ("normal-0-1", "text"), ("inspections", -1), ("inspections", "3"), ("agreement", []),
        ("widening", 0), ("widening", None), ("tools", 5), ("odd", 1), ("power", float("inf")),
    ],
)  # fmt: skip
def test_a_cache_forged_with_its_digest_is_learned_anew(
    learned: tuple[Path, Session], tmp_path: Path, name: str, value: object
) -> None:
    folder, first = Path(shutil.copytree(learned[0], tmp_path / "spool")), learned[1]
    content = dict(np.load(io.BytesIO((folder / cache.NAME).read_bytes())))
    told = json.loads(content.pop("meta").tobytes())
    del told["digest"]
    if name in content:
        spoilt = content[name].astype(np.dtype(type(value))) if isinstance(value, str) else content[name]
        spoilt[...] = value
        content[name] = spoilt
    else:
        for run in told["runs"]:
            last = run[-1]
            (last["agreement"][0] if name == "odd" else last)[name] = value
    meta = json.dumps({**told, "digest": cache._digest(told, content)})
    np.savez(folder / cache.NAME, meta=np.frombuffer(meta.encode(), dtype=np.uint8), **content)
    assert same(first, opened(folder))


def test_a_folder_that_cannot_be_written_is_read_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache.files, "atomic_file", refuse)
    assert opened(folder).conflicts == ()
    assert not (folder / cache.NAME).exists()


@pytest.mark.ci
def test_a_twin_that_grew_has_learned_the_same(folder: Path) -> None:
    first = opened(folder)
    store.advance(folder, lambda clock: later(clock, 3))
    assert same(first, opened(folder))


@pytest.mark.ci
def test_a_conflict_is_decided_by_all_runs_and_kept(folder: Path) -> None:
    opened(folder, particles=120)
    log.append(folder, [reading(12, 1.5)])
    shaken = opened(folder, particles=120)
    assert [item.date for item in shaken.conflicts] == ["2012-03-01"]
    again = opened(folder, particles=120)
    assert same(shaken, again)
    assert shaken.widening == again.widening
