"""Start BlenderProc with pip's bpy, and end with the parent process."""

import ctypes
import importlib.util
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType


def die_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when the process with id `parent` ends; exit at once if it already has."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def end_after(main: Callable[[], None]) -> None:
    """Run a program and end the process: with status 1 and a traceback on stderr if it raised anything, else with 0.

    The process ends at once, since bpy can crash on the way out.
    """
    try:
        main()
    except BaseException:  # noqa: BLE001  any error: whoever started the process reads the last line
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def load_blenderproc(threads: int | None = None) -> ModuleType:
    """Import blenderproc 2.8.0 outside Blender's own interpreter, for `threads` threads, or one per core.

    The package refuses to be imported elsewhere, and inside Blender it pip-installs packages at import and removes
    site-packages from `sys.path`. So `bpy` is imported first, the package's environment variable is set, its module is
    made from its spec without being executed, `SetupUtility.setup` is replaced, and `sys.path` gets one more copy of
    site-packages to be removed. Then the module is executed, but without scikit-learn, which only its search for floors
    needs and which takes as long to import as Blender.
    """
    with _cores(threads):
        import bpy  # noqa: F401  blenderproc looks for it

    os.environ["INSIDE_OF_THE_INTERNAL_BLENDER_PYTHON_ENVIRONMENT"] = "1"
    spec = importlib.util.find_spec("blenderproc")
    if spec is None or spec.loader is None or spec.origin is None:
        raise ImportError("blenderproc is not installed; install the rendering extra")
    package = importlib.util.module_from_spec(spec)
    sys.modules["blenderproc"] = package
    from blenderproc.python.utility.SetupUtility import SetupUtility

    SetupUtility.setup = staticmethod(lambda *args, **kwargs: sys.argv)
    path = list(sys.path)
    sys.path.insert(0, str(Path(spec.origin).parent.parent))
    with _unimported("sklearn.cluster", "MeanShift"):
        spec.loader.exec_module(package)
    sys.path[:] = path
    return package


@contextmanager
def _cores(count: int | None) -> Iterator[None]:
    """Let modules imported here see at most `count` of the cores that this process may use.

    oneTBB counts the cores when it is loaded and starts a thread for each, regardless of Blender's own setting. Idle
    threads spin, and can use as much of the processor as the one that renders. Threads that oneTBB starts later are
    still bound to the cores that it saw, until `use_every_core`.
    """
    allowed = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    if count is None or count >= len(allowed):
        yield
        return
    first = os.getpid() % len(allowed)  # not the same cores for every process
    with suppress(OSError):  # a sandbox may refuse it; then threads spin
        os.sched_setaffinity(0, (allowed[first:] + allowed[:first])[:count])
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, allowed)
            use_every_core()


def use_every_core() -> None:
    """Let all threads of this process use the cores that its main thread may use.

    Affinity is per thread, inherited from the one that starts it.
    """
    if sys.platform != "linux":
        return
    allowed = os.sched_getaffinity(os.getpid())
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended
            os.sched_setaffinity(int(thread.name), allowed)


@contextmanager
def _unimported(module: str, name: str) -> Iterator[None]:
    """Let ``from module import name`` give None here, without importing the module."""
    stand_in = ModuleType(module)
    setattr(stand_in, name, None)
    original = sys.modules.get(module)
    sys.modules[module] = stand_in
    try:
        yield
    finally:
        sys.modules.pop(module)
        if original is not None:
            sys.modules[module] = original


def start(bproc: ModuleType, temporary: Path, threads: int, device: str) -> None:
    """Initialise BlenderProc like ``bproc.init()``, without its language setting, since pip's bpy has no locales.

    Also limits Cycles to `threads` and chooses its device: "cpu", or all visible cards for "optix", "cuda", "hip",
    "oneapi" or "metal".
    """
    import bpy
    from blenderproc.python.utility.GlobalStorage import GlobalStorage
    from blenderproc.python.utility.Initializer import _Initializer
    from blenderproc.python.utility.Utility import Utility

    from corrotwin.synth.blender import versions

    clear(bproc)
    versions.adapt_blenderproc()
    bpy.context.scene.render.engine = "CYCLES"
    _Initializer.set_default_parameters()
    GlobalStorage.add("bproc_init_complete", True)
    Utility.temp_dir = str(temporary)
    bproc.renderer.set_cpu_threads(threads)
    bpy.context.scene.cycles.device = "CPU"
    if device != "cpu":
        _use_cards(device)


def _use_cards(device: str) -> None:
    import bpy

    preferences = bpy.context.preferences.addons["cycles"].preferences
    try:
        preferences.compute_device_type = device.upper()
    except TypeError as error:  # this build of Blender does not know it
        raise RuntimeError(f"this Blender cannot render with {device}; choose `device` cpu") from error
    preferences.refresh_devices()
    for card in preferences.devices:
        card.use = card.type == device.upper()
    if not any(card.use for card in preferences.devices):
        raise RuntimeError(
            f"Blender finds no card that renders with {device}; check its driver, or choose `device` cpu"
        )
    bpy.context.scene.cycles.device = "GPU"
    bpy.context.scene.cycles.denoising_use_gpu = True


def clear(bproc: ModuleType) -> None:
    """Remove every object, camera pose and data block, so that the next scene starts from nothing."""
    import bpy

    scene = bpy.context.scene
    scene.render.use_persistent_data = False  # frees the textures that the next scene's objects would otherwise wear
    bproc.clean_up(clean_up_camera=True)
    for blocks in (bpy.data.meshes, bpy.data.materials, bpy.data.images, bpy.data.lights):
        for block in list(blocks):
            blocks.remove(block)
