import json
from dataclasses import fields, replace
from itertools import permutations
from pathlib import Path

import pytest

from corrotwin.synth import commands
from corrotwin.synth.config import RenderConfig, preset_of
from corrotwin.synth.presets import custom
from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.presets.schema import LabelRule, Preset, Sensor, stated
from corrotwin.synth.rendering import job
from corrotwin.synth.rendering.job import Task
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json

WRONG = [
    ('{"rust_ton": [1, 2]}', "rust_ton: no such field; the nearest: rust_tone"),
    ('{"sensor": {"glow": 1}}', "sensor.glow: no such field; choose from: softness"),
    ('{"labels": {"policy": "exact"}}', "labels.policy: no such field"),
    ('{"sensor": 3}', "sensor: give an object with its fields"),
    ('{"rust_tone": [2, 1]}', "rust_tone: [2, 1]: give the lower end first"),
    ('{"rust_tone": 1}', "give two numbers, [low, high]"),
    ('{"rust_tone": [1, "a"]}', "valid number; give two numbers"),
    ('{"rust_tone": [0, 1]}', "give numbers from 0.001"),  # its logarithm is drawn
    ('{"rust_tone": [NaN, 1]}', "give numbers from 0.001"),
    ('{"flash_share": 1.5}', "flash_share: 1.5: give numbers from 0 to 1"),
    ('{"sensor": {"jpeg_quality": [50, 101]}}', "sensor.jpeg_quality: [50, 101]: give numbers from 1 to 100"),
    ('{"paints": [[1, 2, 3]]}', "paints: [[1, 2, 3]]: give numbers from 0 to 1"),
    ('{"samples": true}', "samples: True: input should be a valid integer; give a whole number"),
    ('{"samples": 0}', "samples: 0: give numbers from 1"),
    ('{"kinds": ["pip"]}', "kinds: 'pip': choose from bar, beam"),
    ('{"kinds": []}', "kinds: is empty"),
    ('{"worlds": ["moon"]}', "worlds: 'moon': choose from sky, city"),
    ('{"arrangements": [["bridg", 1]]}', "arrangements: 'bridg': choose from yard"),
    ('{"arrangements": [["yard", -1]]}', "give numbers from 0"),
    (
        '{"arrangements": [["deck", 1]], "kinds": ["chain"]}',
        "kinds: chain fits none of the arrangements (deck); add yard",
    ),
    ('{"arrangements": [["yard", 0]]}', "fits none of the arrangements (none)"),
    ('{"timelapse": 3}', "a time-lapse has one view per scene"),
    ('{"timelapse": 9000, "views_per_scene": 1}', "timelapse: 9000: give numbers from 0 to 1000"),
    ('{"dirt": [40, 80]}', "dirt: [40, 80]: give numbers from 0 to 1"),
    ('{"wear": [0, 100]}', "wear: [0, 100]: give numbers from 0 to 1"),
    ('{"fraying": 30}', "fraying: 30: give numbers from 0 to 1"),
    ('{"company": [0, 5000]}', "company: [0, 5000]: give numbers from 0 to 100"),
    ('{"sensor": {"softness": [0.5, 2]}}', "sensor.softness: [0.5, 2]: give numbers from 0 to 0.1"),
    ('{"sensor": {"noise": [2, 10]}}', "sensor.noise: [2, 10]: give numbers from 0 to 1"),
    ('{"sensor": {"vignetting": [0, 100]}}', "sensor.vignetting: [0, 100]: give numbers from 0 to 10"),
    ('{"labels": {"closing_radius": 0.8}}', "labels.closing_radius: 0.8: give numbers from 0 to 0.1"),
    (
        '{"flash_share": 0.9}',
        "sun_share 0.5, flash_share 0.9, work_share 0: sum to more than 1; give shares that",
    ),
]


def config(changes: str) -> RenderConfig:
    return RenderConfig(preset=preset_of("painted", changes), size=64, seed=0)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    wanted = {
        "rust_tone": [0.3, 1],
        "sensor": {"saturation": [0.7, 1.1]},
        "paints": [[0.1, 0.2, 0.3]],
        "company": [0, 3],
    }
    write_json(tmp_path / "mine.json", {"like": "painted", **wanted})
    mine = custom.read(tmp_path / "mine.json")
    changes = json.dumps(wanted)
    base = PRESETS["painted"]
    assert mine.name == "painted"
    assert mine == config(changes).content() == replace(
        base, rust_tone=(0.3, 1.0), sensor=replace(base.sensor, saturation=(0.7, 1.1)), paints=((0.1, 0.2, 0.3),),
        company=(0, 3),
    )  # fmt: skip
    card = config(changes).preset_stated()
    assert card["rust_tone"] == [0.3, 1.0]
    assert card["labels"]["policy"] == "annotator"
    write_json(tmp_path / "mine.json", {"like": "painted"})
    assert custom.read(tmp_path / "mine.json") == base  # that preset itself
    assert config("").plain()["changes"] == ""


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_written_as_changes_of_another(name: str) -> None:
    content = stated(PRESETS[name])
    del content["labels"]["policy"]
    assert custom.changed(PRESETS["balanced"], content) == replace(PRESETS[name], name="balanced")


