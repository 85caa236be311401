"""An encoder's own learning rate, its first steps at rest, and the statistics of its batch normalisation."""

import json

import pytest
import torch
from safetensors.torch import load_file
from small_runs import SMALLEST, config_of

from corrotwin.segmentation.arms import MIXED, DataArm
from corrotwin.segmentation.config import DEFAULT_BACKBONE, from_json, to_json
from corrotwin.segmentation.models.network import build
from corrotwin.segmentation.training import fine_tuning, inputs
from corrotwin.segmentation.training import train as train_module
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core.errors import InputError

PRETRAINED = {"backbone": DEFAULT_BACKBONE, "encoder_weights": "imagenet"}


def weights_after(folder, config, data):
    train(folder, config, **data)
    return load_file(folder / "best.safetensors")


def differs(one, other, part, kind="weight"):
    """The names of tensors of a part of the network that differ between two sets of weights."""
    of_part = [name for name in one if name.startswith(part) and name.endswith(kind)]
    assert of_part
    return [name for name in of_part if not torch.equal(one[name], other[name])]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_rate": -0.1}, "`encoder_rate` -0.1"),
        ({"encoder_rate": float("nan")}, "`encoder_rate` nan"),
        ({"freeze": 1.0}, "`freeze` 1.0"),
        ({"batch_norm": "off"}, "train or frozen or re-estimated or own"),
        ({"batch_norm": "own"}, "needs photos and renders"),
        ({"batch_norm": "own", "arm": DataArm(name="x", render_share=1.0)}, "needs photos and renders"),
        ({"init": "0" * 16, "encoder_weights": "imagenet"}, "leave out `encoder_weights`"),
    ],
)
def test_settings_that_are_not_valid_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        config_of(**changes)


def test_files_state_the_settings_that_are_not_the_default():
    plain = to_json(config_of())
    assert not {"encoder_rate", "freeze", "batch_norm", "init"} & set(plain)
    config = config_of(MIXED, encoder_rate=0.1, freeze=0.1, batch_norm="own", init="0" * 16)
    assert set(to_json(config)) - set(plain) == {"encoder_rate", "freeze", "batch_norm", "init"}
    assert from_json(json.loads(json.dumps(to_json(config)))) == config
    with pytest.raises(InputError, match="is not a digest"):
        from_json({**plain, "init": 3})


@pytest.mark.ci
def test_an_encoder_of_rate_zero_keeps_its_weights_and_learns_statistics(data, tmp_path):
    before = build(SMALLEST, encoder_weights=None, seed=5).state_dict()
    after = weights_after(tmp_path / "run", config_of(encoder_rate=0.0, weight_decay=0.0), data)
    assert differs(after, before, "encoder") == []
    assert differs(after, before, "encoder", "running_mean")
    assert differs(after, before, "decoder")


def test_the_rate_of_the_encoder_is_a_factor_of_the_decoders(data, tmp_path, monkeypatch):
    rates, step = [], torch.optim.AdamW.step

    def watched(self, *arguments, **options):
        rates.append([group["lr"] for group in self.param_groups])
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    train(tmp_path / "run", config_of(encoder_rate=0.1), **data)
    assert len(rates) == 6
    assert all(encoder == pytest.approx(0.1 * rest) for encoder, rest in rates)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"freeze": 0.1}, "`freeze` 0.1: keeps what the encoder starts with, here random"),
        ({"batch_norm": "frozen"}, "`batch_norm` frozen: keeps what the encoder starts with, here random"),
        ({"batch_norm": "frozen", "backbone": "vgg16", "init": "0" * 16}, "encoder vgg16 has no batch normalisation"),
    ],
)
def test_settings_that_would_harm_are_refused(changes, message):
    config = config_of(**changes)  # runs of earlier versions have such
    with pytest.raises(InputError, match=message):
        fine_tuning.check(build(config.backbone, encoder_weights=None, seed=0), config)


@pytest.mark.parametrize("how", ["own", "re-estimated"])
def test_networks_without_batch_normalisation_have_no_statistics_to_treat(how):
    network = torch.nn.ModuleDict({"encoder": torch.nn.Conv2d(3, 3, 1)})
    with pytest.raises(InputError, match=f"`batch_norm` {how}: Unet with {SMALLEST} has no batch normalisation"):
        fine_tuning.check(network, config_of(MIXED, batch_norm=how))


def test_settings_that_would_harm_are_refused_before_anything_is_written(data, tmp_path):
    with pytest.raises(InputError, match="here random"):
        train(tmp_path / "run", config_of(freeze=0.1), **data)
    assert not (tmp_path / "run").exists()


@pytest.mark.ci
def test_a_frozen_encoder_rests_and_then_learns(data, tmp_path):
    before = build(**PRETRAINED, seed=5).state_dict()
    resting = weights_after(tmp_path / "resting", config_of(freeze=0.99, **PRETRAINED), data)
    for kind in ("weight", "running_mean"):
        assert differs(resting, before, "encoder", kind) == []
    assert differs(resting, before, "decoder")
    late = weights_after(tmp_path / "late", config_of(freeze=0.5, epochs=4, **PRETRAINED), data)
    assert differs(late, before, "encoder")


@pytest.mark.ci
def test_frozen_statistics_are_those_of_the_first_weights(data, tmp_path):
    before = build(**PRETRAINED, seed=5).state_dict()
    after = weights_after(tmp_path / "run", config_of(batch_norm="frozen", **PRETRAINED), data)
    assert differs(after, before, "encoder", "running_var") == []
    assert differs(after, before, "encoder")
    assert differs(after, before, "decoder", "running_var")


