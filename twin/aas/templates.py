"""Submodels by templates of the IDTA: the digital nameplate (02006-3-0) and the provision of 3D models (02026-1-0).

Elements that a template requires and a twin does not know have no value; those that it does not require are left out.
"""

import datetime

from basyx.aas import model
from basyx.aas.model import datatypes

from corrotwin.twin.aas.elements import collection, collections, english, external, not_known, prop, shortened, unknown
from corrotwin.twin.core.files import versions
from corrotwin.twin.fleets.outlook import TwinOutlook

GLB = "/aasx/files/twin.glb"
GLB_TYPE = "model/gltf-binary"
_MODELS = "https://admin-shell.io/idta/Models3D"
_VERSION = f"{_MODELS}/Model3D/File/FileVersion"


def nameplate(identifier: str, outlook: TwinOutlook) -> model.Submodel:
    """Return the digital nameplate: kind of asset and year of construction; a twin does not know the rest."""
    address = "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/AddressInformation"
    built = datetime.date.fromisoformat(outlook.built)
    return model.Submodel(
        identifier,
        [
            unknown("URIOfTheProduct", external("0112/2///61987#ABN590#002"), datatypes.AnyURI),
            model.MultiLanguageProperty(
                "ManufacturerName", description=not_known(), semantic_id=external("0112/2///61987#ABA565#009")
            ),
            model.MultiLanguageProperty(
                "ManufacturerProductDesignation",
                description=not_known(),
                semantic_id=external("0112/2///61987#ABA567#009"),
            ),
            model.SubmodelElementCollection(
                "AddressInformation", description=not_known(), semantic_id=external(address)
            ),
            model.MultiLanguageProperty(
                "ManufacturerProductRoot",
                model.MultiLanguageTextType(english(shortened(outlook.kind, 1000))),
                semantic_id=external("0112/2///61360_7#AAS011#001"),
            ),
            unknown("OrderCodeOfManufacturer", external("0112/2///61987#ABA950#008")),
            prop("YearOfConstruction", f"{built:%Y}", external("0112/2///61987#ABP000#002")),
        ],
        id_short="Nameplate",
        administration=model.AdministrativeInformation(template_id="https://admin-shell.io/idta-02006-3-0"),
        semantic_id=external("https://admin-shell.io/idta/nameplate/3/0/Nameplate"),
    )


def models_3d(identifier: str, outlook: TwinOutlook, name: str, clock: datetime.date) -> model.Submodel:
    """Return the submodel of the twin's mesh, which shows how it looks on the day of its clock."""
    organisation = f"{_VERSION}/ProvidingOrganization"
    source = f"{_VERSION}/SourceApplication"
    version = [
        model.MultiLanguageProperty(
            "Title",
            model.MultiLanguageTextType(english(shortened(f"{name} on {clock}", 1000))),
            semantic_id=external(f"{_VERSION}/Title/1/0"),
        ),
        prop("FileName", GLB.rpartition("/")[2], external(f"{_VERSION}/FileName/1/0")),
        prop("FileVersionId", f"{clock}", external(f"{_VERSION}/FileVersionID/1/0")),
        prop("StatusValue", "Released", external(f"{_VERSION}/StatusValue/1/0")),
        prop("SetDate", clock, external(f"{_VERSION}/SetDate/1/0")),
        model.File("PreviewFile", "image/png", semantic_id=external(f"{_VERSION}/PreviewFile/1/0")),
        model.File("DigitalFile", GLB_TYPE, GLB, semantic_id=external(f"{_VERSION}/DigitalFile/1/0")),
        collection(
            "FileFormat",
            [
                prop("FormatName", "glTF", external(f"{_VERSION}/FileFormat/FormatName/1/0")),
                prop("FormatVersion", "2.0", external(f"{_VERSION}/FileFormat/FormatVersion/1/0")),
                prop("FormatQualifier", "binary (GLB)", external(f"{_VERSION}/FileFormat/FormatQualifier/1/0")),
            ],
            external(f"{_VERSION}/FileFormat/1/0"),
        ),
        collection(
            "SourceApplication",
            [
                prop("ApplicationName", "corrotwin", external(f"{source}/ApplicationName/1/0")),
                prop(
                    "ApplicationVersion",
                    versions("corrotwin")["corrotwin"],
                    external(f"{source}/ApplicationVersion/1/0"),
                ),
                unknown("ApplicationQualifier", external(f"{source}/ApplicationQualifier/1/0")),
                _organisation("VendorOrganization", f"{source}/VendorOrganization"),
            ],
            external(f"{source}/1/0"),
        ),
        _organisation("ProvidingOrganization", organisation),
    ]
    file, classes = f"{_MODELS}/Model3D/File", f"{_MODELS}/Model3D/File/FileClassification"
    known_as = collection(
        None,
        [
            prop("FileDomainId", "corrotwin", external(f"{file}/FileId/FileDomaniId/1/0")),  # so the template spells it
            prop("ValueId", outlook.id, external(f"{file}/FileId/ValueId/1/0")),
            prop("IsPrimary", True, external(f"{file}/FileId/IsPrimary/1/0")),
        ],
        external(f"{file}/FileId/1/0"),
    )
    classified = collection(
        None,
        [
            prop("ClassId", "02-02", external(f"{classes}/ClassId/1/0")),
            model.MultiLanguageProperty(
                "ClassName", model.MultiLanguageTextType(english("Drawings, plans")),
                semantic_id=external(f"{classes}/ClassName/1/0"),
            ),
            prop("ClassificationSystem", "VDI2770:2020", external(f"{file}/ClassificationSystem/1/0")),
        ],
        external(f"{classes}/1/0"),
    )  # fmt: skip
    about = collection(
        "File",
        [
            collections("FileId", [known_as], external(f"{file}/FileId/1/0")),
            collections(
                "FileVersion", [collection(None, version, external(f"{_VERSION}/1/0"))], external(f"{_VERSION}/1/0")
            ),
            collections("FileClassification", [classified], external(f"{classes}/1/0")),
        ],
        external(f"{file}/1/0"),
    )
    meaning = external(f"{_MODELS}/Model3D/1/0")
    return model.Submodel(
        identifier,
        [collections("Model3D", [collection(None, [about], meaning)], meaning)],
        id_short="Models3D",
        semantic_id=external(f"{_MODELS}/1/0"),
    )


def _organisation(name: str, meaning: str) -> model.SubmodelElementCollection:
    parts = [
        unknown(part, external(f"{meaning}/{part}/1/0")) for part in ("OrganizationName", "OrganizationOfficialName")
    ]
    return collection(name, parts, external(f"{meaning}/1/0"))
