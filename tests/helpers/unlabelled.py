"""Pictures and videos that nobody has labelled, drawn for tests."""

import os
import struct
from pathlib import Path

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg asks once, and writing a video comes first here

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage


def picture(seed, height=80, width=96):
    """Coloured clouds: no two seeds are alike."""
    rng = np.random.default_rng(seed)
    clouds = ndimage.gaussian_filter(rng.normal(size=(height, width, 3)), (4, 4, 0))
    scaled = 128 + 60 * clouds / clouds.std() + rng.normal(0, 4, clouds.shape)
    return scaled.clip(0, 255).astype(np.uint8)


def photos(folder, seeds, ending=".png"):
    """Write a picture for each seed and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:04d}{ending}" for seed in seeds]
    for seed, path in zip(seeds, paths, strict=True):
        Image.fromarray(picture(seed)).save(path)
    return paths


def video(path, pictures, frames_each=10, rate=10.0):
    """Write a video in which each picture, drawn from a seed or given (80, 96, 3), stands still for so many frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, (96, 80))
    assert writer.isOpened()
    for each in pictures:
        pixels = picture(each) if isinstance(each, int) else each
        for _ in range(frames_each):
            writer.write(np.ascontiguousarray(pixels[..., ::-1]))
    writer.release()
    return Path(path)


def on_its_side(path):
    """Say in an MP4 that players are to turn its pictures by a quarter clockwise, as phones do."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 80 << 16, 0, 1 << 30)
    path.write_bytes(content)
    return path


def trimmed(path, *, start, seconds, version=0):
    """Let an MP4 show `seconds` from the second `start` on; the other frames stay in it, as when phones trim a video.

    Times in its header have 64 bits in `version` 1.
    """
    content = bytearray(path.read_bytes())
    header, media = content.index(b"mvhd") + 4, content.index(b"mdhd") + 4
    [scale], [of_media] = (struct.unpack_from(">I", content, place + 12) for place in (header, media))
    struct.pack_into(">Ii", content, content.index(b"elst") + 12, seconds * scale, start * of_media)
    times = struct.pack(">4x4xII" if version == 0 else ">8x8xIQ", scale, seconds * scale)
    content[header : header + 20] = bytes([version, 0, 0, 0]) + times
    for box in (b"moov", b"mvhd"):
        size = content.index(box) - 4
        struct.pack_into(">I", content, size, struct.unpack_from(">I", content, size)[0] + len(times) - 16)
    path.write_bytes(content)
    return path


def slowing(path, *, after, times):
    """Let the frames of an MP4 `after` so many stand for `times` as long as those before, as phones do in the dark."""
    content = bytearray(path.read_bytes())
    table, media = content.index(b"stts"), content.index(b"mdhd") + 4
    _, _, _, count, each = struct.unpack(">4s4I", content[table : table + 20])
    runs = struct.pack(">4s6I", b"stts", 0, 2, after, each, count - after, times * each)
    content[table : table + 20] = runs
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):  # grown by the second run
        size = content.index(box) - 4
        struct.pack_into(">I", content, size, struct.unpack_from(">I", content, size)[0] + len(runs) - 20)
    duration = (after + times * (count - after)) * each
    struct.pack_into(">I", content, media + 16, duration)
    path.write_bytes(content)
    [of_media] = struct.unpack_from(">I", content, media + 12)
    return trimmed(path, start=0, seconds=duration // of_media)  # which is all of it


def emptied(path, *, share):
    """Let an MP4 end in zeros where its last pictures were, as of a copy that was given its size before its content."""
    content = bytearray(path.read_bytes())
    first, header = content.index(b"mdat") + 4, content.index(b"moov") - 4
    start = header - int(share * (header - first))
    content[start:header] = bytes(header - start)
    path.write_bytes(content)
    return path
