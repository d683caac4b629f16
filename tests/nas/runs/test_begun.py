"""A full training that an earlier release began goes on, and a line says that it did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nas import config as configs
from nas.runs.begun import FORMAT, SETTINGS, Begun, warning
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import RECORD
from nas.searching.promotion import Subject, prepare, settings
from proxy_tasks.checkpoint import Checkpoint
from search_space import catalog
from search_space.errors import UserError

FROZEN = Path(__file__).parents[2] / "fixtures" / "promotions" / "settings-740ce07.json"
"""What that commit wrote as it began a full training of the preset quickstart."""

OLD, NEW = (Subject.of_network(name, catalog.load("spinenet-49")) for name in ("old", "new"))
WANTED = settings(configs.load("quickstart").promotion)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """With ``old``, which has come to a checkpoint."""
    made = RunDirectory.create(tmp_path / "run", configs.load("quickstart"))
    folder = made.promotions / OLD.name
    folder.mkdir(parents=True)
    shutil.copy(FROZEN, folder / SETTINGS)
    Checkpoint(folder).save({}, [])
    return made


def said(run: RunDirectory, *subjects: Subject) -> str | None:
    prepare(run, subjects, WANTED, resume=True)
    return warning(run, [each.name for each in subjects])


def test_it_goes_on_with_its_settings_and_a_line(run: RunDirectory) -> None:
    line = str(said(run, OLD))
    assert line.startswith("old began under an earlier release, whose initial weights and")
    assert line.endswith(f"nas promote {run.path} ... --label again")
    assert "\n" not in line
    assert json.loads((run.promotions / "old" / SETTINGS).read_text()) == WANTED
    assert said(run, OLD) == line  # also when it is resumed a second time


def test_one_that_begins_now_says_by_what_it_did(run: RunDirectory) -> None:
    assert said(run, NEW) is None
    kept = json.loads((run.promotions / "new" / SETTINGS).read_text())
    assert kept == {"format": FORMAT, **WANTED}
    Checkpoint(run.promotions / "new").save({}, [])
    assert said(run, NEW) is None
    assert "old began under an earlier release" in str(said(run, NEW, OLD))


def test_one_that_never_came_to_a_checkpoint_begins_now(run: RunDirectory) -> None:
    Checkpoint(run.promotions / "old").state.unlink()
    assert said(run, OLD) is None
    assert json.loads((run.promotions / "old" / SETTINGS).read_text())["format"] == FORMAT


def test_where_all_have_ended_nothing_goes_on(run: RunDirectory) -> None:
    (run.promotions / "old" / RECORD).write_text("{}")
    assert warning(run, ["old"]) is None
    assert "old began" in str(warning(run, ["old", "new"]))  # which one table ranks


def test_of_a_later_release_it_is_refused(run: RunDirectory) -> None:
    file = run.promotions / "old" / SETTINGS
    file.write_text(json.dumps({"format": "spinenet-seg-promotion/99", **WANTED}))
    for call in (lambda: Begun.at(file.parent), lambda: said(run, OLD)):
        with pytest.raises(UserError, match="of a later release .*go on with it under that one"):
            call()
