"""Scores a network by a function of one's own instead of a training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from proxy_tasks.objectives import costs
from proxy_tasks.task import Failure, Job, Measurement
from search_space.backbone import Backbone
from search_space.cost import cost

OWN = "objective"
"""The objective that it measures (see proxy_tasks.objectives)."""


@dataclass(frozen=True)
class OwnObjective:
    """``function`` takes a backbone and gives a number: more is better. One that is not finite is a
    failure of the network. For jobs of one epoch, as there is nothing between. Costs are of a
    network that tells so many ``classes`` apart."""

    function: Callable[[Backbone], float]
    classes: int

    def score(self, job: Job) -> Iterator[Measurement]:
        """One measurement. What the function raises passes through."""
        fidelity, started = job.fidelity, time.perf_counter()
        known = cost(job.backbone, fidelity.scale, self.classes, fidelity.size)
        value = float(self.function(job.backbone))
        seconds = time.perf_counter() - started
        found = Measurement(fidelity.total_epochs, known.macs, known.parameters, seconds)
        found = found.with_figures(costs(known))
        if math.isfinite(value):
            yield found.with_figures({OWN: value})
        else:
            yield replace(found, failure=Failure.DIVERGED)
