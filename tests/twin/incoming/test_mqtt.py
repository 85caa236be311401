"""Messages of a real broker (mosquitto): stored once, whoever is killed, or in quarantine with the reason."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import drill
import pytest

from corrotwin.twin.core import locks
from corrotwin.twin.incoming import watch

Command = Callable[..., subprocess.CompletedProcess[str]]
Stored = Callable[[Path], list[tuple[str, str, float]]]
ONCE = ("--once", "--settle", "0")


def message(place: str, value: object = 7.7, twin: str = "spool", date: str = "2024-05-31", **others: object) -> str:
    return json.dumps(
        {"twin": twin, "date": date, "zone": "body", "place": place, "value": value, "unit": "mm", **others}
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker on this machine answers at once."""
    monkeypatch.setattr(watch, "QUIET_SECONDS", 0.5)


@pytest.fixture
def known(fleet: Path, inbox: Path, broker: Any, command: Command) -> Any:
    """A broker that knows the watcher's session, and so keeps for it what comes while it is away."""
    first = command("watch", fleet, inbox, *ONCE, *broker.options)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    return broker


@pytest.mark.ci
def test_what_came_while_nobody_watched_is_stored_once_or_refused(
    fleet: Path, inbox: Path, known: Any, command: Command, stored: Stored
) -> None:
    known.publish(message("T1"), message("T2", retain_me=1), message("T1"), b"\xff\x00", message("T3", 0.3))
    known.publish(message("T4", twin="nobody"), message("T5", twin="P-101"), message("T1", 7.9), message("T6", "n/a"))
    known.publish("x" * 70_000, topic="plant/readings/ü")
    known.publish(message("T7"), topic="plant/elsewhere")
    done = command("watch", fleet, inbox, *ONCE, *known.options)
    assert done.returncode == 2
    assert stored(fleet / "spool") == [("T1", "2024-05-31", 7.7), ("T2", "2024-05-31", 7.7)]
    assert stored(fleet / "P-101") == [("T5", "2024-05-31", 7.7)]
    assert (
        "10 messages: 1 stored in P-101, 2 stored in spool, 1 already stored, 1 without a reading, "
        "5 moved to quarantine" in done.stdout
    )
    assert f"{inbox / 'quarantine'}: 5 refused; the text file beside each says why" in done.stderr
    kept = sorted((inbox / "quarantine").glob("*.json"))
    texts = [path.with_name(f"{path.name}.txt").read_text() for path in kept]
    assert {path.read_bytes() for path in kept} >= {b"\xff\x00", message("T1", 7.9).encode()}
    for reason in (
        "not JSON in UTF-8",
        "no twin is called 'nobody'",
        "looks like inch",
        "7.7 mm there",
        "70,000 bytes",
    ):
        assert sum(reason in text for text in texts) == 1, reason
    again = command("watch", fleet, inbox, *ONCE, *known.options)
    assert (again.returncode, again.stdout) == (0, "")


def test_a_message_may_state_several_days_as_the_row_of_a_file_may(
    fleet: Path, inbox: Path, known: Any, command: Command, stored: Stored
) -> None:
    row = {"twin": "spool", "zone": "body", "unit": "mm"}
    known.publish(*[json.dumps({**row, "place": "T1", "2023-05-31": 7.9, "2024-05-31": 7.8})] * 2)
    known.publish(json.dumps({**row, "place": "T2", "2023-05-31": 7.9, "2024-05-31": 0.3}))  # whole or not at all
    done = command("watch", fleet, inbox, *ONCE, *known.options)
    assert "3 messages: 2 stored in spool, 2 already stored, 1 moved to quarantine" in done.stdout
    assert stored(fleet / "spool") == [("T1", "2023-05-31", 7.9), ("T1", "2024-05-31", 7.8)]


@pytest.mark.ci
def test_retained_messages_are_stored_once(
    fleet: Path, inbox: Path, broker: Any, command: Command, stored: Stored
) -> None:
    broker.publish(message("T1"), retain=True)
    for topics in (("plant/readings/+",), ("plant/readings/#",), ("plant/readings/#",)):
        done = command("watch", fleet, inbox, *ONCE, *broker.options[:2], "--topic", *topics)
        assert done.returncode == 0, done.stderr
    broker.publish("", retain=True)  # clears it
    done = command("watch", fleet, inbox, *ONCE, *broker.options[:2], "--topic", "plant/readings/#")
    assert "1 message: 1 without a reading" in done.stdout
    assert len(stored(fleet / "spool")) == 1


def test_a_topic_that_is_no_longer_asked_for_is_left(
    fleet: Path, inbox: Path, known: Any, command: Command, stored: Stored
) -> None:
    assert command("watch", fleet, inbox, *ONCE, *known.options[:2], "--topic", "other/+").returncode == 0
    known.publish(message("T1"))
    known.publish(message("T2"), topic="other/a")
    assert command("watch", fleet, inbox, *ONCE, *known.options[:2], "--topic", "other/+").returncode == 0
    assert [place for place, _, _ in stored(fleet / "spool")] == ["T2"]


