"""Make masks and COCO annotations from the label pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from corrotwin.segmentation.data import coco
from corrotwin.synth.labels import severity
from corrotwin.synth.labels.morphology import Mask, closed
from corrotwin.synth.presets.schema import LabelRule
from corrotwin.synth.spec import Scene, View
from corrotwin.twin.assets import EVERY_KIND
from corrotwin.twin.core.rust_grade import rust_grade


def exact(label: NDArray[np.float32], threshold: float) -> Mask:
    """Return the mask (H, W) of the pixels whose centre shows rust.

    Parameters
    ----------
    label : (H, W, 3) or more: rust cover, wall loss in mm, instance.
    threshold : rust cover above which a spot counts as corroded.
    """
    return np.asarray((label[..., 0] > threshold) & (label[..., 2] > 0))


def annotated(label: NDArray[np.float32], rule: LabelRule) -> Mask:
    """Return the mask (H, W) of the visible rust under a label rule.

    The annotator's mask, made for each asset separately, includes strong stains, bridges gaps no wider than twice the
    closing radius, moves outlines by the border and drops regions below the smallest area. It never leaves the asset.

    Parameters
    ----------
    label : (H, W, 4) rust cover, wall loss in mm, instance, stain of rust water.
    rule : label rule; its `stain` decides whether stained steel counts, and only then is the stain read.
    """
    mask = exact(label, rule.threshold)
    if rule.policy == "exact":
        return mask
    if rule.stain < 1:
        mask |= (label[..., 3] > rule.stain) & (label[..., 2] > 0)
    side = min(mask.shape)
    radius = round(rule.closing_radius * side)
    combined = np.zeros_like(mask)
    for number in np.unique(label[..., 2][mask]):
        on_asset = label[..., 2] == number
        region = mask & on_asset
        if radius:
            padded = np.pad(region, radius, mode="edge")
            region = closed(padded, radius)[radius:-radius, radius:-radius] & on_asset
        region = bordered(region, rule.border * side) & on_asset
        combined |= keep_larger(region, rule.smallest_region * mask.size)
    return combined


def bordered(mask: Mask, by: float) -> Mask:
    """Move the outlines of `mask` outward by some pixels, inward if negative; the picture's edge is not an outline.

    Pixels lie half a pixel from the outline beside them. Regions too thin to shrink stay as they are.
    """
    if by > 0:
        return np.asarray(mask | (ndimage.distance_transform_edt(~mask) <= by + 0.5)) if mask.any() else mask
    if by == 0 or mask.all():
        return mask
    depth = ndimage.distance_transform_edt(mask)
    shrunk = depth > 0.5 - by
    regrown = shrunk | (ndimage.distance_transform_edt(~shrunk) <= 1.5 - 2 * by) if shrunk.any() else shrunk
    return np.asarray(shrunk | (mask & ~regrown))


def keep_larger(mask: Mask, smallest_area: float) -> Mask:
    """Return `mask` without its 8-connected regions of fewer than `smallest_area` pixels."""
    regions, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(regions.ravel(), minlength=count + 1)
    areas[0] = 0
    return np.asarray((areas >= max(smallest_area, 1))[regions] & mask)


@dataclass(frozen=True, kw_only=True)
class AssetFacts:
    """Facts about an asset that its pixels do not show."""

    kind: str = ""
    name: str = ""  # name of one of the user's own assets
    thickness_mm: float = 0.0  # nominal, of the asset as a whole; 0 if unknown
    visible: float | None = None  # share of its camera-facing surface that this view sees


def asset_facts(scene: Scene, view: View) -> dict[int, AssetFacts]:
    """Return facts about the assets of `scene` in `view`, by instance number."""
    shares: tuple[float | None, ...] = view.visible or (None,) * len(scene.bodies)
    return {
        body.instance: AssetFacts(kind=body.kind, name=body.asset, thickness_mm=body.thickness_mm, visible=share)
        for body, share in zip(scene.bodies, shares, strict=True)
    }


def annotations(
    mask: Mask, label: NDArray[np.float32], image_id: int, assets: Mapping[int, AssetFacts], threshold: float, *,
    polygons: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return COCO annotations without ids, one for each 8-connected region of each asset, in reading order.

    Parameters
    ----------
    mask : (H, W), as `annotated` makes it.
    label : (H, W, 3) or more: rust cover, wall loss in mm, instance.
    assets : facts about the assets, by instance.
    threshold : rust cover above which a spot counts as corroded.
    polygons : if True, outlines with their ``polygon_iou`` instead of compressed RLE.

    Returns
    -------
    Each with ``attributes``: ``asset_id``, the instance; ``mean_loss_mm`` and ``max_loss_mm`` over the rust of the
    region, its pixels in the exact mask, which excludes stains and bridged gaps; ``severity``, the
    `synth.labels.severity.condition_state` of these; ``visible_share`` of the asset if known. A region of stain without
    rust has a loss of 0 and is CS1.
    """
    instance, loss_mm, rusted = label[..., 2], label[..., 1].astype(np.float64), exact(label, threshold)
    entries = []
    for number in np.unique(instance[mask]).astype(int).tolist():
        asset = assets.get(number, AssetFacts())
        regions, _ = ndimage.label(mask & (instance == number), np.ones((3, 3)))
        for index, window in enumerate(ndimage.find_objects(regions), start=1):
            region = np.zeros_like(mask)
            region[window] = in_region = regions[window] == index
            losses = loss_mm[window][in_region & rusted[window]]
            mean_mm, max_mm = (float(losses.mean()), float(losses.max())) if losses.size else (0.0, 0.0)
            state = severity.condition_state(mean_mm, max_mm, asset.thickness_mm) if losses.size else severity.SOUND
            attributes = {
                "asset_id": number,
                "severity": state,
                "mean_loss_mm": round(mean_mm, 4),
                "max_loss_mm": round(max_mm, 4),
            }
            entries.append(_annotation(region, image_id, 1, attributes, asset, polygons=polygons))
    return entries


