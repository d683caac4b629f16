"""A run that an earlier release began holds networks of two starts, and says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nas import config
from nas.runs import initial_weights, ledgers
from nas.runs.directory import RunDirectory
from proxy_tasks.task import Measurement
from results.ledger import Ledger
from search_space import catalog
from tests.support.runs import nas_here

GOLDEN = Path(__file__).parents[2] / "results" / "golden"


@pytest.fixture(params=(1, 2))
def run(request: pytest.FixtureRequest, tmp_path: Path) -> RunDirectory:
    """With the ledger of an earlier release."""
    made = RunDirectory.create(tmp_path / "run", config.load("quickstart"))
    shutil.copy(GOLDEN / f"ledger-{request.param}.journal", made.ledger)
    return made


def said(run: RunDirectory, resumed: bool = False) -> str | None:
    return initial_weights.warning(run, *ledgers.read(run), resumed)


def score_another(run: RunDirectory) -> None:
    with Ledger.open(run.ledger) as ledger:
        trial = ledger.start("new", "candidate", catalog.load("spinenet-49"), "key", None)
        ledger.finish(trial.number, Measurement(1, 1, 1, 1.0, miou=0.5, score=0.5))


def test_it_is_told_before_more_are_scored_and_where_both_are_ranked(run: RunDirectory) -> None:
    assert said(run) is None  # they all started alike
    old = sum(trial.score is not None for trial in ledgers.trials(run))
    assert str(said(run, resumed=True)).startswith(f"{old} of {old} networks were scored by an")
    score_another(run)
    line = str(said(run))
    assert line.startswith(f"{old} of {old + 1} networks were scored by an earlier release, which")
    assert line.endswith(f"nas search {run.config_file} --from {run.path} --run NEW")
    assert said(run, resumed=True) == line  # also when it is resumed a second time
    shown = nas_here("status", str(run.path))
    assert f"warning  {line}" in shown.stdout


def test_runs_of_this_release_say_nothing(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", config.load("quickstart"))
    ledgers.make(run, run.config(), (), {}).close()
    score_another(run)
    assert said(run, resumed=True) is None
