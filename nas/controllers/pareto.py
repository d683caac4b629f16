"""NSGA-II (Deb et al. 2002, https://doi.org/10.1109/4235.996017): the front of several objectives.

Steady state: every proposal is a child of the population that the ended trials make, so that
workers never wait for a generation to be complete.
Shapes: N trials, K objectives, all to be maximised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nas.controllers.base import finite_score, propose_new, stream
from nas.controllers.settings import ControllerSettings
from proxy_tasks.objectives import TRADED
from results.trial import Trial
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace

_Objective: Any = Literal[tuple(TRADED)]


class Config(ControllerSettings):
    """NSGA-II: the Pareto front of two or more objectives."""

    name: Literal["pareto"] = "pareto"
    objectives: tuple[_Objective, ...] = Field(
        ("miou", "macs"), min_length=2, description="the highest mIoU, the lowest of all others"
    )
    population: int = Field(
        24, ge=4, description="number of survivors, and of random proposals at the start"
    )

    def build(self, space: SearchSpace, seed: int) -> Pareto:
        return Pareto(space, seed, self.objectives, self.population)


class Pareto:
    """Parents win a tournament of two by front, then by crowding distance; children are a mixture
    of two parents with one mutation, or a mutant. What is infeasible or was stopped early is left
    out.

    Args:
        objectives: of proxy_tasks.objectives.TRADED.
        population: survivors, and random proposals before the first child.

    Raises:
        UserError: for fewer than two different objectives.
    """

    def __init__(
        self, space: SearchSpace, seed: int, objectives: Sequence[str], population: int
    ) -> None:
        if len(set(objectives)) < 2:
            raise UserError(f"objectives: two different ones are needed but got {list(objectives)}")
        self._space, self._seed = space, seed
        self._objectives, self._size = tuple(objectives), population
        self._population: list[Trial] = []

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        rng = stream(self._seed, number)

        def newcomer() -> Genotype:
            return self._space.sample(rng)

        if len(history) < self._size or len(self._population) < 2:
            return propose_new([newcomer], self._space, history)
        rank_N, crowding_N = self._ranking(self._population)

        def parent() -> Genotype:
            a, b = (int(i) for i in rng.choice(len(self._population), 2, replace=False))
            winner = min(a, b, key=lambda i: (rank_N[i], -crowding_N[i], i))
            genotype = self._population[winner].genotype
            assert genotype is not None  # candidates are told, not baselines
            return genotype

        def child() -> Genotype:
            start = self._space.cross(parent(), parent(), rng) if rng.integers(2) else parent()
            return self._space.mutate(start, rng)

        return propose_new([child, newcomer], self._space, history)

    def tell(self, trial: Trial) -> None:
        if finite_score(trial) is None:
            return
        self._population.append(trial)
        if len(self._population) > self._size:
            rank_N, crowding_N = self._ranking(self._population)
            worst = max(range(len(rank_N)), key=lambda i: (rank_N[i], -crowding_N[i], -i))
            del self._population[worst]

    def _ranking(self, trials: Sequence[Trial]) -> tuple[list[int], list[float]]:
        gains_NK = np.array([self._gains(trial) for trial in trials])
        rank_N = fronts(gains_NK)
        return rank_N.tolist(), crowding(gains_NK, rank_N).tolist()

    def _gains(self, trial: Trial) -> list[float]:
        """A figure that was not measured counts as the worst."""
        assert trial.measurement is not None  # it has a score
        values = {name: trial.measurement.figure(name) for name in self._objectives}
        return [
            -np.inf if value is None else TRADED[name].sign * float(value)
            for name, value in values.items()
        ]


def fronts(gains_NK: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number of each point's front: 0 is beaten by none, 1 only by front 0, and so on."""
    at_least_NN = np.all(gains_NK[:, None] >= gains_NK[None], axis=2)
    beats_NN = at_least_NN & ~at_least_NN.T
    rank_N, left_N = np.full(len(gains_NK), -1), np.ones(len(gains_NK), dtype=bool)
    front = 0
    while left_N.any():
        first_N = left_N & ~np.any(beats_NN[left_N], axis=0)
        rank_N[first_N] = front
        left_N &= ~first_N
        front += 1
    return rank_N


def crowding(gains_NK: NDArray[np.float64], rank_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distance between the neighbours in a front, summed over objectives, each over its range;
    infinite at the ends. An objective that was not measured everywhere tells no distance."""
    distance_N: NDArray[np.float64] = np.zeros(len(gains_NK))
    for front in range(int(rank_N.max()) + 1):
        members = np.flatnonzero(rank_N == front)
        for gains in gains_NK[members].T:
            order = members[np.argsort(gains, kind="stable")]
            values = np.sort(gains)
            distance_N[order[[0, -1]]] = np.inf
            if np.isfinite(values[0]) and values[-1] > values[0]:
                distance_N[order[1:-1]] += (values[2:] - values[:-2]) / (values[-1] - values[0])
    return distance_N