def asset_annotations(
    label: NDArray[np.float32],
    image_id: int,
    assets: Mapping[int, AssetFacts],
    threshold: float,
    *,
    polygons: bool = False,
) -> list[dict[str, Any]]:
    """Return COCO annotations without ids, one for each visible asset, with the category of its kind.

    Parameters
    ----------
    threshold : rust cover above which a spot counts as corroded.

    Returns
    -------
    Each with ``attributes``: ``asset_id``, the instance; ``rusted_percent`` of its pixels; ``iso_4628_3``, the degree
    of rusting for that share; ``visible_share`` if known; ``asset``, the name of one of the user's own.
    """
    entries = []
    for number, asset in sorted(assets.items()):
        mask = label[..., 2] == number
        if mask.any():
            percent = severity.rusted_percent(label[..., 0][mask], threshold)
            attributes = {
                "asset_id": number, "rusted_percent": round(percent, 4), "iso_4628_3": rust_grade(percent)
            }  # fmt: skip
            attributes |= {"asset": asset.name} if asset.name else {}
            entries.append(_annotation(mask, image_id, category_id(asset.kind), attributes, asset, polygons=polygons))
    return entries


def category_id(kind: str) -> int:
    """Return the COCO category of a kind of asset: its position in `twin.assets.EVERY_KIND`, from 1."""
    return EVERY_KIND.index(kind) + 1


def _annotation(
    region: Mask, image_id: int, category: int, attributes: dict[str, Any], asset: AssetFacts, *, polygons: bool
) -> dict[str, Any]:
    visible = {} if asset.visible is None else {"visible_share": round(asset.visible, 4)}
    return {
        "image_id": image_id, "category_id": category, "iscrowd": 0,
        **(coco.outlined(region) if polygons else coco.region(region)), "attributes": {**attributes, **visible},
    }  # fmt: skip
