"""Commands ``corrotwin synth locate`` and ``uvmap``: camera pose of a photograph, and the texels that it shows."""

from pathlib import Path

from tyro.conf import Positional

from corrotwin.twin.core.text import say, say_next


def uvmap(*, twin: Path, camera: Path, name: str | None = None, out: Path | None = None) -> None:
    """Map the pixels of a photograph to the texels of a twin, so that `twin inspect` can read rust from its mask.

    Example: corrotwin synth uvmap --twin spool --camera front.json, then corrotwin twin inspect spool --date 2016-05-31
    --tool phone --photo front-mask.png --uvmap front.npz

    Parameters
    ----------
    twin
        folder of the twin
    camera
        camera file: JSON with intrinsics and a pose, which may be given by picked points or ArUco markers; see
        docs/cameras.md
    name
        name of the camera, if the file has several
    out
        .npz file; by default beside the camera file, with its name
    """
    from corrotwin.synth.cameras import texel_map

    target = out if out is not None else camera.with_suffix(".npz") if name is None else camera.parent / f"{name}.npz"
    say(texel_map.write(twin, camera, target, name=name))
    say_next("twin", "inspect", twin, "--date", "DATE", "--tool", "TOOL", "--photo", "MASK", "--uvmap", target)


def locate(
    photo: Positional[Path],
    *,
    points: Path,
    twin: Path | None = None,
    focal_px: float | None = None,
    distortion: tuple[float, ...] = (),
    out: Path | None = None,
) -> None:
    """Find from where a photograph was taken, using points picked in it, and write a camera file.

    Example: corrotwin synth locate front.jpg --points points.csv --twin spool, then corrotwin synth uvmap --twin spool
    --camera front.json

    Parameters
    ----------
    photo
        the photograph
    points
        table with the columns px, py (pixel: column and row) and x, y, z (metres, in the asset's coordinates)
        of at least four points
    twin
        folder of the twin; for a mesh, x, y and z are those of the mesh's file, in its units
    focal_px
        focal length in pixels; by default from the photograph's Exif data, else estimated from at least six
        points
    distortion
        OpenCV's distortion coefficients k1, k2, p1, p2 and further ones
    out
        camera file to write; by default beside the photograph, with its name
    """
    from corrotwin.synth.cameras.locate import locate as located

    target = out if out is not None else photo.with_suffix(".json")
    say(str(located(photo, points, target, twin=twin, focal_px=focal_px, distortion=distortion)))
