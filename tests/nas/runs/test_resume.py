"""A command line that is repeated with ``--resume``: what it says again must be what the run keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from nas import config as configs
from nas.runs import data_identity
from nas.runs.directory import RunDirectory
from nas.runs.resume import resumed
from search_space.errors import UserError

SETTINGS = ("proxy.epochs=1", "data.scenes=[8, 4]")
ALLOWED = ("budget.", "engine.")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    config = configs.load_to_train("quickstart", SETTINGS).of_a_new_run()
    known = data_identity.of(config).to_dict()
    return RunDirectory.create(tmp_path / "run", config, data=known)


def again(run: RunDirectory, source: str | None, *settings: str) -> configs.Config:
    return resumed(source, run.path, settings, ALLOWED, Console())[1]


def test_the_same_config_and_settings_may_be_said_again(run: RunDirectory) -> None:
    kept = run.config()
    assert again(run, None, *SETTINGS) == kept
    assert again(run, "quickstart", *SETTINGS) == kept
    assert again(run, "quickstart", *SETTINGS, "budget.trials=99").budget.trials == 99


@pytest.mark.parametrize(
    ("source", "settings", "said"),
    [
        (None, ("proxy.epochs=2",), r"proxy.epochs=2: a run keeps its config; only budget\.KEY"),
        ("quickstart", (), "leave quickstart out: it says data.scenes: .256, 64., and the run"),
        ("camvid", SETTINGS, "leave camvid out: it says data.name: 'camvid', and the run 'scenes'"),
        ("nowhere.yaml", (), "nowhere.yaml: no such config"),
    ],
)
def test_anything_else_is_refused_by_its_key(
    run: RunDirectory, source: str | None, settings: tuple[str, ...], said: str
) -> None:
    before = run.config_file.read_bytes()
    with pytest.raises(UserError, match=said):
        again(run, source, *settings)
    assert run.config_file.read_bytes() == before


def test_the_same_images_may_be_named_again(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the run's images are in None"):
        again(run, str(tmp_path))