@pytest.mark.ci
def test_re_estimated_statistics_are_those_of_the_training_photos(data, tmp_path):
    config = config_of(batch_norm="re-estimated", batch_size=12, epochs=1)
    after = weights_after(tmp_path / "run", config, data)
    network = build(SMALLEST, encoder_weights=None, seed=5)
    network.load_state_dict(after)
    seen = []
    stem = network.encoder.model.conv1
    stem.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    [images] = inputs.prepare(config, data["real"], data["split"], None, workers=0).loader.plain()
    with torch.no_grad():
        network.eval()(fine_tuning.normalise(images, SMALLEST))
    mean = seen[0].mean(dim=(0, 2, 3))
    assert torch.allclose(after["encoder.model.bn1.running_mean"], mean, atol=1e-2 * float(mean.abs().max()))
    assert after["encoder.model.bn1.num_batches_tracked"] == 1


def test_plain_images_come_once_and_in_whole_batches(data):
    loader = inputs.prepare(config_of(batch_size=5), data["real"], data["split"], None, workers=0).loader
    batches = list(loader.plain())
    assert [len(images) for images in batches] == [5, 5, 5]
    every = torch.cat(batches)
    assert torch.equal(every[12:], every[:3])
    assert len(torch.unique(every[:12], dim=0)) == 12


@pytest.mark.ci
def test_averages_are_those_of_the_photos_where_renders_have_their_own():
    network = build(SMALLEST, encoder_weights=None, seed=5).train()
    alone = build(SMALLEST, encoder_weights=None, seed=5).train()
    images = torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    made = fine_tuning.logits(network, images, 4)
    assert torch.equal(made[:4], alone(images[:4]))
    means = {name: value.clone() for name, value in network.state_dict().items() if "running" in name}
    assert all(torch.equal(value, alone.state_dict()[name]) for name, value in means.items())
    assert torch.equal(made[4:], alone(images[4:]))  # by the statistics of their own batch
    assert all(layer.momentum for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    made = fine_tuning.logits(network, images, 0)  # renders alone
    assert torch.equal(made, alone(images))
    assert all(torch.equal(network.state_dict()[name], value) for name, value in means.items())


@pytest.mark.ci
@pytest.mark.parametrize(
    ("arm", "enter"),
    [
        (DataArm(name="x", render_share=0.5), 0),
        (DataArm(name="x", render_share=0.5, pretrain=0.5), 6),
        (DataArm(name="x", pretrain=0.5), 6),
    ],
)
def test_renders_enter_the_averages_only_before_the_first_photo(arm, enter, data, tmp_path, monkeypatch):
    apart, logits = [], fine_tuning.logits

    def watched(network, images, photos):
        apart.append(photos)
        return logits(network, images, photos)

    monkeypatch.setattr(fine_tuning, "logits", watched)
    train(tmp_path / "run", config_of(arm, batch_norm="own", epochs=4, batch_size=4), **data)
    assert len(apart) == 12
    assert apart[:enter] == [None] * enter
    assert all(photos is not None for photos in apart[enter:])


def test_photos_and_renders_with_statistics_of_their_own_give_another_run(data, tmp_path):
    own = weights_after(tmp_path / "own", config_of(MIXED, batch_norm="own", epochs=1), data)
    together = weights_after(tmp_path / "train", config_of(MIXED, epochs=1), data)
    assert differs(own, together, "encoder", "running_mean")


def test_the_smallest_batch_is_checked_before_anything_is_written(data, tmp_path):
    config = config_of(MIXED, batch_norm="own", size=32, batch_size=2)  # one photo: one value a channel
    with pytest.raises(InputError, match="cannot be trained on 1 image "):
        train(tmp_path / "run", config, **data)
    assert not (tmp_path / "run").exists()


@pytest.mark.ci
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"freeze": 0.5, "encoder_rate": 0.3, **PRETRAINED}, marks=pytest.mark.slow),
        {"batch_norm": "own"},
        pytest.param({"batch_norm": "re-estimated"}, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_was_cut_off_ends_with_the_same_bits(changes, data, tmp_path):
    config = config_of(MIXED, epochs=3, **changes)
    whole = weights_after(tmp_path / "whole", config, data)

    def kill(_row):
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut", config, **data, checkpoint_seconds=0.0, on_epoch=kill)
    again = weights_after(tmp_path / "cut", config, data)
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_the_optimiser_of_exact_takes_few_operations_on_a_gpu_and_the_same_bits_on_a_cpu():
    state = train_module._begin(build(SMALLEST, encoder_weights=None, seed=0), config_of(precision="exact"), None)
    assert state.optimizer.defaults["fused"] is None
    assert state.optimizer.defaults["foreach"] is None  # torch takes it on a GPU
    ends = []
    for fused in (None, False):
        layer = torch.nn.Linear(40, 30)
        with torch.no_grad():
            layer.weight.copy_(torch.arange(1200).reshape(30, 40) / 997)
        optimizer = torch.optim.AdamW([layer.weight], lr=1e-2, weight_decay=1e-2, fused=fused)
        for step in range(20):
            optimizer.zero_grad()
            (layer.weight * (step + 1)).sin().sum().backward()
            optimizer.step()
        ends.append(layer.weight.detach().clone())
    assert torch.equal(*ends)
