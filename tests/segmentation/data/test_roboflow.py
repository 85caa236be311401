import json
import logging
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import zipfile
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from corrotwin.segmentation.data import coco, download
from corrotwin.segmentation.data.roboflow import fetch
from corrotwin.twin.core.errors import InputError, WorkError

KEY = "sEcReTkEy123"
LINK_KEY = "lInKsEcReT456"
VERSION = "sem-l2uic/cor-oumk1/1"
PACKED = f"/{VERSION}/coco-segmentation?nocache=true"
FILE = f"/ds/abc?key={LINK_KEY}"


class Service:
    """A stand-in for Roboflow: what each address answers in turn, the last answer for ever.

    An answer is (status, body) or (status, body, headers). A status of 0 resets the connection; with "cut" among the
    headers the body breaks off there.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list] = {}
        self.asked: list[tuple[str, str | None]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.asked.append((self.path, self.headers["Authorization"]))
                answers = service.answers[self.path]
                status, body, *rest = answers.pop(0) if len(answers) > 1 else answers[0]
                headers = dict(rest[0]) if rest else {}
                if status == 0:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                cut = headers.pop("cut", len(content))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content[:cut])
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def offers(self, content: bytes, **about: object) -> None:
        """The version is packed and to be had."""
        self.answers[PACKED] = [(200, {"export": {"link": self.url + FILE}, **about})]
        self.answers[FILE] = [(200, content)]


@pytest.fixture
def service(monkeypatch):
    made = Service()
    monkeypatch.setenv("ROBOFLOW_API_URL", made.url + "/")
    monkeypatch.setenv("ROBOFLOW_API_KEY", f" {KEY}\n")
    monkeypatch.setattr(download, "BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr("corrotwin.segmentation.data.roboflow.POLL_SECONDS", 0.001)
    made.thread.start()
    yield made
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


@pytest.fixture(scope="session")
def export(roboflow, tmp_path_factory) -> bytes:
    """An export as Roboflow packs it."""
    path = tmp_path_factory.mktemp("packed") / "export.zip"
    with zipfile.ZipFile(path, "w") as made:
        for each in sorted(roboflow.rglob("*")):
            made.write(each, each.relative_to(roboflow))
        made.writestr("README.roboflow.txt", "exported")
    return path.read_bytes()


@pytest.fixture(autouse=True)
def printed(tmp_path, capfd, caplog):
    """What was printed so far. No test leaves a key in what it printed, logged or wrote."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    def so_far() -> str:
        shown.extend(capfd.readouterr())
        return "".join(shown)

    yield so_far
    logged = "".join(record.getMessage() for record in caplog.get_records("call"))
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (KEY, LINK_KEY):
        assert secret not in so_far() + logged
        assert secret.encode() not in written


def refused(out: Path, kind: type[Exception] = InputError, text: str = VERSION) -> str:
    """The line with which a fetch ends, after which nothing is left of it."""
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(kind) as caught:
        fetch(text, out=out)
    assert sorted(out.parent.rglob("*")) == before
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in str(error)
        assert LINK_KEY not in str(error)
        assert "\n" not in str(error)
        error = error.__cause__ or error.__context__
    return str(caught.value)


@pytest.mark.parametrize("there", [True, False])
def test_what_is_fetched_is_the_dataset(there, service, export, roboflow, tmp_path, printed):
    service.offers(export)
    out = tmp_path / "data" / "cor"
    if there:
        out.mkdir(parents=True)
    fetch(VERSION, out=out)
    assert coco.read(out).digest == coco.read(roboflow).digest
    assert [path.name for path in out.parent.iterdir()] == ["cor"]
    card = json.loads((out / "roboflow.json").read_text())
    assert card["source"] == {"workspace": "sem-l2uic", "project": "cor-oumk1", "version": 1}
    assert card["sha256"] == sha256(export).hexdigest()
    assert (card["bytes"], card["images"], card["licence"]) == (len(export), 21, "not stated")
    assert card["sha256"] in printed()
    assert service.asked == [(PACKED, f"Bearer {KEY}"), (FILE, None)]


def test_a_version_that_is_there_is_not_fetched_again(service, export, tmp_path, monkeypatch, printed):
    service.offers(export)
    fetch(VERSION, out=tmp_path / "cor")
    asked = len(service.asked)
    monkeypatch.delenv("ROBOFLOW_API_KEY")
    fetch(VERSION, out=tmp_path / "cor")
    assert len(service.asked) == asked
    assert "already" in printed()
    assert "holds another dataset" in refused(tmp_path / "cor", text="sem-l2uic/cor-oumk1/2")


