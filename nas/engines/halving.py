"""Trainings that fall behind the others are stopped before their last epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proxy_tasks.objectives import Metric
from proxy_tasks.task import Job, Measurement


@dataclass(frozen=True)
class Halving:
    """Asynchronous successive halving (ASHA, Li et al. 2020, arXiv 1810.05934).

    After ``grace_period`` epochs, and after each ``reduction_factor`` times as many, a job goes on
    if its score by ``metric`` is among the best of ``reduction_factor`` parts of all that came so
    far. ``epochs`` is a whole job's. ``curves`` are scores after each epoch of jobs that ended
    before, None where not measured: what they came to counts as it did.
    """

    metric: Metric
    epochs: int
    grace_period: int
    reduction_factor: int
    curves: tuple[tuple[float | None, ...], ...] = ()

    def rungs(self) -> list[Rung]:
        """Where a job is judged: not after its last epoch."""
        rungs, epochs = [], self.grace_period
        while epochs < self.epochs:
            reached = (curve[epochs - 1] for curve in self.curves if len(curve) >= epochs)
            rungs.append(Rung(epochs, [score for score in reached if score is not None]))
            epochs *= self.reduction_factor
        return rungs


class Rung:
    """After so many epochs; ``scores`` are of all that came there."""

    def __init__(self, epochs: int, scores: list[float]) -> None:
        self.epochs, self._scores = epochs, scores
        self._judged: set[int] = set()

    def is_behind(self, number: int, score: float, parts: int) -> bool:
        """Whether a job's score is not of the best of so many parts. A job is judged once."""
        if number in self._judged:
            return False
        bar = np.nanpercentile(self._scores, 100 * (1 - 1 / parts)) if self._scores else -math.inf
        self._judged.add(number)
        self._scores.append(score)
        return bool(score < bar)


class Judge:
    """Knows what came to each rung. Without a ``halving`` every job goes on."""

    def __init__(self, halving: Halving | None) -> None:
        self._halving = halving
        self._rungs = halving.rungs() if halving else []

    def stops(self, job: Job, measured: Measurement) -> bool:
        """Whether the job has fallen behind. Asked after every epoch, its last one too."""
        reached = [rung for rung in self._rungs if rung.epochs <= measured.epochs]
        if not reached or not job.stoppable or self._halving is None:
            return False
        score = measured.scored(self._halving.metric).score
        parts = self._halving.reduction_factor
        return score is not None and reached[-1].is_behind(job.number, score, parts)
