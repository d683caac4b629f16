"""Uniform random search, which every other controller has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nas.controllers.base import finite_score, propose_new, stream
from nas.controllers.settings import ControllerSettings
from results.trial import Trial
from search_space.genes import Genotype, SearchSpace


class Config(ControllerSettings):
    """Random search: every gene is drawn uniformly."""

    name: Literal["random"] = "random"

    def build(self, space: SearchSpace, seed: int) -> RandomSearch:
        return RandomSearch(space, seed)


class RandomSearch:
    """Draws every gene uniformly."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space, self._seed = space, seed

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        rng = stream(self._seed, number)
        return propose_new([lambda: self._space.sample(rng)], self._space, history)

    def tell(self, trial: Trial) -> None:
        """Random search learns nothing."""
        finite_score(trial)
