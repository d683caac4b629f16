"""A config is complete, typed, and refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nas import config
from search_space.errors import UserError
from search_space.scales import SCALES


@pytest.mark.parametrize("preset", config.presets())
def test_presets_load_and_survive_being_written_out(preset: str) -> None:
    loaded = config.load(preset)
    assert config.parse(yaml.safe_load(loaded.to_yaml()), "again") == loaded


def test_a_file_extends_a_preset_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: camvid\nproxy: {epochs: 3}\n")
    mine, preset = config.load(str(path)), config.load("camvid")
    assert mine.proxy.epochs == 3
    assert mine.proxy.scale == preset.proxy.scale
    assert mine.promotion == preset.promotion


def test_settings_win_over_the_file_and_are_yaml() -> None:
    loaded = config.load("quickstart", ["proxy.size=[40, 56]", "budget.trials=7", "seed=3"])
    assert (loaded.proxy.size, loaded.budget.trials, loaded.seed) == ((40, 56), 7, 3)


def test_a_scale_may_be_given_by_name() -> None:
    loaded = config.load("quickstart", ["proxy.scale=S96"])
    assert loaded.proxy.scale.repeats == SCALES["S96"].repeats


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proxy: {epoch: 3}", "proxy.epoch: unknown key; did you mean epochs?"),
        ("colour: red", "colour: unknown key; there are seed, data, space"),
        ("proxy: {epochs: many}", "proxy.epochs: .*integer.* but got 'many'"),
        ("proxy: {epochs: 0}", "proxy.epochs: .*greater than or equal to 1 but got 0"),
        ("proxy: {scale: S50}", "proxy.scale: no scale is called 'S50'; there are S49-, S49"),
        ("budget: {trials: 0}", "budget.trials: .*greater than or equal to 1 but got 0"),
        ("data: {name: coco}", "data.name: .*'scenes', 'folder' or 'camvid' but got 'coco'"),
        ("promotion: {recipe: {batchsize: 8}}", "recipe.batchsize: .*did you mean batch_size?"),
        ("proxy: [1, 2", "line 1 is not YAML"),
        ("- a list", "must be a mapping"),
        ("extends: nothing", "nothing: no such config"),
        ("extends: 3", "extends must name a preset or a file"),
    ],
)
def test_a_wrong_config_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        config.load(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.yaml"
    path.write_text(f"extends: {path}\n")
    with pytest.raises(UserError, match="extends itself"):
        config.load(str(path))


@pytest.mark.parametrize("setting", ["proxy.epochs", "=3", "seed.deep=1", "seed=[1"])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(UserError, match="--set"):
        config.load("quickstart", ["seed=1", setting])


def test_a_run_changes_only_what_it_may() -> None:
    loaded = config.load("quickstart")
    longer = config.with_settings(loaded, ["budget.trials=50"], ("budget.", "engine."))
    assert longer.budget.trials == 50
    with pytest.raises(UserError, match=r"a run keeps its config; only budget\.KEY or engine"):
        config.with_settings(loaded, ["seed=1"], ("budget.", "engine."))
