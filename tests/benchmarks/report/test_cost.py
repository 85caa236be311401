"""The report's section on cost: latencies, minutes and the Pareto front."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from matplotlib.figure import Figure as Canvas

from corrotwin.benchmarks.formatting.inline_svg import TIP
from corrotwin.benchmarks.report.context import gather
from corrotwin.benchmarks.report.sections import cost
from corrotwin.benchmarks.study import results
from corrotwin.segmentation.config import DEFAULT_BACKBONE
from corrotwin.segmentation.deployment import latency
from corrotwin.segmentation.models import network

Maker = Callable[..., Any]
TWO = ("vgg16", "resnet152")

pytestmark = [pytest.mark.ci, pytest.mark.usefixtures("cheap_latency")]


def test_latencies_are_kept_and_a_damaged_file_costs_them_alone(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=TWO)
    found = results.load(tmp_path)
    first = cost.timings(found)
    assert {name: timing.p50_ms for name, timing in first.items()} == {"resnet152": 10.0, "vgg16": 11.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "measure", lambda *args, **kwargs: pytest.fail("measured again"))
        assert cost.timings(found) == first
    (tmp_path / cost.FILE).write_text((tmp_path / cost.FILE).read_text().replace("resnet152", "inceptionv4"))
    assert set(cost.timings(found)) == set(TWO)  # a backbone that was added later is measured, with the others
    (tmp_path / cost.FILE).write_text("backbone,p50_ms\nvgg16,soon\n")
    part = cost.section(gather(found), network.complexity)
    assert any("delete it and the report measures again" in block.text for block in part.blocks if block.kind == "text")
    assert [row["latency_ms"] for row in part.tables[0].rows] == [None, None]
    assert not any("Pareto front of mean F1" in block.text for block in part.blocks if block.kind == "text")


def test_the_front_leaves_smoke_tests_out_where_there_is_more(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=("vgg16", DEFAULT_BACKBONE))
    part = cost.section(gather(results.load(tmp_path)), network.complexity)
    assert {row["backbone"]: row["pareto"] for row in part.tables[0].rows} == {"vgg16": None, DEFAULT_BACKBONE: True}
    (figure,) = part.figures
    drawn = Canvas()
    figure.draw(drawn)
    assert not any(line.get_linestyle() == "--" for axis in drawn.axes for line in axis.lines)  # one point is no line
    assert "dashed" not in figure.caption


def test_a_front_of_all_backbones_is_of_those_with_both_numbers(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=("vgg16", "resnet152", "mobilenet_v2"))
    found = results.load(tmp_path)

    def front(smoke: tuple[str, ...], **latencies: float) -> str:
        rows = "".join(f"{name},{value},32,1,float32,20\n" for name, value in latencies.items())
        (tmp_path / cost.FILE).write_text(",".join(cost.COLUMNS) + "\n" + rows)
        manifest = {**found.manifest, "smoke_backbones": smoke}
        (text,) = (
            block.text
            for block in cost.section(gather(replace(found, manifest=manifest)), network.complexity).blocks
            if block.kind == "text"
        )
        return text

    rest = " are on the Pareto front of mean F1 against latency."
    assert front((), resnet152=1, vgg16=2, mobilenet_v2=3) == f"All 3 backbones with both numbers{rest}"
    two = front(("vgg16",), resnet152=1, vgg16=2, mobilenet_v2=3)
    assert two == f"The two backbones with both numbers, smoke tests aside,{rest}"


def test_a_cost_under_the_pointer_is_no_power_of_ten(
    tmp_path: Path, fake_study: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=TWO)
    size = SimpleNamespace(unet_params=12_340_000, unet_gmacs=1234.5)
    (figure,) = cost.section(gather(results.load(tmp_path)), lambda *_: size).figures  # type: ignore[arg-type]
    drawn = Canvas()
    figure.draw(drawn)
    said = [line.get_gid() for line in drawn.axes[2].lines if str(line.get_gid()).startswith(TIP)]
    assert len(said) == 2
    assert all(", 1,234 GMACs (" in text for text in said)
    assert any(", 12.3 parameters, M" in str(line.get_gid()) for line in drawn.axes[3].lines)


def test_minutes_of_several_kinds_of_machine_have_no_front(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=TWO)

    def fronts() -> tuple[list[int], str, str]:
        part = cost.section(gather(results.load(tmp_path)), network.complexity)
        (figure,) = part.figures
        drawn = Canvas()
        figure.draw(drawn)
        dashed = [sum(line.get_linestyle() == "--" for line in axis.lines) for axis in drawn.axes]
        return dashed, figure.caption, part.tables[0].caption

    for path in (tmp_path / "runs").glob("real-vgg16-*/run.json"):
        path.write_text(path.read_text().replace('"train_seconds": 6', '"train_seconds": 16'))
    dashed, *said = fronts()
    assert dashed == [1, 1, 1, 0]  # one of the two has fewer parameters and is better
    assert "dashed lines are Pareto fronts" in said[0]
    assert not any("kinds of machine" in caption for caption in said)
    path = tmp_path / "runs" / "real-vgg16-01" / "run.json"
    path.write_text(path.read_text().replace("cpu (test)", "cpu (other)"))
    dashed, *said = fronts()
    assert dashed == [1, 0, 1, 0]
    for caption in said:
        assert "from 2 kinds of machine (cpu (other) and cpu (test)), so they do not compare the backbones." in caption
