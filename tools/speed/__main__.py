"""Command line: ``python -m tools.speed training``, ``agreement``, ``rendering``, ``memory`` and ``sweep``."""

from pathlib import Path

from corrotwin.segmentation.config import BACKBONES
from corrotwin.twin.core.cli import run
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import say, say_error


def training(
    *,
    data: Path,
    out: Path | None = None,
    backbones: tuple[str, ...] = BACKBONES,
    size: int = 160,
    batch_size: int = 8,
    steps: int = 8,
    rounds: int = 3,
    threads: int = 2,
) -> None:
    """Time training loops in turn, round by round, so that other load on the machine affects all alike.

    Parameters
    ----------
    data
        COCO dataset whose photos are trained on.
    out
        CSV file to write: one row for each backbone, loop and round.
    backbones
        encoders of the U-Nets.
    size
        side of the working image in pixels, divisible by 32.
    batch_size
        images per step.
    steps
        steps of each loop in a round.
    rounds
        how often each loop has its turn.
    threads
        CPU threads of torch.
    """
    for name, value in (("steps", steps), ("rounds", rounds), ("batch-size", batch_size), ("threads", threads)):
        if value < 1:
            raise InputError(f"--{name} {value} is below 1")
    if out is not None and (out.is_dir() or out.suffix != ".csv"):
        raise InputError(f"{out}: choose the name of a .csv file for --out")

    from corrotwin.segmentation.data import coco
    from tools.speed import training as speed

    timings = speed.measure(
        coco.read(data),
        backbones=backbones,
        size=size,
        batch_size=batch_size,
        steps=steps,
        rounds=rounds,
        threads=threads,
        on_round=say_error,
    )
    speed.show(timings, size=size, batch_size=batch_size, threads=threads)
    if out is not None:
        speed.write(out, timings)


def agreement(
    *,
    data: Path,
    out: Path,
    backbone: str = "mobilenet_v2",
    pairs: int = 5,
    size: int = 128,
    epochs: int = 30,
    threads: int = 2,
) -> None:
    """Train pairs of runs, precision exact and fast from the same seed, and print the difference of their test F1.

    Parameters
    ----------
    data
        COCO dataset of photos.
    out
        folder of the runs; the same command resumes, more pairs are added.
    backbone
        encoder of the U-Net.
    pairs
        pairs of runs, at least two.
    size
        side of the working image in pixels, divisible by 32.
    epochs
        epochs of each run; all else as in profile small.
    threads
        CPU threads of torch.
    """
    if pairs < 2:
        raise InputError(f"--pairs {pairs} gives no interval; train at least 2")

    from corrotwin.segmentation.data import coco
    from tools.speed import agreement as speed

    result = speed.measure(
        out,
        coco.read(data),
        backbone=backbone,
        seeds=range(pairs),
        changes={"size": size, "epochs": epochs, "threads": threads},
        on_run=lambda name: say(f"run {name}"),
    )
    for seed, exact, fast in zip(result.seeds, result.exact, result.fast, strict=True):
        say(f"seed {seed}: exact {exact:.4f}, fast {fast:.4f}, difference {fast - exact:+.4f}")
    say(
        f"{backbone}: fast - exact {result.difference:+.4f} F1, 95 % interval {result.low:+.4f} to {result.high:+.4f}, "
        f"{len(result.seeds)} pairs of runs on the same photos"
    )


def sweep(
    *, data: Path, out: Path, trials: int = 500, nodes: int = 0, slots: int | None = None, alone: int = 20
) -> None:
    """Run a sweep of tiny trials, and print what Ray Tune adds to their trainings.

    Parameters
    ----------
    data
        COCO dataset of photos; a few of them are trained on at 32 px.
    out
        folder for overhead.csv and the sweep; must not exist.
    trials
        number of trials, one epoch each.
    nodes
        raylets of a cluster that is started on this machine for the purpose; 0 for Ray as every command starts it.
    slots
        trials at a time, in all; the machine's cores if not given.
    alone
        trainings without Ray to compare with.
    """
    from corrotwin.twin.core.cli import available_cores

    slots = slots or available_cores()
    if trials < 1 or alone < 1 or nodes < 0 or slots < max(nodes, 1):
        raise InputError("give at least one trial, one training alone, and as many slots as nodes")

    from tools.speed import sweeping as speed

    count = 0

    def on_end(trial: object) -> None:
        nonlocal count
        count += 1
        if count % 50 == 0:
            say_error(f"{count} trials")

    result = speed.measure(out, data, trials=trials, nodes=nodes, slots=slots, alone=alone, on_end=on_end)
    speed.write(out / "overhead.csv", result)
    say(
        f"{result.trials} trials, {result.slots} at a time, {result.nodes} nodes: {result.seconds:.0f} s, "
        f"{result.overhead_seconds:.2f} s of a slot for each beyond the {result.alone_seconds:.2f} s of its training; "
        f"logs {result.log_mb:.1f} MB, Tune's files {result.ray_mb:.1f} MB, kept {result.trial_kb:.1f} kB a trial, "
        f"object store {result.store_mb:.1f} MB, driver {result.driver_mb:.0f} MB"
    )


