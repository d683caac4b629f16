"""What is timed is one tell and one ask of a controller that has seen the whole history."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks import ask
from results.trial import Trial, TrialState
from search_space.genes import Genotype, sample

ASK, TELL, MAKE = 0.03, 0.02, 0.1
"""Seconds that the controller below sleeps."""


class Sleeper:
    """Notes what it is given, and takes wall time without CPU time."""

    def __init__(self) -> None:
        time.sleep(MAKE)
        self.told: list[Trial] = []
        self.asked: list[tuple[int, list[Trial]]] = []

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        time.sleep(ASK if len(self.asked) else 0)
        self.asked.append((number, list(history)))
        return sample(ask.SPACE.genes, np.random.default_rng([5, number]))

    def tell(self, trial: Trial) -> None:
        time.sleep(TELL if self.asked else 0)
        self.told.append(trial)


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> list[Sleeper]:
    made: list[Sleeper] = []

    def make(*_: object) -> Sleeper:
        made.append(Sleeper())
        return made[-1]

    monkeypatch.setattr(ask, "make", make)
    return made


def test_a_lap_is_one_tell_and_one_ask_and_the_rebuild_is_apart(sleeper: list[Sleeper]) -> None:
    timing = ask.timed("any", ask.made_history(30, seed=0), asks=20)
    cpu, wall = timing.laps_AT.T
    assert len(wall) == 20
    assert (wall >= ASK + TELL).all()
    assert np.median(wall) < 3 * (ASK + TELL)
    assert np.median(cpu) < ASK
    assert timing.rebuild_T[1] >= MAKE > timing.rebuild_T[0]


def test_sixteen_are_in_flight_and_each_trial_is_told_once(sleeper: list[Sleeper]) -> None:
    ask.timed("any", ask.made_history(30, seed=0), asks=20)
    (controller,) = sleeper
    assert [trial.number for trial in controller.told] == list(range(15 + 20))
    assert all(trial.state is TrialState.COMPLETE for trial in controller.told)
    assert [number for number, _ in controller.asked] == list(range(30, 51))
    for number, history in controller.asked:
        assert [trial.number for trial in history] == list(range(number))
        # The proposal itself is the sixteenth.
        assert sum(trial.state is TrialState.RUNNING for trial in history) == 15
        assert history[-1].after == max(0, number - 16)  # one ends as one starts
        assert [t.ending for t in history if t.ending is not None] == list(range(number - 15))


def test_scores_depend_on_the_architecture_alone() -> None:
    first, second = (ask.made_history(40, seed=seed)[:25] for seed in (0, 1))
    assert len({trial.score for trial in first + second}) > 45
    assert all(ask._measured(t.backbone) == t.measurement for t in first)
    assert all(0 < trial.score < 1 for trial in first + second)
    assert np.std([trial.score for trial in first]) > 0.01


def test_the_table_has_a_line_for_each_controller(capsys: pytest.CaptureFixture[str]) -> None:
    ask.main(["--history", "30", "--asks", "3", "--names", "random", "evolution", "pareto"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {11}
    for name, line in zip(("random", "evolution", "pareto"), lines[2:], strict=True):
        assert re.match(rf"\| {name} \| 30 \|", line)
        median, mean, worst = map(float, line.split("|")[3:6])
        assert 0 < median <= worst
        assert 0 < mean <= worst


@pytest.mark.parametrize(("slow", "history"), [([], 20), (["--slow"], 30)])
def test_a_shorter_history_is_said_so(
    slow: list[str],
    history: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ask, "REPLAYED", {"random": 20})
    ask.main(["--history", "30", "--asks", "2", "--names", "random", *slow])
    printed = capsys.readouterr().out
    assert f"| random | {history} |" in printed
    assert ("timed after 20 trials" in printed) == (not slow)
