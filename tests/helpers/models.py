"""GLB files of things that do not rust, made for tests."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image


def crate(path: Path, *, side_m: float = 0.4, copyright_text: str = "") -> Path:
    """Write a box with a texture: red in its left half, pale blue in its right."""
    box = trimesh.creation.box((side_m, side_m, side_m))
    flat = trimesh.Trimesh(box.triangles.reshape(-1, 3), np.arange(36).reshape(-1, 3), process=False)
    pixels = np.zeros((600, 1200, 3), np.uint8)
    pixels[:, :600], pixels[:, 600:] = (200, 20, 20), (120, 160, 255)
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(pixels), baseColorFactor=[255, 255, 255, 255], roughnessFactor=0.4,
        metallicFactor=0.0,
    )  # fmt: skip
    uv = np.tile([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], (12, 1))
    flat.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    path.write_bytes(flat.export(file_type="glb"))
    if copyright_text:
        edited(path, lambda content: content["asset"].update(copyright=copyright_text))
    return path


def edited(path: Path, change: Any) -> Path:
    """Change the JSON of a GLB."""
    content = path.read_bytes()
    length = struct.unpack_from("<I", content, 12)[0]
    document = json.loads(content[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = content[20 + length :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    path.write_bytes(head + text + rest)
    return path
