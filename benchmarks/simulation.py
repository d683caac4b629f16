"""A search without training: scores come from a function, trials end out of order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nas.controllers import Controller, SpaceExhausted
from proxy_tasks.task import Measurement
from results.trial import Trial, TrialState
from search_space.genes import Genotype, SearchSpace

Measure = Callable[[Genotype], Measurement]


def simulate(
    controller: Controller,
    space: SearchSpace,
    measure: Measure,
    trials: int,
    in_flight: int,
    seed: int,
) -> list[Trial]:
    """The trials of a search in the order of their ending; fewer than asked for if the space ends.

    With several in flight each takes a random time between one half and three halves, drawn
    from ``seed``, so that they end in another order than they began.
    """
    rng = np.random.default_rng(seed)
    history: list[Trial] = []
    running: list[tuple[float, int]] = []
    ended: list[Trial] = []
    clock = 0.0
    exhausted = False
    while len(ended) < trials:
        while len(running) < in_flight and len(history) < trials and not exhausted:
            number = len(history)
            try:
                genotype = controller.ask(number, history)
            except SpaceExhausted:
                exhausted = True
                break
            history.append(_started(space, genotype, number, len(ended)))
            heapq.heappush(running, (clock + rng.uniform(0.5, 1.5), number))
        if not running:
            break
        clock, number = heapq.heappop(running)
        history[number] = trial = replace(
            history[number],
            state=TrialState.COMPLETE,
            measurement=measure(history[number].genotype or ()),
            ending=len(ended),
        )
        controller.tell(trial)
        ended.append(trial)
    return ended


def _started(space: SearchSpace, genotype: Genotype, number: int, after: int) -> Trial:
    return Trial(
        number,
        f"trial-{number:04d}",
        "candidate",
        space.decode(genotype),
        space.key(genotype),
        genotype,
        TrialState.RUNNING,
        after=after,
    )
