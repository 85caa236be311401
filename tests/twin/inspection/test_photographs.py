"""Photographs as records: masks, and the texels that they show."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import drill
import numpy as np
import pytest
from PIL import Image
from small_plate import plate

from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.api.twin import Twin
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection.records import Record


def test_a_photograph_becomes_shares_of_what_it_saw(folder: Path) -> None:
    asset = twin_state.asset(plate())
    texels = assets.texels(asset)
    face = texels.zone == asset.zone_names.index("face")
    seen = face & (np.arange(face.shape[1]) % 2 == 0)
    rusted = face & (np.arange(face.shape[0])[:, None] % 4 == 0)
    pattern = Record(date="2006-05-31", zone="all", kind="photo", value=0, tool="camera")
    records, photo = readers.photo_records(pattern, asset, texels, seen, rusted)
    assert [record.zone for record in records] == ["face"]
    area = texels.area_mm2
    assert records[0].value == pytest.approx(area[seen & rusted].sum() / area[seen].sum(), abs=1e-6)
    log.append(folder, records, photo)
    found, _ = log.read(folder)
    np.testing.assert_array_equal(readers.seen_texels(folder, found[0], asset.atlas_shape), seen)
    (folder / found[0].seen).write_bytes(photo[:-30])
    with pytest.raises(InputError, match="damaged"):
        readers.seen_texels(folder, found[0], asset.atlas_shape)
    (folder / found[0].seen).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        readers.seen_texels(folder, found[0], asset.atlas_shape)


def test_a_twin_is_loaded_with_one_look_at_each_photograph(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = twin_state.asset(plate())
    everywhere = np.ones(asset.atlas_shape, dtype=bool)
    pattern = Record(date="2006-05-31", zone="all", kind="photo", value=0, tool="camera")
    records, photo = readers.photo_records(pattern, asset, assets.texels(asset), everywhere, everywhere)
    assert len(log.append(folder, records, photo)) > 1
    looks: list[bytes] = []
    content = readers.photo_content
    monkeypatch.setattr(readers, "photo_content", lambda *given: looks.append(content(*given)) or looks[-1])
    twin = Twin.load(folder)
    assert looks == [photo]
    twin.save(tmp_path / "copy")
    assert (tmp_path / "copy" / records[0].seen).read_bytes() == photo


def png(path: Path, mask: np.ndarray) -> Path:
    Image.fromarray(np.asarray(mask, np.uint8)).save(path)
    return path


def test_wrong_masks_and_options_leave_the_folder_as_it_was(
    folder: Path, tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    before = drill.hashes(folder)
    mask = png(tmp_path / "mask.png", np.zeros((3, 4)))
    asset = twin_state.asset(plate())
    uvmap = tmp_path / "uv.npz"
    known = {"atlas_shape": asset.atlas_shape, "asset": readers.asset_key(plate())}
    np.savez(uvmap, texel=np.zeros((4, 4), np.int32), **known)
    np.savez(tmp_path / "far.npz", texel=np.full((3, 4), 10**7, np.int32), **known)
    np.savez(tmp_path / "none.npz", texel=np.full((3, 4), -1, np.int32), **known)
    inside = np.flatnonzero(assets.texels(asset).area_mm2.reshape(-1))[0]
    np.savez(tmp_path / "little.npz", texel=np.full((3, 4), inside, np.int32), **known)
    endless = {"reach_m": np.full((3, 4), np.inf), "eye_m": np.zeros(3)}
    np.savez(tmp_path / "reach.npz", texel=np.full((3, 4), inside, np.int32), **endless, **known)
    (tmp_path / "no.png").write_bytes(b"not a mask")
    shared = ("--date", "2006-05-31", "--tool", "camera")
    for arguments, message in (
        (("--photo", mask, "--uvmap", uvmap), "mask.png: 4 x 3 pixels, but its texel map"),
        (("--photo", mask, "--uvmap", mask), "not a texel map"),
        (("--photo", mask, "--uvmap", tmp_path / "far.npz"), "not a texel map"),
        (("--photo", mask, "--uvmap", tmp_path / "none.npz"), "shows nothing of the plate"),
        (("--photo", mask, "--uvmap", tmp_path / "little.npz"), "shows less than 2% of each zone of the plate"),
        (("--photo", mask, "--uvmap", tmp_path / "reach.npz"), "not a texel map"),
        (("--photo", mask, mask, "--uvmap", uvmap), "2 masks and 1 texel map:"),
        (("--photo", tmp_path / "no.png", "--zone", "face"), "cannot be read as a mask"),
        (("--photo", mask), "give a --uvmap for each --photo, or the --zone"),
        (("--photo", mask, "--zone", "face", "--uvmap", uvmap), "give a --uvmap for each --photo, or the --zone"),
        (("--photo", mask, mask, "--zone", "face"), "2 photos of face"),
        (("--photo", mask, "--zone", "hull"), "no zone 'hull'"),
        (("--photo", mask, "--zone", "face", "--value", "0.1"), "--photo replaces --kind"),
        (("--uvmap", uvmap), "--uvmap requires --photo"),
        (("--csv", mask), "either --csv"),
        (("--kind", "ultrasonic", "--zone", "face", "--value", "9.8", "--scatter", "-1"), "--scatter -1"),
        (("--kind", "ultrasonic", "--zone", "face", "--value", "9.8", "--detection", "0.6"), "apply only to a photo"),
        (("--photo", mask, "--zone", "face", "--seed", "-1"), "--seed -1"),
        ((), "give --csv"),
    ):
        done = command("inspect", folder, *arguments, *shared)
        assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, ""), (arguments, done.stderr)
        assert message in done.stderr
    table = tmp_path / "r.csv"
    table.write_text("date,zone,kind,value,tool\n2006-05-31,face,ultrasonic,9.8,UT-1\n")
    for option in (("--detection", 0.5), ("--false-calls", 0.2), ("--detection", 0.9), ("--seed", "-1")):
        done = command("inspect", folder, "--csv", table, *option)
        assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, ""), (option, done.stderr)
        assert ("--seed -1" if "--seed" in option else "either --csv") in done.stderr
    assert drill.hashes(folder) == before
    nowhere = command("inspect", tmp_path / "none", "--kind", "pit", "--zone", "face", "--value", 0.1, *shared)
    assert nowhere.returncode == 2
    assert "twin.json" in nowhere.stderr
    assert not (tmp_path / "none").exists()


def test_a_photograph_without_a_pose_is_a_share_of_its_zone(
    folder: Path, tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    mask = png(tmp_path / "mask.png", np.arange(200).reshape(10, 20) < 30)
    done = command("inspect", folder, "--date", "2006-05-31", "--tool", "phone", "--photo", mask, "--zone", "face")
    assert done.returncode == 0, done.stderr
    (record,), _ = log.read(folder)
    assert (record.kind, record.zone, record.value, record.seen) == ("photo", "face", 0.15, "")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_masks_of_any_depth_are_read(tmp_path: Path, mode: str) -> None:
    mask = np.arange(12).reshape(3, 4) % 3 == 0
    if mode == "I;16":
        Image.fromarray(mask.astype(np.uint16)).save(tmp_path / "m.png")
    else:
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).convert(mode).save(tmp_path / "m.png")
    np.testing.assert_array_equal(readers.read_mask(tmp_path / "m.png"), mask)


def test_masks_in_which_rust_cannot_be_known_are_refused(tmp_path: Path) -> None:
    png(tmp_path / "colour.png", np.eye(4)[..., None] * [255, 0, 0])
    deep = np.repeat(np.eye(4, dtype=np.uint16)[..., None] * 200, 3, axis=2)  # values that fit into the lower 8 bits
    assert cv2.imwrite(str(tmp_path / "deep.png"), deep)
    for name, message in (("colour", "a colour picture"), ("deep", "16-bit RGB")):
        with pytest.raises(InputError, match=rf"{name}\.png: {message}; give .* one channel, 0 where"):
            readers.read_mask(tmp_path / f"{name}.png")


def test_pixels_vote_on_a_texel(folder: Path, tmp_path: Path) -> None:
    """Two photographs of one day are one piece of evidence: most of the pixels that see a texel decide."""
    asset = twin_state.asset(plate())
    texels = assets.texels(asset)
    face = np.flatnonzero(((texels.zone == asset.zone_names.index("face")) & (texels.area_mm2 > 0)).reshape(-1))
    one, other = face[:-1:2], face[1::2]
    texel = np.stack([one, one, one, other, np.full_like(one, -1)]).astype(np.int32)
    known = {"atlas_shape": asset.atlas_shape, "asset": readers.asset_key(plate())}
    np.savez(tmp_path / "uv.npz", texel=texel, **known)
    rows = np.array([1, 0, 0, 1, 1])[:, None] * np.ones(texel.shape)  # one of three, none of one
    masks = [png(tmp_path / "a.png", rows), png(tmp_path / "b.png", rows * [[1], [0], [0], [0], [1]])]
    pattern = Record(date="2006-05-31", zone="all", kind="photo", value=0, tool="camera")
    area = texels.area_mm2.reshape(-1).astype(float)
    half = area[other].sum() / (area[one].sum() + area[other].sum())
    for count, expected in ((1, half), (2, 0.0)):
        (record,), _ = readers.from_photos(masks[:count], [tmp_path / "uv.npz"] * count, pattern, store.read(folder))
        assert record.zone == "face"
        assert record.value == pytest.approx(expected, abs=1e-3)  # the last texel lies in its neighbour's footprint
