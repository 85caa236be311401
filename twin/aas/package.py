"""Write a twin as an AASX package or as JSON: the shell of the asset and its submodels."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from basyx.aas import model
from basyx.aas.adapter import aasx
from basyx.aas.adapter.json import write_aas_json_file
from pyecma376_2.package_model import OPCCoreProperties  # type: ignore[attr-defined]

from corrotwin.twin.aas.concepts import descriptions
from corrotwin.twin.aas.condition import condition
from corrotwin.twin.aas.elements import MOST_NAME, MOST_VALUE, english, shortened
from corrotwin.twin.aas.templates import GLB, GLB_TYPE, models_3d, nameplate
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, versions, writing
from corrotwin.twin.fleets.outlook import TwinOutlook
from corrotwin.twin.store import plain_parameters
from corrotwin.twin.twin_state import TwinState

_ROOT = uuid.UUID("5b0c1f6e-3c0e-5b0e-9d55-0d9b7b1c6a6e")  # namespace of all ids derived from a twin
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first day that a ZIP can hold, so that equal content gives equal files


@dataclass(frozen=True, kw_only=True)
class ShellSource:
    """The contents of a shell.

    Parameters
    ----------
    twin, outlook : the twin and its forecast.
    name : name of the twin, such as that of its folder.
    asset_id : global id of the asset; if empty, it is derived from the name and the state of the twin.
    """

    twin: TwinState
    outlook: TwinOutlook
    name: str
    asset_id: str = ""


def check_id(asset_id: str) -> None:
    """Refuse a global id of an asset that no shell can have; an empty one stands for the default.

    Raises
    ------
    InputError
        The id is too long, or has spaces or control characters.
    """
    if len(asset_id) > MOST_VALUE or asset_id != "".join(asset_id.split()) or not asset_id.isprintable():
        raise InputError(
            f"`asset_id` {shortened(asset_id, 60)}: give at most {MOST_VALUE} characters without spaces, such as a URL"
        )


def write(path: Path, source: ShellSource, mesh: Callable[[], bytes]) -> None:
    """Write a package (.aasx) with the mesh, or the shell as JSON without it, by the suffix of the file name.

    Parameters
    ----------
    path : file to write.
    source : contents of the shell.
    mesh : function that returns the twin as GLB, for a package.

    Raises
    ------
    InputError
        The file cannot be written; then nothing has been written.
    """
    store = environment(source, with_mesh=path.suffix == ".aasx")
    content = _package(store, mesh()) if path.suffix == ".aasx" else _as_json(store)
    with writing(path), atomic_file(path) as stream:
        stream.write(content)


def environment(source: ShellSource, *, with_mesh: bool) -> model.DictIdentifiableStore[model.Identifiable]:
    """Return the shell, its submodels and the concepts that they use."""
    asset_id = source.asset_id or _asset_id(source)
    outlook, ids = source.outlook, {
        name: uuid.uuid5(_ROOT, f"{name} of {asset_id}").urn for name in ("shell", "nameplate", "models", "condition")
    }  # fmt: skip
    name = shortened(source.name or outlook.id, MOST_NAME)
    submodels = [nameplate(ids["nameplate"], outlook), condition(ids["condition"], outlook)]
    if with_mesh:
        submodels.insert(1, models_3d(ids["models"], outlook, name, source.twin.clock.date()))
    information = model.AssetInformation(
        model.AssetKind.INSTANCE,
        asset_id,
        [
            model.SpecificAssetId(label, shortened(text, MOST_VALUE))
            for label, text in (("name", source.name), ("twin", outlook.id))
            if text.strip()
        ],
        asset_type=shortened(outlook.kind, MOST_VALUE),
    )
    references = dict.fromkeys(model.ModelReference.from_referable(submodel) for submodel in submodels)
    shell = model.AssetAdministrationShell(
        information,
        ids["shell"],
        id_short="Twin",
        display_name=model.MultiLanguageNameType(english(name)) if name else None,
        submodel=cast("set[model.ModelReference[model.Submodel]]", references.keys()),  # a set in order
    )
    return model.DictIdentifiableStore([shell, *submodels, *descriptions()])


def _asset_id(source: ShellSource) -> str:
    twin = source.twin
    facts = [source.name, twin.id, twin.kind, plain_parameters(twin), twin.built.isoformat(), twin.seed]
    return uuid.uuid5(_ROOT, json.dumps(facts, sort_keys=True, default=str)).urn


def _as_json(store: model.DictIdentifiableStore[model.Identifiable]) -> bytes:
    text = io.StringIO()
    write_aas_json_file(text, store, indent=2)
    return text.getvalue().encode()


def _package(store: model.DictIdentifiableStore[model.Identifiable], mesh: bytes) -> bytes:
    files, content = aasx.DictSupplementaryFileContainer(), io.BytesIO()  # type: ignore[no-untyped-call]
    files.add_file(GLB, io.BytesIO(mesh), GLB_TYPE)
    about = OPCCoreProperties()  # type: ignore[no-untyped-call]
    about.creator = f"corrotwin {versions('corrotwin')['corrotwin']}"
    with aasx.AASXWriter(content, failsafe=False) as writer:
        # as JSON, because basyx writes XML of version 3.1, which older tools do not read
        writer.write_all_aas_objects("/aasx/data.json", store, files, write_json=True)
        writer.write_core_properties(about)
    return _without_times(content)


def _without_times(package: io.BytesIO) -> bytes:
    """Return the same ZIP file with one time for all entries."""
    content = io.BytesIO()
    with zipfile.ZipFile(package) as before, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(zipfile.ZipInfo(name, _EPOCH), before.read(name), zipfile.ZIP_DEFLATED)
    return content.getvalue()
