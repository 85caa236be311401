"""Weights come from a hub that is played on this machine; nothing is downloaded."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import pytest
import torch
from safetensors.torch import save

from corrotwin.segmentation.models import encoders, weights
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.sampling import Stream, generator
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from corrotwin.twin.core.locks import hold

SMALL = "mobilenet_v2"
OF_TIMM = "tu-test_resnet"
COMMIT = "c" * 40


def make(backbone, seed):
    """An encoder as smp builds it, with numbers that no other seed gives, in its running statistics too."""
    from segmentation_models_pytorch.encoders import get_encoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = get_encoder(backbone, weights=None)
        for tensor in encoder.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor))
    return encoder


class Hub:
    """A Hugging Face hub of a few files: {(repository, file name): content}."""

    def __init__(self, files):
        self.files, self.asked = files, []
        hub = self

        class Answer(BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.answer(body=False)

            def do_GET(self):
                self.answer(body=True)

            def answer(self, *, body):
                hub.asked.append(self.path)
                card = json.dumps({"id": "x/y", "sha": COMMIT, "cardData": {"license": "mit"}}).encode()
                owner, name, *_, revision, file = self.path.strip("/").split("/")
                content = card if owner == "api" else hub.files.get((f"{owner}/{name}", file))
                self.send_response(404 if content is None else 200)
                if content is None:
                    self.send_header("X-Error-Code", "EntryNotFound")
                else:
                    self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                    self.send_header("X-Repo-Commit", COMMIT if revision == "main" else revision)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                if body and content is not None:
                    self.wfile.write(content)

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture(scope="module")
def trained():
    return {SMALL: make(SMALL, 5), OF_TIMM: make(OF_TIMM, 6)}


@pytest.fixture(scope="module")
def files(trained):
    # As on the hub: with a classifier, which encoders leave out; timm's names lack the encoder's prefix.
    small = {**trained[SMALL].state_dict(), "classifier.1.weight": torch.ones(4, 4), "classifier.1.bias": torch.ones(4)}
    of_timm = {name.removeprefix("model."): tensor for name, tensor in trained[OF_TIMM].state_dict().items()}
    held = {}
    for backbone, tensors in ((SMALL, small), (OF_TIMM, of_timm)):
        repository = encoders.weights_source(backbone).repository
        held[repository, "model.safetensors"] = save(tensors)
        held[repository, "config.json"] = b"{}"
    return held


@pytest.fixture
def hub(files, tmp_path_factory, monkeypatch):
    from huggingface_hub import constants

    played = Hub(dict(files))
    monkeypatch.setattr(constants, "ENDPOINT", played.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", played.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
    thread = threading.Thread(target=played.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield played
    played.server.shutdown()
    played.server.server_close()
    thread.join()


@pytest.fixture
def no_fetch(monkeypatch):
    def refuse(*_arguments, **_settings):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(weights, "fetch", refuse)


@pytest.fixture
def from_memory(trained, monkeypatch):
    """Weights without a hub; returns the backbones that were fetched."""
    fetched = []

    def fetch(backbone):
        fetched.append(backbone)
        return dict(trained[backbone].state_dict())

    def away(*_arguments, **_settings):
        raise OSError("no network")

    monkeypatch.setattr(weights, "fetch", fetch)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", away)
    return fetched


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    assert list(one) == list(other)
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("backbone", [SMALL, OF_TIMM])
def test_hub_folder_and_smp_itself_give_the_same_network(backbone, trained, hub, tmp_path):
    import segmentation_models_pytorch

    before = torch.get_rng_state()
    weights.prepare(tmp_path / "w", [backbone])
    from_hub = network_module.build(backbone, encoder_weights="imagenet", seed=3)
    from_folder = network_module.build(backbone, encoder_weights="imagenet", weights=tmp_path / "w", seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(from_hub, from_folder)
    assert same(from_hub.get_submodule("encoder"), trained[backbone])
    with encoders.quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator(3, Stream.WEIGHTS).integers(2**63)))
        given = True if backbone == OF_TIMM else "imagenet"
        by_smp = segmentation_models_pytorch.Unet(backbone, encoder_weights=given)
    assert same(by_smp, from_folder)


@pytest.mark.ci
def test_a_vision_transformer_takes_its_weights_from_hub_and_folder(hub, tmp_path):
    from segmentation_models_pytorch.encoders.timm_vit import TimmViTEncoder

    backbone = "tu-test_vit"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        encoder = TimmViTEncoder(backbone.removeprefix("tu-"), pretrained=False)
    repository = encoders.weights_source(backbone).repository
    tensors = {name.removeprefix("model."): tensor for name, tensor in encoder.state_dict().items()}
    hub.files.update({(repository, "model.safetensors"): save(tensors), (repository, "config.json"): b"{}"})
    weights.prepare(tmp_path, [backbone])
    for folder in (None, tmp_path):
        built = network_module.build(
            backbone, architecture="DPT", encoder_weights="imagenet", weights=folder, seed=3
        ).get_submodule("encoder")
        assert same(built, encoder)


def test_the_manifest_says_where_the_weights_are_from(hub, tmp_path):
    weights.prepare(tmp_path, [SMALL, OF_TIMM])
    listed = read_json(tmp_path / "weights.json")["encoders"]
    assert set(listed) == {SMALL, OF_TIMM}
    for backbone, entry in listed.items():
        content = (tmp_path / f"{backbone}.safetensors").read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["tensors"] == len(weights.load(tmp_path, backbone))
        assert entry["licence"] == "mit"
        assert entry["versions"]["segmentation-models-pytorch"].startswith("0.")
    assert listed[SMALL]["repository"] == "smp-hub/mobilenet_v2.imagenet"
    assert listed[SMALL]["revision"] == encoders.weights_source(SMALL).revision
    assert listed[OF_TIMM]["revision"] == COMMIT  # smp pins none: the one that was there


def test_a_folder_needs_no_network_and_no_pickle(from_memory, tmp_path, monkeypatch):
    weights.prepare(tmp_path, [SMALL])

    def refuse(*_arguments, **_settings):
        raise AssertionError("unpickled or asked the hub")

    for owner, name in ((weights, "fetch"), (torch, "load"), (pickle, "load"), (pickle, "loads")):
        monkeypatch.setattr(owner, name, refuse)
    network_module.build(SMALL, encoder_weights="imagenet", weights=tmp_path, seed=0)


def test_a_network_with_fewer_stages_takes_its_part(from_memory, trained, tmp_path):
    weights.prepare(tmp_path, [OF_TIMM])
    network = network_module.build(OF_TIMM, architecture="PSPNet", encoder_weights="imagenet", weights=tmp_path, seed=0)
    encoder, whole = network.get_submodule("encoder").state_dict(), trained[OF_TIMM].state_dict()
    assert 0 < len(encoder) < len(whole)
    assert all(torch.equal(tensor, whole[name]) for name, tensor in encoder.items())


def test_what_is_there_is_kept_and_what_is_damaged_made_anew(from_memory, tmp_path):
    weights.prepare(tmp_path, [SMALL])
    weights.prepare(tmp_path, [SMALL, OF_TIMM, OF_TIMM])
    assert from_memory == [SMALL, OF_TIMM]
    file = tmp_path / f"{SMALL}.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    weights.prepare(tmp_path, [SMALL, OF_TIMM])
    assert from_memory == [SMALL, OF_TIMM, SMALL]
    assert file.read_bytes() == whole


def test_two_at_once_lose_nothing(from_memory, tmp_path, monkeypatch):
    first = weights.fetch

    def fetch(backbone):
        if backbone == SMALL:  # another command comes in between and finishes
            weights.prepare(tmp_path / "w", [OF_TIMM])
        return first(backbone)

    monkeypatch.setattr(weights, "fetch", fetch)
    weights.prepare(tmp_path / "w", [SMALL])
    assert set(read_json(tmp_path / "w" / "weights.json")["encoders"]) == {SMALL, OF_TIMM}
    for backbone in (SMALL, OF_TIMM):
        weights.load(tmp_path / "w", backbone)


def test_writers_take_turns(from_memory, tmp_path):
    folder = tmp_path / "w"
    with hold(folder, weights.KIND, {}):
        other = threading.Thread(target=weights.prepare, args=(folder, [SMALL]))
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive()
        assert not (folder / "weights.json").exists()
    other.join(timeout=10)
    weights.load(folder, SMALL)


@pytest.mark.parametrize("moment", ["atomic_file", "write_manifest"])
def test_killed_in_the_middle_it_is_not_taken_for_whole(moment, from_memory, tmp_path, monkeypatch):
    weights.prepare(tmp_path, [OF_TIMM])
    with monkeypatch.context() as patch:

        def die(*_arguments):
            raise KeyboardInterrupt

        patch.setattr(weights, moment, die)
        with pytest.raises(KeyboardInterrupt):
            weights.prepare(tmp_path, [SMALL])
    with pytest.raises(InputError, match=f"no prepared weights of {SMALL}; run corrotwin segmentation weights --to"):
        weights.load(tmp_path, SMALL)
    weights.load(tmp_path, OF_TIMM)
    weights.prepare(tmp_path, [SMALL])
    weights.load(tmp_path, SMALL)


def test_without_network_one_line_at_once_and_nothing_written(tmp_path, monkeypatch, hub):
    hub.server.shutdown()
    hub.server.server_close()
    started = time.monotonic()
    with pytest.raises(
        InputError, match=r"mobilenet_v2: ImageNet weights are not available \(.*\(`encoder_weights`\)$"
    ):
        weights.prepare(tmp_path / "w", [SMALL])
    assert time.monotonic() - started < 10  # the hub's client alone: 23 seconds
    assert not (tmp_path / "w").exists()


def test_a_filled_hub_cache_needs_no_network(hub, trained):
    weights.fetch(SMALL)
    hub.asked.clear()
    network = network_module.build(SMALL, encoder_weights="imagenet", seed=0)
    assert hub.asked == []
    assert same(network.get_submodule("encoder"), trained[SMALL])


def test_a_folder_is_prepared_from_a_filled_hub_cache_offline(hub, tmp_path):
    weights.fetch(SMALL)
    hub.server.shutdown()
    hub.server.server_close()
    weights.prepare(tmp_path, [SMALL])
    entry = read_json(tmp_path / "weights.json")["encoders"][SMALL]
    assert (entry["licence"], entry["revision"]) == (None, encoders.weights_source(SMALL).revision)


def test_a_hub_without_the_file_is_one_line(hub, tmp_path):
    hub.files.clear()
    with pytest.raises(InputError, match=r"mobilenet_v2: ImageNet weights are not available \(\w*NotFound\w*: .*404"):
        weights.prepare(tmp_path / "w", [SMALL])
    assert not (tmp_path / "w").exists()


def rewrite(folder, change):
    content = read_json(folder / "weights.json")
    change(content)
    (folder / "weights.json").write_text(json.dumps(content))


def swap_file(folder):
    content = save({"a": torch.zeros(1)})
    (folder / f"{SMALL}.safetensors").write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest()}
    rewrite(folder, lambda manifest: manifest["encoders"][SMALL].update(entry))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "weights.json").unlink(), f"no prepared weights of {SMALL}; run corrotwin"),
        (lambda folder: (folder / "weights.json").write_text("{"), "not valid JSON"),
        (lambda folder: rewrite(folder, lambda manifest: manifest.update(kind="run")), "not a weights manifest"),
        (lambda folder: rewrite(folder, lambda manifest: manifest.update(encoders=3)), "damaged; delete the folder"),
        (
            lambda folder: rewrite(folder, lambda manifest: manifest["encoders"][SMALL].pop("sha256")),
            "damaged; delete the folder",
        ),
        (
            lambda folder: rewrite(folder, lambda manifest: manifest["encoders"][SMALL].update(revision="f00")),
            "at f00, but here they are taken from smp-hub",
        ),
        (lambda folder: (folder / f"{SMALL}.safetensors").unlink(), "weights cannot be read"),
        (lambda folder: (folder / f"{SMALL}.safetensors").write_bytes(b"1"), "SHA-256 differs"),
        (swap_file, "of another encoder"),
    ],
)
def test_damaged_and_foreign_folders(harm, message, from_memory, tmp_path):
    weights.prepare(tmp_path, [SMALL])
    harm(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        network_module.build(SMALL, encoder_weights="imagenet", weights=tmp_path, seed=0)
    assert "\n" not in str(caught.value)


def test_bad_input_writes_nothing(no_fetch, tmp_path):
    for backbones, message in (
        ([], "no backbones given"),
        ([SMALL, "resnet12"], "the nearest: resnet1"),
        ([SMALL, "dpn92"], r"dpn92: smp has no ImageNet weights of it, only imagenet\+5k"),
        ([SMALL, "tu-resnet81"], "nearest: tu-resnet"),
        ([SMALL, "tu-test_mambaout"], "timm has no pretrained weights"),
    ):
        with pytest.raises(InputError, match=message):
            weights.prepare(tmp_path / "w", backbones)
    assert not (tmp_path / "w").exists()
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        weights.prepare(tmp_path, [SMALL])


def test_weights_are_not_read_where_none_are_wanted(no_fetch, tmp_path):
    network_module.build(SMALL, encoder_weights=None, weights=tmp_path / "nowhere", seed=0)


def test_a_full_disk_is_one_line(from_memory, tmp_path, monkeypatch):
    def full(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "atomic_file", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        weights.prepare(tmp_path, [SMALL])


@pytest.mark.slow
def test_processes_at_once_one_of_them_killed(hub, tmp_path):
    folder = tmp_path / "w"
    code = "import sys; from pathlib import Path; from corrotwin.segmentation.models.weights import prepare\n"
    code += "prepare(Path(sys.argv[1]), sys.argv[2:])"
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hub")}

    def start(*backbones):
        return subprocess.Popen([sys.executable, "-c", code, folder, *backbones], env=environment)

    killed, other = start(OF_TIMM, SMALL), start(SMALL, OF_TIMM)
    while not any(folder.glob("*")) and killed.poll() is None:
        time.sleep(0.005)
    killed.kill()
    killed.wait(timeout=60)
    assert other.wait(timeout=60) == 0
    for backbone in (SMALL, OF_TIMM):
        weights.load(folder, backbone)
    assert start(SMALL).wait(timeout=60) == 0
    assert {path.name for path in folder.glob("*")} == {
        "claim.json",
        ".lock",
        "weights.json",
        f"{SMALL}.safetensors",
        f"{OF_TIMM}.safetensors",
    }
