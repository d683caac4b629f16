"""Fronts and crowding of NSGA-II on points whose ranking can be seen with the eye."""

from __future__ import annotations

import numpy as np
import pytest

from nas.controllers.pareto import Pareto, crowding, fronts
from proxy_tasks.task import Failure
from search_space.errors import UserError
from tests.contracts.test_controllers import SPACE, Run

INF = float("inf")


def test_fronts_peel_off_what_nothing_left_beats() -> None:
    gains = np.array([[1, 5], [5, 1], [3, 3], [2, 2], [1, 1], [3, 2], [5, 1]])
    # (3, 2) is beaten by (3, 3) only, and beats (2, 2); equals do not beat one another.
    assert fronts(gains).tolist() == [0, 0, 0, 2, 3, 1, 0]


def test_crowding_adds_up_the_gaps_between_neighbours_over_the_range() -> None:
    gains = np.array([[0.0, 10.0], [1.0, 6.0], [4.0, 5.0], [10.0, 0.0], [0.0, 0.0]])
    found = crowding(gains, np.array([0, 0, 0, 0, 1]))
    assert found.tolist() == pytest.approx([INF, 0.4 + 0.5, 0.9 + 0.6, INF, INF])


def test_crowding_of_what_was_not_measured_is_a_number() -> None:
    gains = np.array([[1.0, -INF], [2.0, -INF], [4.0, -INF]])
    found = crowding(gains, np.zeros(3, dtype=int))
    assert not np.isnan(found).any()


def test_survivors_are_the_best_fronts_and_their_ends() -> None:
    run = Run(Pareto(SPACE, 0, population=6))
    run.go(30)
    controller = run.controller
    assert isinstance(controller, Pareto)
    alive = {trial.number for trial in controller._population}
    assert len(alive) == 6
    best = max(run.trials, key=lambda trial: trial.score or 0.0)
    smallest = min(run.trials, key=lambda trial: trial.measurement.macs if trial.measurement else 0)
    assert {best.number, smallest.number} <= alive


def test_children_replace_random_proposals_once_there_are_parents() -> None:
    run = Run(Pareto(SPACE, 0, population=4))
    run.go(4)
    parents = [trial.genotype or () for trial in run.trials]
    child = run.ask()
    shared = [sum(x == y for x, y in zip(each, child, strict=True)) for each in parents]
    assert max(shared) > len(child) * 0.5  # strangers share about a third


def test_infeasible_networks_are_no_parents() -> None:
    run = Run(Pareto(SPACE, 0, population=4))
    for place in range(6):
        run.ask()
        run.end(place, Failure.DIVERGED)
    assert isinstance(run.controller, Pareto)
    assert run.controller._population == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"objectives": ("miou", "speed")}, "'speed' is unknown: write two or more of miou, macs"),
        ({"objectives": ("miou", "miou")}, "two different ones are needed"),
        ({"population": 3}, "population must be at least 4 but got 3"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        Pareto(SPACE, 0, **options)