@pytest.mark.ci
def test_a_broker_by_another_name_knows_the_same_topics(
    fleet: Path, inbox: Path, known: Any, command: Command, stored: Stored
) -> None:
    """Its session is one: by each name the topics asked for are subscribed to, and those asked for by others left."""
    other = f"localhost:{known.port}"
    for number, (name, topic) in enumerate([(other, "other/+"), (known.options[1], known.options[3])]):
        words = (*ONCE, "--mqtt", name, "--topic", topic)
        assert command("watch", fleet, inbox, *words).returncode == 0
        known.publish(message(f"R{number}"))
        known.publish(message(f"O{number}"), topic="other/a")
        assert command("watch", fleet, inbox, *words).returncode == 0
    assert [place for place, _, _ in stored(fleet / "spool")] == ["O0", "R1"]
    known.publish(message("R1"), retain=True)
    for count in (1, 0, 0):  # the retained message comes once, though topics of the other address are known
        done = command("watch", fleet, inbox, *ONCE, *known.options)
        assert done.stdout.count("1 message: ") == count


@pytest.mark.ci
@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.slow), "after"])
def test_a_watcher_killed_around_its_storing_loses_nothing_and_stores_nothing_twice(
    when: str, fleet: Path, inbox: Path, known: Any, command: Command, stored: Stored, start: Callable[..., Any]
) -> None:
    """After a message was stored it is not acknowledged: the broker delivers it again."""
    known.publish(*(message(f"T{number}") for number in range(30)))
    change = (
        "import os; from corrotwin.twin.incoming import bursts; kept = bursts.store_in\n"
        "def store_in(*given):\n"
        f"    {'kept(*given)' if when == 'after' else 'pass'}\n"
        "    os.kill(os.getpid(), 9)\n"
        "bursts.store_in = store_in"
    )
    killed = start(fleet, inbox, *ONCE, *known.options, change=change)
    assert killed.process.wait(timeout=60) == -signal.SIGKILL
    before = len(stored(fleet / "spool"))
    assert (before > 0) == (when == "after")
    done = command("watch", fleet, inbox, *ONCE, *known.options)
    assert done.returncode == 0, done.stderr
    assert sorted(place for place, _, _ in stored(fleet / "spool")) == sorted(f"T{number}" for number in range(30))
    assert (f"{before} already stored" in done.stdout) == (before > 0)


@pytest.mark.ci
def test_a_killed_broker_is_said_once_and_taken_up_again(
    fleet: Path, inbox: Path, broker: Any, stored: Stored, start: Callable[..., Any]
) -> None:
    watcher = start(fleet, inbox, "--settle", "0", *broker.options)
    watcher.wait_for("listening to plant/readings/+")
    broker.publish(message("T1"))
    watcher.wait_for("1 message: 1 stored in spool")
    broker.kill()
    watcher.wait_for("cannot be reached (")
    drill.until(lambda: False, seconds=2)  # for more attempts
    (inbox / "a.json").write_text(message("T2"))
    watcher.wait_for("a.json: 1 stored in spool")  # the folder does not wait for the broker
    broker.start()
    watcher.wait_for("listening to plant/readings/+", count=2)
    broker.publish(message("T3"), message("T1"), "{}")
    watcher.wait_for("3 messages: 1 stored in spool, 1 already stored, 1 moved to quarantine")
    watcher.process.send_signal(signal.SIGINT)
    assert watcher.process.wait(timeout=60) == 130
    said = watcher.lines.read_text()
    assert said.count("cannot be reached (") == 1
    assert "Traceback" not in said
    assert [place for place, _, _ in stored(fleet / "spool")] == ["T1", "T2", "T3"]


def test_a_broker_that_is_away_is_one_line(fleet: Path, inbox: Path, broker: Any, command: Command) -> None:
    broker.kill()
    done = command("watch", fleet, inbox, *ONCE, *broker.options)
    assert done.returncode == 2
    assert f"broker 127.0.0.1:{broker.port}: cannot be reached (Connection refused)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_messages_wait_with_the_broker_while_nothing_can_be_stored(
    fleet: Path, inbox: Path, known: Any, stored: Stored, start: Callable[..., Any]
) -> None:
    """Their disk is full: they are not acknowledged, and the broker still has them after the watcher was killed."""
    change = (
        "import errno; from corrotwin.twin.core import files\n"
        "def append(path, *given, **named):\n"
        "    raise OSError(errno.ENOSPC, 'No space left on device', str(path))\n"
        "kept, files.append = files.append, append"
    )
    known.publish(message("T1"), message("T2", twin="P-101"), "{}")
    watcher = start(fleet, inbox, "--settle", "0", *known.options, change=change)
    watcher.wait_for("messages: will be tried again: ")
    drill.until(lambda: False, seconds=1.5)
    watcher.process.kill()
    watcher.process.wait(timeout=20)
    said = watcher.lines.read_text()
    assert said.count("No space left on device") == 1
    assert stored(fleet / "spool") == stored(fleet / "P-101") == []
    second = start(fleet, inbox, *ONCE, *known.options)
    assert second.process.wait(timeout=60) == 2
    assert "3 messages: 1 stored in P-101, 1 stored in spool, 1 moved to quarantine" in second.lines.read_text()
    assert len(stored(fleet / "spool")) == len(stored(fleet / "P-101")) == 1


