"""Any search space within hard constraints on what is known of a network before training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.cost import Cost, cost
from search_space.errors import UserError
from search_space.genes import Gene, Genotype, SearchSpace
from search_space.scales import Scale

Figures = Callable[[Genotype], Mapping[str, float]]

DRAWS = 10
"""Uniform ones before a sample is sought by a walk."""
NEIGHBOURS = 100
"""Or mixtures, before a sample takes their place."""
STEPS = 2000
"""Mutations of one network on its way within the limits."""
REMEMBERED = 10_000
"""Genotypes whose figures are kept."""


class ConstrainedSpace:
    """The genotypes of ``space`` whose figures are at most the limits.

    Its box is the space's: ``allows`` tells what lies within the limits, and sample, mutate and
    cross give nothing else. Where few networks are allowed, a sample is no longer uniform: it is
    the end of a walk from a uniform one, by mutations that come no farther from the limits.

    Args:
        limits: figure -> the most of it that is allowed.
        figures: what a genotype is limited by; analytic, and positive.
    """

    def __init__(self, space: SearchSpace, limits: Mapping[str, float], figures: Figures) -> None:
        self._space, self._limits, self._figures = space, dict(limits), figures
        self._excess = lru_cache(REMEMBERED)(self._computed_excess)

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The space's."""
        return self._space.genes

    def allows(self, genotype: Genotype) -> bool:
        """Whether the space allows it and no figure is beyond its limit."""
        return self._space.allows(genotype) and self._excess(genotype) == 0

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A network within the limits.

        Raises:
            UserError: where none is found, with the least that was found of each figure.
        """
        drawn = [found := self._space.sample(rng)]
        while not self.allows(found) and len(drawn) < DRAWS:
            drawn.append(found := self._space.sample(rng))
        return found if self.allows(found) else self._walk(min(drawn, key=self._excess), rng)

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """A neighbour within the limits, where there is none a sample."""
        return self._first_allowed(lambda: self._space.mutate(genotype, rng), rng)

    def cross(self, a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype:
        """A mixture within the limits, where there is none a sample."""
        return self._first_allowed(lambda: self._space.cross(a, b, rng), rng)

    def decode(self, genotype: Genotype) -> Any:
        """As the space does."""
        return self._space.decode(genotype)

    def encode(self, architecture: Any) -> Genotype:
        """As the space does, limits or not."""
        return self._space.encode(architecture)

    def key(self, genotype: Genotype) -> str:
        """As the space does."""
        return self._space.key(genotype)

    def features(self, genotype: Genotype) -> dict[str, NDArray[np.float64]]:
        """As the space does."""
        return self._space.features(genotype)

    def beyond(self, genotype: Genotype) -> str:
        """What is beyond its limit and by how much, for a message; empty within the limits."""
        figures = self._figures(genotype)
        return ", ".join(
            f"{name} {figures[name]:.4g} > {limit:.4g}"
            for name, limit in self._limits.items()
            if figures[name] > limit
        )

    def _computed_excess(self, genotype: Genotype) -> float:
        """How far a genotype lies beyond the limits, in logarithms; 0 within them."""
        figures = self._figures(genotype)
        return sum(max(0.0, log(figures[name] / most)) for name, most in self._limits.items())

    def _first_allowed(self, draw: Callable[[], Genotype], rng: np.random.Generator) -> Genotype:
        drawn = (draw() for _ in range(NEIGHBOURS))
        return next((found for found in drawn if self.allows(found)), None) or self.sample(rng)

    def _walk(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """Mutations that come no farther from the limits, until one is within them."""
        for step in self._steps(genotype, rng):
            if self.allows(genotype := step):
                return genotype
        raise UserError(
            f"no network of this space was found within the limits; the nearest has"
            f" {self.beyond(genotype)}"
        )

    def _steps(self, genotype: Genotype, rng: np.random.Generator) -> Iterator[Genotype]:
        for _ in range(STEPS):
            neighbour = self._space.mutate(genotype, rng)
            if self._excess(neighbour) <= self._excess(genotype):
                genotype = neighbour
                yield genotype


def network_figures(
    space: SearchSpace,
    scale: Scale,
    classes: int,
    size: tuple[int, int],
    of: Callable[[Cost], Mapping[str, float]],
) -> Figures:
    """The figures ``of`` the cost of the network that a genotype of ``space`` builds at a scale,
    for images of ``size`` (height, width) pixels."""
    return lambda genotype: of(cost(space.decode(genotype), scale, classes, size))
