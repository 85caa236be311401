"""Groups of renders by scene: views of one scene show the same rust, as photos of one spot do."""

from typing import TYPE_CHECKING

from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset


def group_by_scene(renders: "CocoDataset") -> dict[str, str] | None:
    """Map each picture to the scene that the JSON states, else to itself; None if no two pictures share a scene."""
    from corrotwin.segmentation.data import coco

    scenes = {photo.file_name: photo.file_name for photo in renders.photos}
    try:
        contents = [coco.read_json(source, inside=coco.root(source)) for source, _ in coco.sources(renders.inside)]
    except InputError:  # photos with PNG masks have no JSON
        return None
    for content in contents:
        for image in content.get("images", ()) if isinstance(content, dict) else ():
            if isinstance(image, dict) and isinstance(image.get("scene"), int):
                name = coco.plain_name(str(image.get("file_name")))
                if name in scenes:
                    scenes[name] = f"scene {image['scene']}"
    return scenes if len(set(scenes.values())) < len(scenes) else None