@pytest.mark.parametrize(
    ("about", "licence"),
    [({"project": {"license": "CC BY 4.0"}}, "CC BY 4.0"), ({"project": {}}, "MIT"), ({"project": 3}, "MIT")],
)
def test_the_licence_is_that_of_the_answer_or_of_the_export(about, licence, service, roboflow, tmp_path):
    folder = tmp_path / "export"
    shutil.copytree(roboflow / "test", folder / "wrapped" / "test")
    path = folder / "wrapped" / "test" / "_annotations.coco.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"licenses": [{"id": 1}, {"id": 2, "name": "MIT"}]}))
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    service.offers(Path(packed).read_bytes(), **about)
    fetch(VERSION, out=tmp_path / "cor")
    assert json.loads((tmp_path / "cor" / "roboflow.json").read_text())["licence"] == licence
    assert len(coco.read(tmp_path / "cor").photos) == 5


def test_a_licence_cannot_steer_the_terminal(service, export, tmp_path, printed):
    service.offers(export, project={"license": "MIT\x1b[2J\u202e\nline"})
    fetch(VERSION, out=tmp_path / "cor")
    assert r"licence: MIT\x1b[2J\u202e line" in printed()


def test_an_export_that_is_being_packed_is_waited_for(service, export, tmp_path, monkeypatch):
    service.offers(export)
    service.answers[PACKED][:0] = [(202, {"progress": 0.2}), (200, {"progress": 0.9}), (202, {})]
    fetch(VERSION, out=tmp_path / "cor")
    assert len(service.asked) == 5
    service.answers[PACKED] = [(202, {"progress": 0.5})]
    monkeypatch.setattr("corrotwin.segmentation.data.roboflow.EXPORT_SECONDS", 0.05)
    assert "has not packed the export" in refused(tmp_path / "late", WorkError)


@pytest.mark.parametrize(
    ("status", "kind", "line"),
    [
        (401, InputError, "refuses the key (401); set ROBOFLOW_API_KEY"),
        (403, InputError, f"{VERSION}: the key gives no access to it (403)"),
        (404, InputError, f"{VERSION}: no such version on Roboflow (404)"),
        (402, WorkError, "answered with status 402"),
    ],
)
def test_what_roboflow_refuses_is_asked_once(status, kind, line, service, tmp_path):
    service.answers[PACKED] = [(status, {"error": f"the key {KEY} ..."})]
    assert line in refused(tmp_path / "cor", kind)
    assert len(service.asked) == 1


@pytest.mark.parametrize("trouble", [(429, {}), (500, {}), (503, {}), (0, {}), (200, {"export": 1}, {"cut": 3})])
def test_trouble_is_tried_again_a_bounded_number_of_times(trouble, service, export, tmp_path):
    for address in (PACKED, FILE):
        service.offers(export)
        service.answers[address][:0] = [trouble] * (download.TRIES - 1)
        service.asked.clear()
        fetch(VERSION, out=tmp_path / f"cor{len(address)}")
        assert len(service.asked) == download.TRIES + 1
        service.offers(export)
        service.answers[address] = [trouble]
        service.asked.clear()
        refused(tmp_path / "never", WorkError)
        assert len(service.asked) == download.TRIES + (address == FILE)


def test_a_server_says_when_to_come_again_within_bounds(service, export, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    service.offers(export)
    service.answers[PACKED][:0] = [(429, {}, {"Retry-After": "7"}), (503, {}, {"Retry-After": "86400"})]
    fetch(VERSION, out=tmp_path / "cor")
    assert [wait for wait in waits if wait >= 1] == [7, download.LONGEST_WAIT_SECONDS]


def test_nobody_there(service, tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ROBOFLOW_API_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        assert "no complete answer from 127.0.0.1 in 5 tries (ConnectionError)" in refused(tmp_path / "cor", WorkError)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ((200, b"<html>"), "does not answer like Roboflow"),
        ((200, []), "does not answer like Roboflow"),
        ((200, b"[" * 100_000), "does not answer like Roboflow"),
        ((200, {}), "holds no download link"),
        ((200, {"export": {"link": None}}), "holds no download link"),
        ((200, {"export": {"link": f"http://elsewhere.example/x?key={LINK_KEY}"}}), "is not an https address"),
        ((200, {"export": {"link": f"file:///etc/passwd?key={LINK_KEY}"}}), "is not an https address"),
    ],
)
def test_odd_answers(answer, line, service, tmp_path):
    service.answers[PACKED] = [answer]
    assert line in refused(tmp_path / "cor", WorkError)


