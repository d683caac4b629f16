"""Which trials a command means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nas.runs import selection
from nas.runs.promotion_records import Promotion
from proxy_tasks.task import Measurement
from results.trial import Trial, TrialState
from search_space import catalog
from search_space.errors import UserError


def trial(number: int, miou: float | None, macs: int = 10, kind: str = "candidate") -> Trial:
    measurement = None if miou is None else Measurement(1, macs, 5, 1.0, miou=miou)
    state = TrialState.RUNNING if miou is None else TrialState.COMPLETE
    return Trial(
        number, f"t{number}", kind, catalog.load("spinenet-49"), str(number), None, state,
        measurement,
    )  # fmt: skip


def promotion(number: int, miou: float | None) -> Promotion:
    last = Measurement(9, 10, 5, 1.0)
    return Promotion(f"t{number}", number, f"k{number}", 0, None, miou, 9, last, Path(), None, {})


TRIALS = [
    trial(0, 0.9, kind="baseline"),
    trial(1, 0.5, macs=30),
    trial(2, 0.4, macs=20),
    trial(3, None),
    trial(4, 0.3, macs=40),
    trial(5, 0.5, macs=35),
]


def numbers(trials: list[Trial]) -> list[int]:
    return [each.number for each in trials]


def test_the_top_are_candidates_by_score_the_older_first() -> None:
    assert numbers(selection.top(TRIALS, 3)) == [1, 5, 2]


def test_the_front_is_what_no_candidate_beats_on_score_and_macs() -> None:
    assert numbers(selection.front(TRIALS)) == [1, 2]
    by_another = [
        replace(t, measurement=replace(t.measurement, score=1 - t.miou)) for t in TRIALS if t.miou
    ]
    assert numbers(selection.front(by_another)) == [2, 4]


def test_the_best_is_by_full_training_where_there_is_one() -> None:
    assert selection.best(TRIALS, []).number == 1
    assert selection.best(TRIALS, [promotion(2, 0.6), promotion(5, 0.7)]).number == 5
    seeds = [promotion(2, 0.9), promotion(2, 0.4), promotion(5, 0.7)]
    assert selection.best(TRIALS, seeds).number == 5  # of several seeds the mean
    wide = replace(promotion(2, 0.8), settings={"scale": "wide"})
    assert selection.best(TRIALS, [*seeds, wide]).number == 2  # other settings are no seed
    assert selection.best(TRIALS, [promotion(0, 0.99)]).number == 1  # a baseline wins nothing
    assert selection.best(TRIALS, [promotion(2, None)]).number == 1  # it never got a score


def test_numbers_name_trials_and_baselines() -> None:
    assert numbers(selection.by_number(TRIALS, [4, 0])) == [4, 0]
    with pytest.raises(UserError, match="trial 6: the run has trials 0 to 5"):
        selection.by_number(TRIALS, [6])
    with pytest.raises(UserError, match="trial 0: the run has no trials"):
        selection.by_number([], [0])


def test_a_run_without_a_score_has_no_best() -> None:
    with pytest.raises(UserError, match="no candidate of this run has a score yet"):
        selection.top([TRIALS[0], TRIALS[3]], 1)