def test_light_may_be_shared_out_among_all_scenes() -> None:
    """0.7 + 0.1 + 0.2 and the like are 1, whatever the last digit says."""
    for sun, flash, work in permutations((0.7, 0.1, 0.2)):
        config(json.dumps({"sun_share": sun, "flash_share": flash, "work_share": work}))


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_what_is_wrong_is_named_with_what_to_give(
    changes: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError) as refused:
        config(changes)
    assert said in str(refused.value)
    (tmp_path / "mine.json").write_text(changes.replace("{", '{"like": "painted", ', 1))
    with pytest.raises(InputError) as refused:
        commands.render(preset=str(tmp_path / "mine.json"), out=tmp_path / "out")
    assert str(refused.value).startswith(f"{tmp_path / 'mine.json'}: ")
    assert not (tmp_path / "out").exists()


def test_a_value_of_another_kind_is_refused_by_every_field() -> None:
    for part, inside in ((Preset, "%s"), (Sensor, '{"sensor": %s}'), (LabelRule, '{"labels": %s}')):
        for field in fields(part):
            with pytest.raises(InputError, match=rf"{field.name}: .*(give|choose from)"):
                config(inside % json.dumps({field.name: [None]}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{", "not valid JSON"),
        ('{"like": "balanced", "dirt": [0, 1], "dirt": [1, 1]}', r"not valid JSON \(the key 'dirt' appears twice\)"),
        ("[]", 'give an object with "like"'),
        ("{}", 'give an object with "like"'),
        ('{"like": 3}', 'give an object with "like"'),
        ('{"rust_tone": [1, 2]}', 'give an object with "like"'),
        ('{"like": "nothing"}', "unknown preset 'nothing'; choose one of balanced"),
    ],
)
def test_a_file_that_names_no_preset_is_refused(content: str | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "mine.json").write_text(content)
    with pytest.raises(InputError, match=rf"mine\.json: {said}"):
        custom.read(tmp_path / "mine.json")


def test_changes_are_of_the_settings_of_a_dataset_and_none_are_as_before(tmp_path: Path) -> None:
    plain, other = (Task(config=config(each), shown=None, count=4) for each in ("", '{"rust_tone": [0.3, 1.2]}'))
    assert plain.settings != other.settings
    assert plain.settings[job.CONTENT] != other.settings[job.CONTENT]
    before = {key: value for key, value in plain.settings.items() if key != "changes"}  # of an earlier version
    write_json(tmp_path / job.CLAIM, {"kind": "dataset", "configuration": before})
    assert job.claim(tmp_path, plain) == before
    assert job.claim(tmp_path, other) == other.settings


def test_a_preset_made_in_python_is_that_of_a_file(tmp_path: Path) -> None:
    mine = Preset.like("painted", rust_tone=(0.3, 1.2), sensor={"saturation": (0.7, 1.1)})
    assert repr(mine) == "Preset('painted', rust_tone=[0.3, 1.2], sensor={'saturation': [0.7, 1.1]})"
    mine.save(tmp_path / "mine.json")
    assert Preset.read(tmp_path / "mine.json") == mine
    as_object = RenderConfig(preset=replace(PRESETS["painted"], rust_tone=(0.3, 1.2)), size=64, seed=0)
    assert as_object == config('{"rust_tone": [0.3, 1.2]}')
    assert as_object.plain()["changes"] == '{"rust_tone": [0.3, 1.2]}'
    assert RenderConfig.from_plain(json.loads(json.dumps(as_object.plain()))) == as_object
    assert Preset.names() == tuple(PRESETS)
    assert [repr(PRESETS[name]) for name in ("balanced", "painted")] == ["Preset('balanced')", "Preset('painted')"]


@pytest.mark.parametrize("preset", [3, None, replace(PRESETS["painted"], rust_tone=(2.0, 1.0)), ["quick"]])
def test_what_is_no_preset_is_refused(preset: object) -> None:
    with pytest.raises(InputError, match=r"give the name of a preset|give the lower end first"):
        RenderConfig(preset=preset, size=64, seed=0)
    with pytest.raises(InputError, match=r"rust_tone: .*give two numbers"):
        Preset.like("painted", rust_tone=object())


def test_a_folder_whose_changes_were_written_in_other_words_is_gone_on_with(tmp_path: Path) -> None:
    mine = Task(config=config('{"rust_tone": [1, 2]}'), shown=None, count=4)
    before = {**mine.settings, "changes": '{"rust_tone": [1, 2], "samples": 4}'}
    write_json(tmp_path / job.CLAIM, {"kind": "dataset", "configuration": before})
    assert mine.settings["changes"] == '{"rust_tone": [1.0, 2.0]}'
    assert job.claim(tmp_path, mine) == before
    write_json(tmp_path / job.CLAIM, {"kind": "dataset", "configuration": {**before, "changes": '{"samples": 9}'}})
    assert job.claim(tmp_path, mine) == mine.settings
