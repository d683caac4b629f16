"""What a trial says of itself."""

from __future__ import annotations

from proxy_tasks.task import Failure, Measurement
from results.trial import Trial, TrialState
from search_space import catalog


def standing(state: TrialState, measurement: Measurement | None) -> tuple[int, float]:
    backbone = catalog.load("spinenet-49")
    return Trial(0, "", "candidate", backbone, "", None, state, measurement).standing


def test_who_came_farther_stands_above_whatever_the_scores() -> None:
    complete = standing(TrialState.COMPLETE, Measurement(4, 1, 1, 1.0, miou=0.2))
    by_loss = standing(TrialState.COMPLETE, Measurement(4, 1, 1, 1.0, miou=0.9, score=-1.5))
    late = standing(TrialState.STOPPED, Measurement(3, 1, 1, 1.0, miou=0.9, score=0.9))
    early = standing(TrialState.STOPPED, Measurement(1, 1, 1, 1.0, score=0.95))
    early_and_worse = standing(TrialState.STOPPED, Measurement(1, 1, 1, 1.0, score=0.1))
    diverged = standing(TrialState.INFEASIBLE, Measurement(9, 1, 1, 1.0, failure=Failure.DIVERGED))
    running = standing(TrialState.RUNNING, None)
    assert complete > by_loss > late > early > early_and_worse > diverged == running
