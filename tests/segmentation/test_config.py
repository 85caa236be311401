import json
from dataclasses import replace

import pytest

from corrotwin.segmentation.arms import MIXED, REAL, DataArm
from corrotwin.segmentation.config import (
    BACKBONES,
    DEFAULT_BACKBONE,
    PACKAGED,
    PROFILES,
    configure,
    first_weights,
    from_json,
    to_json,
)
from corrotwin.twin.core.errors import InputError


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_are_valid_and_survive_json(profile):
    config = configure(profile, backbone="vgg16", arm=MIXED, seed=3)
    again = from_json(json.loads(json.dumps(to_json(config))))
    assert again == config
    assert again.digest == config.digest
    assert configure(profile, backbone="vgg16", arm=MIXED, seed=4).digest != config.digest


def test_paper_profile_is_as_published():
    config = configure("paper", backbone="resnet152", arm=REAL, seed=0)
    assert (config.size, config.epochs, config.encoder_weights, config.precision) == (224, 150, "imagenet", "exact")
    assert config.max_train_images is None


@pytest.mark.parametrize("profile", PROFILES)
def test_first_weights_are_imagenets_in_the_paper_and_where_a_package_brings_them(profile):
    for backbone in (*BACKBONES, "resnet18", "tu-tf_efficientnet_lite0.in1k"):
        expected = "imagenet" if profile == "paper" else None
        config = configure(profile, backbone=backbone, arm=REAL, seed=0)
        assert config.encoder_weights == first_weights(profile, backbone) == expected
    for backbone in (DEFAULT_BACKBONE, *PACKAGED):
        assert configure(profile, backbone=backbone, arm=REAL, seed=0).encoder_weights == "imagenet"
        assert configure(profile, backbone=backbone, arm=REAL, seed=0, encoder_weights=None).encoder_weights is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": ""}, "needs the names"),
        ({"size": 100}, "`size` 100 is not divisible by 32; the nearest that is: 96"),
        ({"size": 113}, "the nearest that is: 128"),
        ({"size": 0}, "the nearest that is: 32"),
        ({"epochs": 0}, "`epochs` 0"),
        ({"batch_size": 0}, "`batch_size` 0"),
        ({"threads": 0}, "`threads` 0"),
        ({"max_train_images": 0}, "`max_train_images` 0"),
        ({"seed": -1}, "`seed` -1"),
        ({"learning_rate": 0.0}, "`learning_rate` 0.0"),
        ({"learning_rate": float("nan")}, "`learning_rate` nan"),
        ({"weight_decay": -1.0}, "`weight_decay` -1.0"),
        ({"encoder_weights": "coco"}, "imagenet or None"),
        ({"precision": "half"}, "exact or fast"),
        ({"framing": "tile"}, "resize or crop"),
        ({"loss": "iou"}, "dice or dice_bce"),
        ({"keep": "last"}, "best or averaged"),
    ],
)
def test_what_is_not_valid_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        configure("quick", **{"backbone": "vgg16", "arm": REAL, "seed": 0, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name"),
        ({"real_fraction": 0.0}, "real_fraction"),
        ({"render_share": 1.5}, "render_share"),
        ({"render_count": 0, "render_share": 0.5}, "`render_count` 0"),
        ({"render_count": 10}, "`render_share` or `pretrain` above 0"),
        ({"pretrain": -0.1}, "`pretrain` -0.1"),
        ({"adaptation": "gan", "render_share": 0.5}, "fourier or histogram or colours"),
        ({"adaptation": "fourier"}, "`render_share` or `pretrain` above 0"),
        ({"shuffled_masks": True}, "`render_share` or `pretrain` above 0"),
        ({"augmentation": "wild"}, "standard or strong"),
        ({"copy_paste": 1.1}, "`copy_paste` 1.1"),
        ({"copy_paste": 0.5, "render_share": 1.0}, "needs photos"),
        ({"shuffled_masks": True, "render_share": 0.5, "render_count": 1}, "two renders"),
    ],
)
def test_data_arms_are_checked(changes, message):
    with pytest.raises(InputError, match=message):
        DataArm(**{"name": "x", **changes})


def test_unknown_profile_and_fields():
    with pytest.raises(InputError, match="quick, small, paper"):
        configure("large", backbone="vgg16", arm=REAL, seed=0)
    value = to_json(configure("quick", backbone="vgg16", arm=REAL, seed=0))
    with pytest.raises(InputError, match="depth"):
        from_json({**value, "depth": 1})
    with pytest.raises(InputError, match="colour"):
        from_json({**value, "arm": {"name": "x", "colour": 1}})


def test_an_arm_knows_whether_it_takes_renders():
    assert not REAL.takes_renders
    assert MIXED.takes_renders
    assert DataArm(name="x", render_share=None).takes_renders
    assert DataArm(name="x", pretrain=0.5).takes_renders


def test_files_state_where_crops_were_cut():
    new = configure("quick", backbone="vgg16", arm=REAL, seed=0, framing="crop")
    earlier = replace(new, crops="uniform")
    assert to_json(new) == {**to_json(earlier), "crops": "foreground"}
    assert new.digest != earlier.digest
    for config in (new, earlier, replace(new, framing="resize")):
        assert from_json(json.loads(json.dumps(to_json(config)))) == config
    assert "crops" not in to_json(replace(new, framing="resize"))
    with pytest.raises(InputError, match="`crops` 'odd': "):
        replace(new, crops="odd")
