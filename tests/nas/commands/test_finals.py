"""The finals between a search and full training, as a user has them; and killed in their midst."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nas.runs.reading import snapshot
from results.ledger import Ledger
from results.trial import TrialState
from tests.support.runs import arguments, command, environment, nas_here
from tests.support.waiting import wait_for


def words(cache: Path, run: Path) -> list[str]:
    return [
        "search", "--engine", "inline", "--trials", "2", "--run", str(run),
        *arguments(
            cache, baselines="[]", promotion__top="1", promotion__epochs="1",
            promotion__rivals="[spinenet-49]", finals__candidates="1", finals__epochs="2",
        ),
    ]  # fmt: skip


def state(run: Path) -> dict[str, Any]:
    done = nas_here("status", str(run), "--json")
    assert done.returncode == 0, done.stderr
    known: dict[str, Any] = json.loads(done.stdout)
    return known


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_finals_that_were_killed_go_on_and_the_best_of_them_is_promoted(
    cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    driver = subprocess.Popen(
        command(*words(cache, run)), env=environment(), stdout=subprocess.DEVNULL
    )
    journal = run / "legs" / "finals.journal"
    wait_for(lambda: journal.exists() and len(trials(journal)) == 2)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = trials(journal)
    assert [each.state for each in before] == [TrialState.COMPLETE, TrialState.RUNNING]
    done = nas_here("search", "--run", str(run), "--resume")
    assert done.returncode == 0, done.stderr
    assert trials(journal)[0] == before[0]  # nothing is trained twice
    known = state(run)
    best = max(known["trials"], key=lambda t: t["measurement"]["score"])["name"]
    assert [trial["name"] for trial in known["finals"]] == ["spinenet-49", best]
    assert {trial["measurement"]["epochs"] for trial in known["finals"]} == {2}
    assert {each["name"] for each in known["promotions"]} == {"spinenet-49", best}
    assert f"finals: spinenet-49, {best}" in done.stdout
    assert "finals: longer trainings" in done.stdout
    assert "finals: longer trainings" in nas_here("status", str(run)).stdout
    assert "2 trials and the finals" in nas_here("check", str(run)).stdout
    said = [line for each in snapshot(run).promoted for line in each.compared]
    assert sum(line.startswith("finals by mIoU: ") for line in said) == 1


def trials(journal: Path) -> list[Any]:
    with Ledger.open(journal, read_only=True) as ledger:
        return list(ledger.trials())


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (
            "promotion.top=0",
            "finals choose what is trained fully, but promotion.top is 0",
        ),
        ("finals.held_out=[0]", "finals.held_out: [0], but the data have no folds"),
        ("proxy.held_out=[0]", "proxy.held_out: [0], but the data have no folds"),
        ("finals.epochs=0", "finals.epochs must be at least 1, not 0"),
    ],
)
def test_finals_that_cannot_be_are_refused_before_anything_is_written(
    setting: str, said: str, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = nas_here(*words(cache, run), "--set", setting)
    assert done.returncode == 2
    assert said in done.stderr.replace("\n", " ")
    assert not run.exists()
