"""Search spaces without a forbidden corner: all combinations of their decisions may be trained."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from math import prod

import numpy as np

from search_space.genes import Gene, Genotype, sample
from search_space.offers import Choices, Offers, network_offers
from search_space.taps import Size, smallest_seen


class Box:
    """What is the same for each of them, once it says what is decided. ``choices`` and ``crop`` as
    ScalePermutedSpace has them."""

    choices: Choices
    crop: Size | None

    def _all_genes(self) -> Iterable[Gene]:
        """The decisions in a fixed order, those with one choice too."""
        raise NotImplementedError

    @cached_property
    def genes(self) -> tuple[Gene, ...]:
        """The decisions with more than one choice, in a fixed order."""
        return tuple(gene for gene in self._all_genes() if gene.radix > 1)

    @property
    def size(self) -> int:
        """The number of genotypes. Several may build the same network."""
        return prod(gene.radix for gene in self.genes)

    @cached_property
    def _network(self) -> Offers:
        """What is offered of whole networks."""
        return network_offers(self.choices)

    @cached_property
    def _seen(self) -> Size | None:
        """The smallest crop, as the smallest zoom sees it."""
        return smallest_seen(self.crop, self._network["zoom"])

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A uniform draw from the box."""
        return sample(self.genes, rng)

    def allows(self, genotype: Genotype) -> bool:
        """Every genotype of the box."""
        return True
