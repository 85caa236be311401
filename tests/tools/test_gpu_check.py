"""The check of a card: its plan, its table, what it says without a card, and one small trial on the processor."""

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corrotwin.synth.rendering import devices
from corrotwin.twin.core.errors import InputError, WorkError
from tools import gpu_check
from tools.gpu_check import CardReport, attempt, deadlines, markdown
from tools.speed import card_rendering, card_training
from tools.speed.card_rendering import PictureAgreement, RenderTiming
from tools.speed.card_training import StepTiming

TIMING = RenderTiming(device="optix", processes=2, first_s=12.5, next_s=0.25, images_per_minute=61.0, whole=False)
STEPS = StepTiming(
    backbone="vgg16", precision="fast", steps=70, images_per_second=321.0, memory_mib=2048.0, loss=(0.7, 0.3),
    agreement=0.998,
)  # fmt: skip


@given(
    shares=st.dictionaries(st.text(min_size=1), st.floats(0.1, 10), min_size=1), seconds=st.floats(1, 10_000),
    now=st.floats(0, 10**6),
)  # fmt: skip
def test_the_parts_fill_the_time_in_order_and_in_proportion(
    shares: dict[str, float], seconds: float, now: float
) -> None:
    ends = deadlines(shares, seconds, now)
    assert list(ends) == list(shares)
    lengths = np.diff([now, *ends.values()])
    assert lengths == pytest.approx([seconds * share / sum(shares.values()) for share in shares.values()], abs=1e-6)
    assert max(ends.values()) == pytest.approx(now + seconds)


def test_what_does_not_fit_is_left_out_and_what_fails_is_one_line() -> None:
    found, ends, done = CardReport(), {"a": 10.0, "b": 20.0, "c": 30.0, "d": 40.0}, []
    now = 5.0

    def work(deadline: float) -> None:
        nonlocal now
        done.append(deadline)
        now = 25.0

    def fail(_: float) -> None:
        raise WorkError("optix: Blender failed: no driver")

    def run_out(_: float) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried 2 GiB\nsee the docs")

    assert attempt(found, "a", ends, work, lambda: now)  # takes longer than it may
    assert not attempt(found, "b", ends, work, lambda: now)
    assert not attempt(found, "c", ends, fail, lambda: now)
    assert not attempt(found, "d", ends, run_out, lambda: now)
    assert done == [10.0]
    assert found.left_out == ["b"]
    assert found.remarks == ["c: optix: Blender failed: no driver", "d: CUDA out of memory. Tried 2 GiB"]


def test_the_report_is_markdown_with_what_was_found() -> None:
    found = CardReport(
        facts={"card": "H100 | PCIe"}, renders=[("two processes", TIMING)], trainings=[STEPS],
        agreement=PictureAgreement(psnr_db=(38.2, 41.0), differ=0.0012, inside=0.0, wall_loss_mm=0.001),
        remarks=["optix: no driver"], left_out=["x", "y"],
    )  # fmt: skip
    text = markdown(found)
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3
    for table in tables:
        assert {line.replace("\\|", "").count("|") for line in table} == {table[0].count("|")}
    assert "| two processes | optix | 2 | 12.5 | 0.25 | 61.0 | no, out of time |" in text
    assert "| vgg16 | fast | 70 | 321.0 | 2048 | 0.700 to 0.300 | 99.800% |" in text
    assert "photographs 41.0 dB (lowest 38.2); masks differ at 0.1200% of the pixels, 0.0000% away" in text
    assert text.endswith("- optix: no driver\n- left out, the time was over: x; y\n")


def test_timing_is_that_of_all_processes() -> None:
    found = card_rendering.timing("cuda", [[10.0, 12.0, 13.0], [11.0, 15.0, 20.0]], 3)
    assert (found.first_s, found.next_s, found.images_per_minute) == (11.0, 3.0, 60 * 6 / 20)
    assert found.whole
    late = card_rendering.timing("cuda", [[10.0]], 3)
    assert not late.whole
    assert np.isnan(late.next_s)


def test_masks_that_differ_at_their_border_alone_are_told_from_others() -> None:
    """A disc beside the same disc a pixel further, and beside one with a hole far from its border."""
    y, x = np.mgrid[:64, :64]
    disc = np.hypot(y - 32, x - 30) < 20

    def label(mask: np.ndarray, loss_mm: float) -> np.ndarray:
        return np.stack([mask, np.full(mask.shape, loss_mm), np.ones(mask.shape)], axis=-1).astype(np.float32)

    moved = np.roll(disc, 1, axis=1)
    differ, inside, loss_mm = card_rendering.label_differences(label(disc, 1), label(moved, 1.25), 0.5)
    assert differ == pytest.approx((disc != moved).mean())
    assert (inside, loss_mm) == (0, 0.25)
    holed = disc & ~(np.hypot(y - 32, x - 30) < 3)
    differ, inside, _ = card_rendering.label_differences(label(disc, 1), label(holed, 1), 0.5)
    assert differ == inside == pytest.approx((disc & ~holed).mean())


