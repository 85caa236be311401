"""A fleet of two pipes, a real broker, and the command as a process of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import drill
import pytest

from corrotwin.twin import store
from corrotwin.twin.creation import shaped, specify
from corrotwin.twin.inspection import log

WHERE = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
MOSQUITTO = shutil.which("mosquitto", path=WHERE)


@pytest.fixture(scope="session")
def made_fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pipes of 8.18 mm with zone body, in service since 2005, called spool and P-101."""
    folder = tmp_path_factory.mktemp("made") / "fleet"
    drawn = shaped("pipe", {"nps": 8, "schedule": 40, "run_m": 0.6}, seed=1, texel_mm=12.0, random=False)
    twin = specify(
        drawn, years=18.0, built="2005-06-01", category="C4", climate=None, splash=None, debris=1.0, coating_life=8.0,
        zinc_um=None, bare=False, mechanisms=None, random=False,
    )  # fmt: skip
    store.save(twin, folder / "spool")
    shutil.copytree(folder / "spool", folder / "P-101")
    return folder


@pytest.fixture
def fleet(made_fleet: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made_fleet, tmp_path / "fleet")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture(scope="session")
def stored() -> Callable[[Path], list[tuple[str, str, float]]]:
    """A function that returns place, day and value in mm of all records of a twin, by line."""

    def of(twin: Path) -> list[tuple[str, str, float]]:
        return [(record.place, record.date, round(record.value, 3)) for record in log.read_log(twin).records.values()]

    return of


@dataclass
class RealBroker:
    """Mosquitto on a port of this machine; its sessions and what waits in them are on disk."""

    folder: Path
    port: int
    settings: Sequence[str] = ()
    login: dict[str, object] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        lines = [
            f"listener {self.port} 127.0.0.1", "user root", "persistence true", f"persistence_location {self.folder}/",
            "autosave_interval 1", "autosave_on_changes true", "max_queued_messages 0",
            *(self.settings or ["allow_anonymous true"]),
        ]  # fmt: skip
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        assert MOSQUITTO is not None
        self.process = subprocess.Popen(
            [MOSQUITTO, "-c", self.folder / "mosquitto.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        drill.until(self.answers, seconds=20)
        assert self.answers()

    def answers(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self, number: int = signal.SIGKILL) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(timeout=20)

    def publish(self, *messages: str | bytes, topic: str = "plant/readings/a", retain: bool = False) -> None:
        from paho.mqtt import publish

        publish.multiple(
            [{"topic": topic, "payload": message, "qos": 1, "retain": retain} for message in messages],
            hostname="127.0.0.1", port=self.port, **self.login,
        )  # fmt: skip

    @property
    def options(self) -> tuple[str, ...]:
        return "--mqtt", f"127.0.0.1:{self.port}", "--topic", "plant/readings/+"


@pytest.fixture
def new_broker(tmp_path: Path) -> Iterator[Callable[..., RealBroker]]:
    """A function that starts a broker, which ends with the test."""
    pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt: pip install paho-mqtt")
    if MOSQUITTO is None:
        pytest.skip("needs a broker: apt-get install mosquitto")
    started = []

    def new(*settings: str, login: dict[str, object] | None = None) -> RealBroker:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        folder = tmp_path / f"broker-{port}"
        folder.mkdir()
        broker = RealBroker(folder, port, settings, login or {})
        started.append(broker)
        broker.start()
        return broker

    yield new
    for broker in started:
        if broker.process is not None and broker.process.poll() is None:
            broker.kill()


@pytest.fixture
def broker(new_broker: Callable[..., RealBroker]) -> RealBroker:
    return new_broker()


@dataclass
class Watcher:
    """The command as a process, whose lines are read as they come."""

    process: subprocess.Popen[str]
    lines: Path

    def has(self, text: str, count: int = 1) -> bool:
        return self.lines.read_text().count(text) >= count

    def wait_for(self, text: str, count: int = 1) -> None:
        drill.until(lambda: self.has(text, count) or self.process.poll() is not None, seconds=drill.patience(30))
        assert self.has(text, count), self.lines.read_text()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Watcher]]:
    """A function that starts ``corrotwin twin watch`` with these words, after a change to the program if wanted."""
    started: list[Watcher] = []

    def begin(*words: object, change: str = "") -> Watcher:
        lines = tmp_path / f"lines-{len(started)}"
        line = [sys.executable, "-c", f"{change}\nfrom corrotwin.__main__ import main\nmain()", "twin", "watch"]
        with lines.open("w") as stream:
            process = subprocess.Popen(
                [*line, *map(str, words)], stdout=stream, stderr=subprocess.STDOUT, text=True,
                preexec_fn=drill.heed_interrupts,
            )  # fmt: skip
        started.append(Watcher(process, lines))
        return started[-1]

    yield begin
    for watcher in started:
        if watcher.process.poll() is None:
            watcher.process.kill()
        watcher.process.wait(timeout=20)
