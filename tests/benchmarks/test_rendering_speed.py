import csv
from math import isnan, sqrt
from pathlib import Path

import numpy as np
import pytest

from corrotwin.synth.presets.builtin import PRESETS
from tools.speed import rendering, rendering_tables
from tools.speed.rendering_tables import RenderingRow


def rows(arm: str, seconds: float, db: float) -> list[RenderingRow]:
    """One scene: each sample takes `seconds` for 4 views, and four times the samples win 6 dB."""
    found = [RenderingRow(arm=arm, scene=0, step="start", wall_s=2.0, cpu_s=3.0)]
    for times, samples in enumerate((1, 4, 8, 16, 64)):
        psnr = float("nan") if samples == 64 else db + 6 * times
        found.append(
            RenderingRow(arm=arm, scene=0, step="photographs", samples=samples, wall_s=samples * seconds,
                cpu_s=samples * seconds, psnr_db=psnr)
        )  # fmt: skip
    return found


def test_better_is_more_decibels_whatever_the_exposure() -> None:
    rng = np.random.default_rng(0)
    best = rng.uniform(0.1, 1, (8, 8, 3)).astype(np.float32)
    noise = rng.normal(0, 1, best.shape).astype(np.float32)
    near, far = (rendering.psnr_db(best + by * noise, best) for by in (0.001, 0.01))
    assert near > far + 15
    assert rendering.psnr_db(best, best) == 120
    assert rendering.psnr_db(50 * (best + 0.01 * noise), 50 * best) == pytest.approx(far, abs=0.01)


def test_decibels_are_those_of_what_is_shown() -> None:
    """Light that shows as 0.4 everywhere but for one channel in three, which differs by 0.1."""
    gain = 0.18 / 0.4**2.2
    best = np.full((4, 4, 3), 0.18 / gain, np.float32)
    other = best.copy()
    other[..., 2] = (0.18 ** (1 / 2.2) + 0.1) ** 2.2 / gain
    assert rendering.psnr_db(other, best) == pytest.approx(-10 * np.log10(0.1**2 / 3), abs=1e-3)


def test_seconds_at_a_quality_lie_between_two_points() -> None:
    points = rendering_tables.curve(rows("ours", 0.8, 30.0), "ours")
    assert [each[0] for each in points] == [1, 4, 8, 16, 64]
    assert points[1][1] == pytest.approx(0.8)  # 4 samples, 4 views
    assert rendering_tables.seconds_at(points, 42.0, 1) == pytest.approx(1.6)
    assert rendering_tables.seconds_at(points, 39.0, 2) == pytest.approx(sqrt(0.8 * 1.6))
    assert rendering_tables.seconds_at(points, 20.0, 1) == pytest.approx(0.2)  # the fewest samples are more than enough
    assert isnan(rendering_tables.seconds_at(points, 60.0, 1))


def test_label_pass_counts_once_for_all_views() -> None:
    ours = [*rows("ours", 0.8, 30.0), RenderingRow(arm="ours", scene=0, step="label pass", wall_s=4.0, cpu_s=8.0)]
    assert rendering_tables.curve(ours, "ours")[0][1:3] == pytest.approx((1.2, 2.2))


@pytest.mark.ci
def test_tables_say_ratios_and_shares(tmp_path: Path) -> None:
    made = [*rows("stock", 4.0, 30.0), *rows("ours", 1.0, 30.0)]
    made += [
        RenderingRow(arm="writers", scene=0, step=step, items=10, wall_s=wall, cpu_s=wall / 2)
        for step, wall in (("stock writer", 0.5), ("our writer", 0.01))
    ]
    made.append(
        RenderingRow(arm="light tree", scene=0, step="photographs", samples=4, wall_s=8.0, cpu_s=2.0, psnr_db=35.5)
    )
    rendering.write(tmp_path / "speed", made, "Rendering")
    text = (tmp_path / "speed" / "rendering.md").read_text()
    assert "| wall s an image at 40 dB | 6.35 | 1.59 | 4.0 |" in text
    assert "| processor ms a mask written, the same 10 masks | 25.00 | 0.50 | 50.0 |" in text
    assert "| 64 | 64.00 | 64.00 | reference | 16.00 | 16.00 | reference |" in text
    # A third of the start, 2 of 4 views; photographs 1 s an image.
    assert "| start | 0.17 | 14% | 0.25 | 20% |" in text
    assert "| light tree | 2.00 | 0.50 | 35.5 |" in text
    written = list(csv.DictReader((tmp_path / "speed" / "rendering.csv").read_text().splitlines()))
    assert len(written) == len(made)
    assert (tmp_path / "speed" / "rendering.svg").read_text().startswith("<?xml")


@pytest.mark.slow
@pytest.mark.blender
def test_both_arms_render_the_same_scene_and_more_samples_come_nearer() -> None:
    usual = PRESETS["balanced"].samples
    found = rendering.measure(size=48, scenes=1, samples=(1,), reference=64, variants=("light tree",), threads=1)
    for arm in ("stock", "ours"):
        decibels = {row.samples: row.psnr_db for row in found if row.arm == arm and row.step == "photographs"}
        assert sorted(decibels) == [1, usual, 64]
        assert 10 < decibels[1] < decibels[usual]
    assert {row.step for row in found if row.arm == "ours"} == {
        "scene sampled", "start", "building", "label pass", "photographs", "recorded"
    }  # fmt: skip
    theirs, own = (next(row for row in found if row.step == f"{whose} writer") for whose in ("stock", "our"))
    assert theirs.items == own.items > 1
    assert [row.samples for row in found if row.arm == "light tree" and row.step == "photographs"] == [usual]
