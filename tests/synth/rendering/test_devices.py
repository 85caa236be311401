import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corrotwin.synth.blender import session
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering import capacity, dataset, devices, fanout
from corrotwin.synth.rendering.job import Task
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError


@pytest.mark.parametrize(
    ("wanted", "cards", "found"),
    [
        ("cpu", {"nvidia": 8}, ("cpu", 0)),
        ("auto", {}, ("cpu", 0)),
        ("auto", {"nvidia": 0, "amd": 0, "apple": 0}, ("cpu", 0)),
        ("auto", {"nvidia": 4, "amd": 1}, ("optix", 4)),
        ("auto", {"amd": 2}, ("hip", 2)),
        ("auto", {"apple": 1}, ("metal", 1)),
        ("cuda", {"nvidia": 2}, ("cuda", 2)),
        ("hip", {"nvidia": 2, "amd": 1}, ("hip", 1)),
    ],
)
def test_best_way_of_the_cards_there_are(wanted: str, cards: dict[str, int], found: tuple[str, int]) -> None:
    assert devices.choose(wanted, cards, lambda device: "") == found


@pytest.mark.parametrize(
    ("broken", "found", "lines"),
    [
        (("optix",), ("cuda", 2), ["optix: cannot render here (no driver); trying the next device"]),
        (("optix", "cuda"), ("oneapi", 1), ["optix", "cuda"]),
        (("optix", "cuda", "oneapi"), ("cpu", 0), ["optix", "cuda", "oneapi"]),
    ],
)
def test_what_does_not_render_is_said_in_one_line_and_the_next_is_tried(
    broken: tuple[str, ...], found: tuple[str, int], lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fault(device: str) -> str:
        return "no driver" if device in broken else ""

    assert devices.choose("auto", {"nvidia": 2, "intel": 1}, fault) == found
    assert len(caplog.messages) == len(lines)
    assert all(message.startswith(line) for message, line in zip(caplog.messages, lines, strict=True))
    assert devices.choose("optix", {"nvidia": 2}, fault) == ("optix", 2)  # who names one gets it, or its error


@pytest.mark.slow
@pytest.mark.blender
def test_a_device_is_tried_by_a_picture_of_a_few_pixels() -> None:
    """The processor renders; this Blender has no Metal, whatever the machine."""
    assert devices.fault_here("cpu") == ""
    assert "cannot render with metal" in devices.fault_here("metal")


@pytest.mark.parametrize(
    ("wanted", "cards", "message"),
    [
        ("optix", {"amd": 1, "nvidia": 0}, "`device` optix: found 1 amd; choose auto or cpu"),
        ("metal", {}, "`device` metal: found no graphics card; choose auto or cpu"),
        ("gpu", {"nvidia": 1}, "`device` gpu: choose from cpu, auto, optix, cuda, hip, oneapi, metal"),
    ],
)
def test_card_that_is_not_there_is_refused(wanted: str, cards: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        devices.choose(wanted, cards, lambda device: "")


def test_cards_are_counted_and_what_else_the_driver_shows_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / "dev" / name).touch()
    for number, key in enumerate(("0", "7231", "7232", "7233", "")):  # the first is a processor
        node = tmp_path / "sys/class/kfd/kfd/topology/nodes" / str(number)
        node.mkdir(parents=True)
        (node / "gpu_id").write_text(f"{key}\n")
    for number, vendor in enumerate(("0x8086", "0x10de")):
        card = tmp_path / "sys/class/drm" / f"renderD{128 + number}" / "device"
        card.mkdir(parents=True)
        (card / "vendor").write_text(f"{vendor}\n")
    assert devices.cards_here(tmp_path) == {"nvidia": 2, "amd": 3, "intel": 1, "apple": 0}
    monkeypatch.setattr(devices.sys, "platform", "darwin")
    for machine, cards in (("arm64", 1), ("x86_64", 0)):
        monkeypatch.setattr(devices.platform, "machine", lambda machine=machine: machine)
        assert devices.cards_here(tmp_path)["apple"] == cards
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0,2")
    assert devices.cards_here(tmp_path) == {"nvidia": 0, "amd": 2, "intel": 1, "apple": 0}


@pytest.mark.parametrize(
    ("listed", "seen"),
    [
        ("0,1", 2), ("2", 1), (" 1 , 2 ", 2), ("", 0), ("-1", 0), ("0,-1,1", 1), ("NoDevFiles", 0), ("0,7,1", 1),
        ("0,,1", 1), ("1,1", 0), ("GPU-8932f937,GPU-d47d6e1f", 2), ("MIG-a,MIG-b,MIG-c,MIG-d", 3),
    ],
)  # fmt: skip
def test_a_list_of_cards_is_read_as_cuda_does(
    listed: str, seen: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dev").mkdir()
    for number in range(3):
        (tmp_path / "dev" / f"nvidia{number}").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert devices.cards_here(tmp_path)["nvidia"] == seen


@pytest.mark.ci
def test_a_mac_starts_ray_with_its_card_and_one_process_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray waits for ever for a card that it does not find."""
    import ray

    started: dict[str, Any] = {}
    monkeypatch.setattr(devices, "cards_here", lambda: {"nvidia": 0, "amd": 0, "apple": 1})
    monkeypatch.setattr(devices, "fault_here", lambda device: "")
    place = dataset.render_resources("auto", None, None)
    assert (place.device, place.workers, place.cards, place.needs.gpus) == ("metal", 1, 1, 1)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: started.update(options))
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "of the Mac"))
    cluster.connect(None, gpus=place.cards)
    assert started["num_gpus"] == 1
    monkeypatch.setattr(dataset, "check_program", lambda *rest: None)
    monkeypatch.setattr(fanout, "fan_out", lambda *rest, **options: started.update(options) or [])
    task = Task(config=RenderConfig(preset="quick", size=8, seed=0), shown=None, count=1, device="metal")
    dataset._render_missing(tmp_path, task, place, None)
    assert (started["cards"], started["workers"], started["needs"].gpus) == (1, 1, 1)


@pytest.mark.parametrize(("cores", "workers", "threads"), [(1, 1, 1), (2, 2, 1), (6, 2, 3), (16, 4, 4), (64, 16, 4)])
def test_processes_share_the_cores(cores: int, workers: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "available_cores", lambda: cores)
    place = dataset.render_resources("cpu", None, None)
    assert (place.workers, place.needs.cpus) == (workers, threads)


@pytest.mark.parametrize(("wanted", "gpus", "workers"), [("cpu", 0, 2), ("auto", 1, 4), ("cuda", 1, 4)])
def test_a_process_a_card_here(wanted: str, gpus: int, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cards_here", lambda: {"nvidia": 4, "amd": 0, "apple": 0})
    monkeypatch.setattr(devices, "fault_here", lambda device: "")
    monkeypatch.setattr(dataset, "available_cores", lambda: 2)
    place = dataset.render_resources(wanted, None, None)
    assert (place.needs.gpus, place.workers, place.cards) == (gpus, workers, 4 if gpus else None)
    assert place.needs.cpus >= 1


@pytest.mark.parametrize(("workers", "cards", "share"), [(16, 4, 1 / 4), (3, 2, 1 / 2), (4, 3, 1 / 2), (1, 2, 1)])
def test_as_many_processes_share_the_cards_as_are_asked_for(
    workers: int, cards: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray gives a process a part of one card, never parts of two."""
    monkeypatch.setattr(devices, "cards_here", lambda: {"nvidia": cards})
    monkeypatch.setattr(dataset, "available_cores", lambda: 16)
    place = dataset.render_resources("cuda", workers, None)
    assert (place.needs.gpus, place.workers, place.cards) == (share, workers, cards)
    assert capacity.room({"CPU": 16, "GPU": cards, cluster.BLENDER: 16}, place.needs) >= workers


@pytest.mark.parametrize(("share", "tasks"), [(2 / 3, 2), (0.4, 4), (1 / 3, 6), (1, 2), (2, 1)])
def test_a_task_that_takes_part_of_a_card_has_it_of_one(share: float, tasks: int) -> None:
    assert capacity.room({"CPU": 8, "GPU": 2}, capacity.Needs(gpus=share)) == tasks


def machine(cards: int, kind: str, *, renders: bool = True) -> dict[str, float]:
    return {"CPU": 8, "GPU": cards, f"accelerator_type:{kind}": 1, **({cluster.BLENDER: 8} if renders else {})}


def on_a_cluster(
    machines: list[dict[str, float]], monkeypatch: pytest.MonkeyPatch, device: str = "auto"
) -> dataset.RenderResources:
    monkeypatch.setattr(cluster, "machines", lambda: machines)
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    return dataset.render_resources(device, None, "auto")


@pytest.mark.parametrize(
    ("machines", "device"),
    [
        ([{"CPU": 8, cluster.BLENDER: 8}, machine(8, "H100", renders=False)], "cpu"),
        ([machine(2, "L4"), machine(8, "AMD-Instinct-MI300X", renders=False)], "optix"),
        ([machine(2, "AMD-Instinct-MI300X"), machine(1, "AMD-Instinct-MI300X")], "hip"),
        ([machine(2, "Intel-GPU-Max-1550")], "cpu"),
    ],
)
def test_on_a_cluster_cards_are_of_the_make_that_ray_names(
    machines: list[dict[str, float]], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = on_a_cluster(machines, monkeypatch)
    assert (place.device, place.needs.gpus, place.workers, place.cards) == (device, int(device != "cpu"), None, None)


@pytest.mark.parametrize(("cores", "threads", "at_a_time"), [((2, 16), 2, 9), ((0, 16), 4, 4), ((8, 16), 4, 6)])
def test_the_smallest_machine_of_a_cluster_gets_batches_too(
    cores: tuple[int, ...], threads: int, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = on_a_cluster([{"CPU": each, cluster.BLENDER: 16} for each in cores], monkeypatch, "cpu")
    assert place.needs.cpus == threads
    assert capacity.at_a_time(place.needs) == at_a_time


def test_cards_of_two_makes_on_a_cluster_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"cards of several makes \(1 amd, 2 nvidia\); give the resource blender"):
        on_a_cluster([machine(2, "L4"), machine(1, "AMD-Instinct-MI210")], monkeypatch, "optix")


class Preferences:
    """Cycles' preferences of a Blender that was built for `ways`, on a machine with `cards` (a way each)."""

    def __init__(self, ways: set[str], cards: list[str]) -> None:
        self.ways, self.devices = ways, [SimpleNamespace(type=way, use=None) for way in cards]

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "compute_device_type" and value not in self.ways:
            raise TypeError(f"enum {value!r} not found")
        super().__setattr__(name, value)

    def refresh_devices(self) -> None:
        pass


def fake_blender(monkeypatch: pytest.MonkeyPatch, ways: set[str], cards: list[str]) -> SimpleNamespace:
    cycles = SimpleNamespace(preferences=Preferences(ways, cards))
    context = SimpleNamespace(
        preferences=SimpleNamespace(addons={"cycles": cycles}),
        scene=SimpleNamespace(cycles=SimpleNamespace(device="CPU")),
    )
    monkeypatch.setitem(sys.modules, "bpy", SimpleNamespace(context=context))
    return context


def test_blender_renders_on_the_cards_of_the_way_chosen_and_not_on_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = fake_blender(monkeypatch, {"OPTIX", "CUDA"}, ["CPU", "CUDA", "OPTIX"])
    session._use_cards("optix")
    assert context.scene.cycles.device == "GPU"
    assert [card.use for card in context.preferences.addons["cycles"].preferences.devices] == [False, False, True]


@pytest.mark.parametrize(
    ("device", "says"), [("hip", "Blender finds no card that renders with hip"), ("metal", "cannot render with metal")]
)
def test_blender_that_has_no_card_says_so(device: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = fake_blender(monkeypatch, {"HIP"}, ["CPU"])
    with pytest.raises(RuntimeError, match=says):
        session._use_cards(device)
    assert context.scene.cycles.device == "CPU"