def no_cards(root: Path = Path("/")) -> dict[str, int]:
    return dict.fromkeys(devices.GPUS, 0)


def test_without_a_card_it_says_so_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cards_here", no_cards)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no graphics card was found here; `device` cpu makes a trial without one"):
        gpu_check.gpu_check(out=tmp_path / "check.md")
    assert list(tmp_path.iterdir()) == []


def test_without_bpy_it_trains_only_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = []

    def measure(backbone: str, precision: str, **_: object) -> StepTiming:
        trained.append((backbone, precision))
        return STEPS

    monkeypatch.setattr(gpu_check, "find_spec", lambda name: None)
    monkeypatch.setattr(card_training, "measure", measure)
    assert gpu_check.gpu_check(device="cpu", out=tmp_path / "check.md") == 0
    assert trained == list(gpu_check.TRAINED)
    assert len({backbone for backbone, _ in trained}) == 5
    text = (tmp_path / "check.md").read_text()
    assert "here: rendering was not tried" in text
    assert text == capsys.readouterr().out


def test_an_interrupted_check_leaves_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter([STEPS])

    def measure(*_: object, **__: object) -> StepTiming:
        for timing in calls:
            return timing
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu_check, "find_spec", lambda name: None)
    monkeypatch.setattr(card_training, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        gpu_check.gpu_check(device="cpu", out=tmp_path / "check.md")
    assert "| vgg16 | fast | 70 |" in (tmp_path / "check.md").read_text()


@pytest.mark.ci
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_training_is_measured_until_its_time_is_over(precision: str) -> None:
    begun = time.monotonic()
    found = card_training.measure(
        "tu-tf_efficientnet_lite0", precision, size=32, batch_size=4, deadline=begun + 4, where=torch.device("cpu"),
        threads=1,
    )  # fmt: skip
    seconds = time.monotonic() - begun
    assert found.steps >= 1
    assert 0 < found.images_per_second <= 4 * found.steps / 1e-3
    assert found.images_per_second >= 4 * found.steps / seconds
    assert found.memory_mib is None
    assert found.agreement is None or 0.9 < found.agreement <= 1


def test_the_same_masks_agree_whatever_the_network_says() -> None:
    """A network of float32 alone agrees with itself; one that changes sides with the precision agrees nowhere."""
    images = torch.rand(2, 3, 32, 32)

    class Fickle(torch.nn.Module):
        calls = 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return torch.ones_like(images[:, :1]) * (-1) ** self.calls

    config = card_training.configure("small", backbone="mobilenet_v2", arm=card_training.REAL, seed=0)
    assert card_training.same_masks(config, torch.nn.Conv2d(3, 1, 1).eval().requires_grad_(False), images) > 0.9
    assert card_training.same_masks(config, Fickle(), images) == 0


@pytest.mark.slow
@pytest.mark.blender
def test_a_trial_on_the_processor_renders_trains_and_agrees_with_itself(tmp_path: Path) -> None:
    assert gpu_check.gpu_check(minutes=20, device="cpu", pictures=2, size=32, out=tmp_path / "check.md") == 0
    text = (tmp_path / "check.md").read_text()
    for part in (gpu_check.FIRST, gpu_check.AGAIN, gpu_check.TWO, gpu_check.THREE, gpu_check.PROCESSOR):
        assert f"| {part} | cpu |" in text
    assert "masks differ at 0.0000% of the pixels, 0.0000% away from borders; wall loss by 0.0000 mm" in text
    for backbone, precision in gpu_check.TRAINED:
        assert f"| {backbone} | {precision} |" in text


@pytest.mark.slow
@pytest.mark.blender
def test_a_card_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    batch = card_rendering.sample(tmp_path / "base", preset="quick", size=32, count=2)
    with pytest.raises(WorkError, match=r"^hip: Blender failed: RuntimeError: .*\bhip\b.*choose `device` cpu"):
        card_rendering.render(
            tmp_path / "base", batch, device="hip", processes=2, threads=1, deadline=time.monotonic() + 500,
            place=tmp_path / "card",
        )  # fmt: skip
