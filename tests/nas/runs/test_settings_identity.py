"""A run goes on by what it began with, whatever somebody wrote into its config since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from nas import config as configs
from nas.config import Config
from nas.runs import settings_identity
from nas.runs.directory import RunDirectory
from nas.runs.resume import changed
from search_space import strict_yaml
from search_space.errors import UserError

ALLOWED = ("budget.", "engine.", "promotion.")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    config = configs.load("quickstart").of_a_new_run()
    return RunDirectory.create(tmp_path / "run", config)


def edit(run: RunDirectory, key: str, value: object) -> Config:
    values = strict_yaml.parse_record(run.config_file.read_text(), "config")
    *path, last = key.split(".")
    section = values
    for name in path:
        section = section[name]
    section[last] = value
    run.config_file.write_text(strict_yaml.render(values, width=100, ascii_only=True))
    return changed(run, [], ALLOWED, Console())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 7),
        ("proxy.epochs", 3),
        ("proxy.recipe.learning_rate", 0.5),
        ("proxy.score", "loss"),
        ("space.dilations", [1, 2]),
        ("constraints.macs", 5e8),
        ("finals.candidates", 2),
        ("baselines", []),
    ],
)
def test_what_trials_are_scored_by_may_not_be_edited(
    key: str, value: object, run: RunDirectory
) -> None:
    with pytest.raises(UserError) as caught:
        edit(run, key, value)
    said = str(caught.value)
    assert f"config.yaml: {key} is " in said
    assert "but the run began with" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("key", "value"), [("budget.trials", 500), ("promotion.epochs", 9), ("engine.workers", 1)]
)
def test_what_changes_no_score_may_be_edited(key: str, value: object, run: RunDirectory) -> None:
    assert edit(run, key, value)


def test_a_run_of_an_earlier_release_has_none_and_gets_one(run: RunDirectory) -> None:
    (run.path / settings_identity.FILE).unlink()
    config = edit(run, "seed", 7)
    assert config.seed == 7
    run.write_config(config)
    assert edit(run, "seed", 7).seed == 7
    with pytest.raises(UserError, match="seed is 8, but the run began with 7"):
        edit(run, "seed", 8)


def test_settings_that_came_later_are_no_change(run: RunDirectory) -> None:
    file = run.path / settings_identity.FILE
    known = json.loads(file.read_text())
    del known["settings"]["finals"]
    del known["settings"]["proxy"]["held_out"]
    file.write_text(json.dumps(known))
    assert edit(run, "budget.trials", 5)


@pytest.mark.parametrize("text", ["", "[1]", '{"format": "other/9", "settings": {}}', "[" * 5000])
def test_a_damaged_record_is_told(text: str, run: RunDirectory) -> None:
    (run.path / settings_identity.FILE).write_text(text)
    with pytest.raises(UserError, match=r"settings.json: damaged .*put it back"):
        changed(run, [], ALLOWED, Console())


@pytest.fixture
def taught(tmp_path: Path) -> RunDirectory:
    settings = ["proxy.teacher={from: efficientnet-lite0, features: 0.5}"]
    config = configs.load("quickstart", settings).of_a_new_run()
    return RunDirectory.create(tmp_path / "taught", config)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("proxy.teacher.weight", 2.0, "proxy.teacher.weight is 2.0, but the run began with 1.0"),
        ("proxy.teacher.features", 1.0, "proxy.teacher.features is 1.0, but the run began with 0.5"),
        ("proxy.teacher", None, "proxy.teacher is null, but the run began with"),
    ],
)
def test_so_is_what_is_learnt_of_a_teacher(
    key: str, value: object, said: str, taught: RunDirectory
) -> None:
    with pytest.raises(UserError, match=said):
        edit(taught, key, value)


def test_where_a_teacher_lies_may_change_and_one_that_is_new_may_not_come(
    run: RunDirectory, taught: RunDirectory
) -> None:
    assert edit(taught, "proxy.teacher.from", "/moved/efficientnet-lite0")
    with pytest.raises(UserError, match=r"proxy\.teacher is \{.*, but the run began with null"):
        edit(run, "proxy.teacher", {"from": "efficientnet-lite0"})


def test_a_record_of_before_says_nothing_of_a_teacher(taught: RunDirectory) -> None:
    file = taught.path / settings_identity.FILE
    known = json.loads(file.read_text())
    del known["settings"]["proxy"]["teacher"]
    file.write_text(json.dumps(known))
    assert edit(taught, "proxy.teacher.weight", 2.0)