def test_a_twin_in_use_holds_up_neither_files_nor_messages_of_others(
    fleet: Path, inbox: Path, known: Any, command: Command, stored: Stored
) -> None:
    (inbox / "a.json").write_text(message("T1"))
    known.publish(message("T2"), message("T3", twin="P-101"))
    with locks.hold(fleet / "spool", "twin", {}):
        done = command("watch", fleet, inbox, *ONCE, *known.options)
    assert done.returncode == 2
    assert f"{fleet / 'spool'}: process {os.getpid()} is writing here" in done.stderr
    assert done.stdout == "1 message: 1 stored in P-101\n"
    assert (inbox / "a.json").exists()
    done = command("watch", fleet, inbox, *ONCE, *known.options)
    assert "2 messages: 1 stored in spool, 1 already stored\n" in done.stdout  # the broker waits for the first of them
    assert sorted(place for place, _, _ in stored(fleet / "spool")) == ["T1", "T2"]
    assert [place for place, _, _ in stored(fleet / "P-101")] == ["T3"]


def test_a_login_and_what_is_said_of_a_wrong_one(
    fleet: Path, inbox: Path, new_broker: Callable[..., Any], command: Command, stored: Stored, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    maker = shutil.which("mosquitto_passwd", path=f"{os.environ['PATH']}:/usr/sbin")
    if maker is None:
        pytest.skip("needs mosquitto_passwd: apt-get install mosquitto")
    subprocess.run([maker, "-b", "-c", tmp_path / "users", "gauge", "secret-7"], check=True, capture_output=True)
    login = {"auth": {"username": "gauge", "password": "secret-7"}}
    broker = new_broker("allow_anonymous false", f"password_file {tmp_path / 'users'}", login=login)
    bare = command("watch", fleet, inbox, *ONCE, *broker.options)
    assert bare.returncode == 2
    assert (
        f"--mqtt 127.0.0.1:{broker.port}: refuses the connection (Not authorized); check user and password"
        in bare.stderr
    )
    (tmp_path / "login").write_text("gauge\nsecret-7\n")
    broker.publish(message("T1"), retain=True)
    by_file = command("watch", fleet, inbox, *ONCE, *broker.options, "--login", tmp_path / "login")
    assert by_file.returncode == 0, by_file.stderr
    assert "login: others can read it; protect it with chmod 600" in by_file.stderr
    monkeypatch.setenv("CORROTWIN_MQTT_USER", "gauge")
    monkeypatch.setenv("CORROTWIN_MQTT_PASSWORD", "secret-7")
    broker.publish(message("T2"))
    by_environment = command("watch", fleet, inbox, *ONCE, *broker.options)
    assert (by_environment.returncode, by_environment.stderr) == (0, "")
    assert len(stored(fleet / "spool")) == 2
    assert not any(b"secret-7" in path.read_bytes() for path in inbox.rglob("*") if path.is_file())


def test_a_topic_that_the_broker_does_not_allow_is_one_line(
    fleet: Path, inbox: Path, new_broker: Callable[..., Any], command: Command, tmp_path: Path
) -> None:
    plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
    if plugin is None:
        pytest.skip("needs mosquitto_dynamic_security.so: apt-get install mosquitto")
    allowed = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
    access = [{"acltype": name, "allow": allow} for name, allow in allowed.items()]
    (tmp_path / "access.json").write_text(json.dumps({"defaultACLAccess": allowed, "acls": access}))
    broker = new_broker(
        "allow_anonymous true", f"plugin {plugin}", f"plugin_opt_config_file {tmp_path / 'access.json'}"
    )
    done = command("watch", fleet, inbox, *ONCE, *broker.options)
    assert done.returncode == 2
    assert "--topic plant/readings/+: refused by the broker" in done.stderr
    assert "refused by the broker" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")  # paho's, where a handshake fails
def test_tls_needs_a_certificate_that_is_trusted(
    fleet: Path, inbox: Path, new_broker: Callable[..., Any], command: Command, stored: Stored, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    login = {"tls": {"ca_certs": str(certificate)}}
    broker = new_broker("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}", login=login)
    broker.publish(message("T1"), retain=True)
    strange = command("watch", fleet, inbox, *ONCE, *broker.options, "--tls")
    assert strange.returncode == 2
    assert "its certificate is not trusted (self-signed certificate)" in strange.stderr
    done = command("watch", fleet, inbox, *ONCE, *broker.options, "--ca", certificate)
    assert done.returncode == 0, done.stderr
    assert len(stored(fleet / "spool")) == 1


def test_without_paho_it_is_said_what_is_missing(
    fleet: Path, inbox: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    done = command("watch", fleet, inbox, *ONCE, "--mqtt", "localhost", "--topic", "a")
    assert done.returncode == 2
    assert "--mqtt: needs paho-mqtt; pip install" in done.stderr
