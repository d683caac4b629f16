"""Regularized evolution (Real et al. 2019, arXiv 1802.01548, algorithm 1).

The oldest member of the population dies, not the worst, so that a lucky score does not live for
ever. Mutation is the space's own, semantic one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from nas.controllers.base import finite_score, propose_new, stream
from nas.controllers.settings import ControllerSettings
from results.trial import Trial
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace


class Config(ControllerSettings):
    """Regularized evolution: mutants of tournament winners, and the oldest dies."""

    name: Literal["evolution"] = "evolution"
    population: int = Field(24, ge=1, description="how many networks live at a time")
    tournament: int = Field(6, ge=1, description="how many are drawn to find a parent")

    def build(self, space: SearchSpace, seed: int) -> RegularizedEvolution:
        return RegularizedEvolution(space, seed, self.population, self.tournament)


class RegularizedEvolution:
    """``population`` members live at a time; each parent is the best of ``tournament`` of them.

    Until ``population`` candidates were proposed, proposals are random; later only where no new
    neighbour of the population is left. Infeasible trials live and die like others, with a score
    below all.

    Raises:
        UserError: when the tournament is larger than the population.
    """

    def __init__(self, space: SearchSpace, seed: int, population: int, tournament: int) -> None:
        if not 1 <= tournament <= population:
            raise UserError(
                f"tournament must be between 1 and the population ({population})"
                f" but got {tournament}"
            )
        self._space, self._seed = space, seed
        self._population, self._tournament = population, tournament
        self._alive: deque[Trial] = deque(maxlen=population)

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        rng = stream(self._seed, number)

        def newcomer() -> Genotype:
            return self._space.sample(rng)

        def child() -> Genotype:
            size = min(self._tournament, len(self._alive))
            drawn = rng.choice(len(self._alive), size=size, replace=False)
            parent = max((self._alive[int(i)] for i in drawn), key=_fitness)
            assert parent.genotype is not None  # candidates are told, not baselines
            return self._space.mutate(parent.genotype, rng)

        growing = len(history) < self._population or not self._alive
        draws = [newcomer] if growing else [child, newcomer]
        return propose_new(draws, self._space, history)

    def tell(self, trial: Trial) -> None:
        finite_score(trial)
        self._alive.append(trial)


def _fitness(trial: Trial) -> tuple[tuple[int, float], int]:
    """Higher is better; of equals the older, so that the choice is the same in every process."""
    return (trial.standing, -trial.number)
