"""Files as contractors send them, and a small pipe that they are of."""

import csv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl

from corrotwin.twin import store
from corrotwin.twin.creation import shaped, specify

Rows = Sequence[Sequence[object]]


def pipe(folder: Path, *, seed: int = 1) -> Path:
    """Write a pipe of 8.18 mm with zone body, in service since 2005, into a folder."""
    drawn = shaped("pipe", {"nps": 8, "schedule": 40, "run_m": 0.6}, seed=seed, texel_mm=12.0, random=False)
    twin = specify(
        drawn, years=18.0, built="2005-06-01", category="C4", climate=None, splash=None, debris=1.0, coating_life=8.0,
        zinc_um=None, bare=False, mechanisms=None, random=False,
    )  # fmt: skip
    store.save(twin, folder)
    return folder


def workbook(path: Path, **named: Rows) -> Path:
    """Write a workbook with the named sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in named.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def ods(path: Path, rows: Rows, *, above: int) -> Path:
    """Write an ODS workbook with a sheet UT, whose rows stand below empty ones; text from `<` on is a cell in XML."""
    names = {
        **{name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0" for name in ("office", "table", "text")},
        "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
    }
    spaces = " ".join(f'xmlns:{name}="{space}"' for name, space in names.items())

    def cell(value: object) -> str:
        if isinstance(value, str) and value.startswith("<"):
            return value
        kind = f'float" office:value="{value}' if isinstance(value, float) else "string"
        return f'<table:table-cell office:value-type="{kind}"><text:p>{escape(str(value))}</text:p></table:table-cell>'

    empty = f'<table:table-row table:number-rows-repeated="{above}"><table:table-cell/></table:table-row>'
    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><m:file-entry m:full-path="/" '
            f'm:media-type="{kind}"/></m:manifest>',
        )
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="UT">{empty}{lines}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def table(path: Path, rows: Rows, *, separator: str = ",", encoding: str = "utf-8") -> Path:
    """Write a CSV file."""
    with path.open("w", newline="", encoding=encoding) as stream:
        csv.writer(stream, delimiter=separator).writerows(rows)
    return path
