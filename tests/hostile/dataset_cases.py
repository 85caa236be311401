"""Malformed datasets: COCO, photos, archives, and masks as pictures."""

import os
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import small_inputs
from malformed import GIGAPIXELS, Case, Line, edited, encoded, placed, png

TEXT_BOMB = png(8, 6, (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 1)))
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\n(owned) (w) file closefile\n%%EOF\n"


# COCO and photos: read for a split.


def split(data: Path, folder: Path, *options: object) -> Line:
    """The command that reads a dataset and decides who trains."""
    return ("segmentation", "split", "--data", data, "--out", folder / "out" / "split.json", *options)


def document(change: Callable[[Any], object], says: str) -> Case:
    """A dataset whose json is changed."""

    def make(folder: Path) -> Line:
        small_inputs.make_coco(folder / "data")
        edited(folder / "data" / "annotations.json", change)
        return split(folder / "data", folder)

    return Case(make=make, says=says)


def text(content: str | bytes, says: str) -> Case:
    """A dataset whose json is something else."""

    def make(folder: Path) -> Line:
        small_inputs.make_coco(folder / "data")
        (folder / "data" / "annotations.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        return split(folder / "data", folder)

    return Case(make=make, says=says)


def segmentation(value: Any, says: str) -> Case:
    """A dataset with another segmentation."""
    return document(placed("annotations", 0, "segmentation", value=value), says)


def photo(content: bytes | None, says: str) -> Case:
    """A dataset with another file in place of a photo; None for a pipe. All photos are decoded, for their likeness."""

    def make(folder: Path) -> Line:
        small_inputs.make_coco(folder / "data")
        path = folder / "data" / "1.png"
        path.unlink()
        if content is None:
            os.mkfifo(path)
        else:
            path.write_bytes(content)
        return split(folder / "data", folder, "--by", "hash")

    return Case(make=make, says=says)


COCO = {
    "json cut off": text('{"images": [', r"annotations\.json: not valid JSON"),
    "json nested without end": text("[" * 200_000, r"annotations\.json: not valid JSON"),
    "json in UTF-16": text('{"images": []}'.encode("utf-16"), r"annotations\.json: not valid JSON"),
    "a number of 5,000 digits": text(f'{{"images": [{"9" * 5000}]}}', r"annotations\.json: not valid JSON"),
    "a pickle named annotations.json": text(pickle.dumps({"images": []}), r"annotations\.json: not valid JSON"),
    "half a character in a name": text('{"images": [{"file_name": "\\ud800"}]}', r"annotations\.json: not valid JSON"),
    "lists of numbers": document(
        lambda each: {"images": [1], "annotations": [], "categories": []}, r"not COCO; it needs"
    ),
    "a path out of the folder": document(
        placed("images", 0, "file_name", value="../../0.png"), "points outside the folder"
    ),
    "a name that steers terminals": document(
        placed("images", 0, "file_name", value="\x1b]0;owned\x07\x1b[2J.png"), r"\\x1b\]0;owned\\x07.*is missing"
    ),
    "a name that no file system takes": document(placed("images", 0, "file_name", value="x" * 5000), "is missing; add"),
    "an image_id that is a list": document(placed("annotations", 0, "image_id", value=[0]), "unknown image"),
    "two images of one id": document(lambda each: each["images"].append(each["images"][0]), "occurs twice"),
    "a size of a billion pixels": document(placed("images", 0, "width", value=10**9), "1000000000x6.*export"),
    "a polygon of NaN": segmentation([[1, 1, 4, 1, float("nan"), 4]], "NaN, infinity"),
    "a polygon of huge numbers": segmentation([[1, 1, 4, 1, 10**400, 4]], "too large; draw it again"),
    "a polygon of words": segmentation([["x"] * 6], "needs at least 6 numbers"),
    "a million points that jump from side to side": segmentation(
        [[0, 0, 16, 12, 0, 12, 16, 0] * 250_000], "longer than the limit of 2,000,000 pixels"
    ),
    "run lengths without bound": segmentation({"size": [6, 8], "counts": [2**62, -(2**62) + 48]}, "do not add up"),
    "a compressed run of 2^34 pixels": segmentation({"size": [6, 8], "counts": "P" * 7 + "0"}, "damaged RLE string"),
    "run lengths for another size": segmentation({"size": [10**6, 10**6], "counts": [10**12]}, "RLE of size"),
    "a photo of no bytes": photo(b"", r"1\.png: not a readable image"),
    "a photo of 10 gigapixels": photo(GIGAPIXELS, r"1\.png: not a readable image .*exceeds limit"),
    "a photo with a text that unpacks to 200 MB": photo(TEXT_BOMB, r"1\.png: not a readable image"),
    "PostScript named .png": photo(EPS, r"1\.png: not a readable image \(no known image format\)"),
    "a script named .png": photo(b"#!/bin/sh\ntouch owned\n", r"1\.png: not a readable image"),
    "a JPEG that breaks off": photo(encoded("JPEG", cut=-3), r"1\.png: cannot be decoded"),
    "a PNG that breaks off": photo(encoded("PNG", cut=-30), r"1\.png: (cannot be decoded|not a readable)"),
    "floating-point pixels": photo(encoded("TIFF", "F"), r"1\.png: floating-point pixels; convert"),
    "a pipe in place of a photo": photo(None, r"1\.png: image 1 .* is missing"),
}


# Archives.


def archive(fill: Callable[[zipfile.ZipFile, Path], object], says: str, end: Callable[[bytes], bytes] = bytes) -> Case:
    """A zip archive, its bytes changed by `end`."""

    def make(folder: Path) -> Line:
        small_inputs.make_coco(folder / "data")
        path = folder / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for each in sorted((folder / "data").iterdir()):
                made.write(each, each.name)
            fill(made, folder)
        path.write_bytes(end(path.read_bytes()))
        return split(path, folder)

    return Case(make=make, says=says)


def entry(name: str, *, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """An entry of any name and kind."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def overlapping(content: bytes) -> bytes:
    """The last entry of the directory 2,000 times under other names: one small file that unpacks to gigabytes."""
    end = content.rindex(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HLL", content, end + 10)
    directory = content[offset : offset + size]
    last = directory[directory.rindex(b"PK\1\2") :]
    more = b"".join(last.replace(b"zeros-0000", f"zeros-{number:04d}".encode()) for number in range(1, 2000))
    tail = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count + 1999, count + 1999, size + len(more), offset, 0)
    return content[:offset] + directory + more + tail


ARCHIVES = {
    "an archive's path to the parent": archive(lambda z, f: z.writestr("../owned", "x"), "would leave the folder"),
    "an archive's absolute path": archive(lambda z, f: z.writestr("/tmp/owned", "x"), "would leave the folder"),
    "an archive's link": archive(
        lambda z, f: z.writestr(entry("link", mode=stat.S_IFLNK | 0o777), "/etc/passwd"), "is a link or a device"
    ),
    "a zip bomb": archive(lambda z, f: z.writestr("zeros", bytes(300_000_000)), "would grow more than 200-fold"),
    "a bomb of entries that overlap": archive(
        lambda z, f: z.writestr("zeros-0000", bytes(5_000_000)), "would grow more than 200-fold", overlapping
    ),
    "an archive cut off": archive(lambda z, f: None, "damaged or not a zip archive", lambda content: content[:200]),
    "an archive with a damaged byte": archive(
        lambda z, f: None, "damaged or not a zip archive", lambda content: content[:60] + b"\xff" * 4 + content[64:]
    ),
    "a pickle named .zip": archive(lambda z, f: None, "damaged or not a zip archive", lambda content: pickle.dumps(0)),
    "an archive whose json is damaged": archive(
        lambda z, f: z.writestr("train/_annotations.coco.json", "{"), r"export\.zip.*not valid JSON"
    ),
}


# Photos and PNG masks.


def mask(name: str, content: bytes | None, says: str) -> Case:
    """A folder of photos and masks with one file more or another; None removes it."""

    def make(folder: Path) -> Line:
        data = folder / "data"
        for kind in ("images", "masks"):
            (data / kind).mkdir(parents=True)
            for stem in "abc":
                (data / kind / f"{stem}.png").write_bytes(encoded("PNG", "L"))
        if content is None:
            (data / name).unlink()
        else:
            (data / name).write_bytes(content)
        return split(data, folder)

    return Case(make=make, says=says)


MASKS = {
    "a mask of 10 gigapixels": mask("masks/a.png", GIGAPIXELS, r"masks/a\.png: not a readable mask .*exceeds limit"),
    "a mask in colour": mask("masks/a.png", encoded("PNG", "RGBA"), r"masks/a\.png: a mask .*save it with one"),
    "a mask cut off": mask("masks/a.png", encoded("PNG", "L", -30), r"masks/a\.png: not a readable mask"),
    "a mask of another kind": mask("masks/a.png", encoded("JPEG", "L"), r"masks/a\.png: not a readable mask"),
    "a mask of no photo": mask("images/b.png", None, r"masks/b\.png: has no image"),
}