@pytest.mark.parametrize("target", [f"http://elsewhere.example/x?key={LINK_KEY}", "file:///etc/passwd", "ftp://a/b"])
def test_a_redirect_to_an_address_that_others_can_read_is_not_followed(target, service, export, tmp_path):
    for address in (PACKED, FILE):
        service.offers(export)
        service.answers[address] = [(302, {}, {"Location": target})]
        service.asked.clear()
        assert "127.0.0.1 redirects to an unencrypted address" in refused(tmp_path / "cor", WorkError)
        assert [path for path, _ in service.asked][-1] == address


def test_a_redirect_that_is_safe_is_followed_and_takes_no_key_elsewhere(service, export, tmp_path):
    other = Service()
    other.answers["/moved"] = [(200, export)]
    other.thread.start()
    try:
        service.offers(export)
        service.answers[PACKED].insert(0, (307, {}, {"Location": f"/again?key={LINK_KEY}"}))
        service.answers[f"/again?key={LINK_KEY}"] = service.answers[PACKED][1:]
        service.answers[FILE] = [(302, {}, {"Location": f"{other.url.replace('127.0.0.1', 'localhost')}/moved"})]
        fetch(VERSION, out=tmp_path / "cor")
    finally:
        other.server.shutdown()
        other.thread.join()
        other.server.server_close()
    assert other.asked == [("/moved", None)]


def test_a_link_that_has_expired(service, export, tmp_path):
    service.offers(export)
    service.answers[FILE] = [(403, b"expired")]
    assert "the download link gave status 403" in refused(tmp_path / "cor", WorkError)


def test_bad_archives_leave_nothing(service, export, flat, tmp_path):
    out = tmp_path / "data" / "cor"
    out.parent.mkdir()
    for content, line in ((export[:-40], "damaged"), (b"", "damaged")):
        service.offers(content)
        assert f"what Roboflow sent cannot be used: {VERSION}: {line}" in refused(out)
    path = tmp_path / "export.zip"
    folder = flat(lambda document, _: document["annotations"].clear())
    with zipfile.ZipFile(path, "w") as made:
        made.write(folder / "labels.json", "train/_annotations.coco.json")
        made.write(folder / "photo.png", "train/photo.png")
    service.offers(path.read_bytes())
    assert f"{VERSION}: no annotations at all" in refused(out)
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("../../evil", "x")
    service.offers(path.read_bytes())
    assert "'../../evil' would leave the folder" in refused(out)


def test_a_download_larger_than_allowed_stops(service, export, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MOST_BYTES", 1000)
    service.offers(export)
    assert "larger than 1000 bytes" in refused(tmp_path / "cor")
    service.answers[FILE] = [(200, export, {"Content-Length": ""})]  # and where the server does not say how large
    assert "larger than 1000 bytes" in refused(tmp_path / "cor")


def test_what_is_asked_is_checked_before_anything_is_sent(service, tmp_path, monkeypatch):
    for text in ("cor", "a/b/0", "a/b/1/2", "../b/1", "a/b/1?x=1", "a b/c/1", "ſ/b/1", ""):
        assert "give workspace/project/version" in refused(tmp_path / "cor", text=text)
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("dear")
    assert "holds other files" in refused(full)
    assert "is a file" in refused(full / "letter.txt")
    monkeypatch.setenv("ROBOFLOW_API_URL", "http://api.example.com")
    assert "not an https address" in refused(tmp_path / "cor")
    for key, line in (("", "no API key: set the environment variable ROBOFLOW_API_KEY"), ("a b", "copy the key again")):
        monkeypatch.delenv("ROBOFLOW_API_URL", raising=False)
        monkeypatch.setenv("ROBOFLOW_API_KEY", key)
        assert line in refused(tmp_path / "cor")
    assert service.asked == []


def test_a_killed_fetch_leaves_no_dataset_and_the_next_one_does(service, export, tmp_path):
    service.offers(export)
    code = (
        "import sys, time, pathlib; from corrotwin.segmentation.data import archive, roboflow\n"
        "archive.new_file = lambda path: time.sleep(60)\n"
        "roboflow.fetch(sys.argv[1], out=pathlib.Path(sys.argv[2]))"
    )
    out = tmp_path / "cor"
    with subprocess.Popen([sys.executable, "-c", code, VERSION, str(out)], env=dict(os.environ)) as killed:
        while not (tmp_path / ".cor.fetch" / "unpacked").exists():
            assert killed.poll() is None
        with pytest.raises(InputError, match=f"process {killed.pid} is writing here"):
            fetch(VERSION, out=out)
        killed.kill()
    assert not out.exists()
    fetch(VERSION, out=out)
    assert len(coco.read(out).photos) == 21
    assert [path.name for path in tmp_path.iterdir()] == ["cor"]