def rendering(
    *,
    out: Path,
    size: int = 640,
    scenes: int = 4,
    samples: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256),
    reference: int = 1024,
    variants: bool = False,
    threads: int = 2,
) -> None:
    """Render scenes of `balanced`, 4 views each, by a stock BlenderProc script and by ours, in turn.

    The tables show seconds per image against PSNR to the reference, seconds per mask for writing labels, and how our
    time is spent. A small form: python -m tools.speed rendering --out out/speed --size 96 --scenes 1 --samples 1 4
    --reference 32

    Parameters
    ----------
    out
        folder for rendering.csv, rendering.md and rendering.svg.
    size
        picture side in pixels.
    scenes
        how many scenes.
    samples
        samples a pixel of the curve; those of the preset are added.
    reference
        samples of the picture that others are compared with.
    variants
        also render ours with other settings of Cycles.
    threads
        CPU threads of Blender.
    """
    for name, value in (("size", size), ("scenes", scenes), ("threads", threads), ("samples", min(samples, default=0))):
        if value < 1:
            raise InputError(f"--{name} {value} is below 1")
    if max(*samples, 8) >= reference:
        raise InputError(f"--reference {reference}: give more than all --samples, and more than the preset's 8")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, not a folder; choose another --out")

    from tools.speed import rendering as speed
    from tools.speed.arms import PERSISTENT, VARIANTS

    rows = speed.measure(
        size=size, scenes=scenes, samples=samples, reference=reference,
        variants=(*VARIANTS, PERSISTENT) if variants else (), threads=threads,
        on_step=say_error,
    )  # fmt: skip
    title = f"Rendering at {size} px, {scenes} scene{'' if scenes == 1 else 's'} of 4 views, {threads} threads"
    speed.write(out, rows, title)
    say((out / "rendering.md").read_text(), end="")


def memory(*, out: Path, preset: str = "quick", size: int = 64, scenes: int = 500, workers: int | None = None) -> None:
    """Render many small scenes in one job, and print what its processes hold in memory from beginning to end.

    Parameters
    ----------
    out
        folder for memory.csv, memory.md and the renders; must not exist.
    preset
        preset of the scenes.
    size
        picture side in pixels.
    scenes
        how many scenes.
    workers
        batches at a time; the machine's cores if not given.
    """
    from corrotwin.twin.core.cli import available_cores

    for name, value in (("size", size), ("scenes", scenes), ("workers", workers or 1)):
        if value < 1:
            raise InputError(f"--{name} {value} is below 1")

    from corrotwin.synth.presets.builtin import preset as chosen
    from tools.speed import memory as speed

    views = chosen(preset).views_per_scene
    workers = workers or available_cores()
    samples: list[speed.Sample] = []
    printed = 0
    try:
        for sample in speed.measure(out, preset=preset, size=size, scenes=scenes, views=views, workers=workers):
            samples.append(sample)
            if sample.scenes >= printed + 50:
                printed = sample.scenes
                say_error(f"{printed} scenes")
    finally:  # an hour's samples are worth a table, whatever ended it
        if samples:
            job = f"of {preset}, {views} views each, at {size} px, {workers} batches at a time"
            say(speed.write(out, samples, f"{samples[-1].scenes} of {scenes} scenes {job}"), end="")


if __name__ == "__main__":
    run(
        "python -m tools.speed",
        "Time our loops beside the libraries' own examples, check the fast ones against the exact, and measure Ray.",
        {"training": training, "agreement": agreement, "rendering": rendering, "memory": memory, "sweep": sweep},
    )
