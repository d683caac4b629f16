"""What a search space is: named genes, and a meaning for every genotype in their box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Genotype = tuple[int, ...]
"""One int per gene; gene i lies in [0, radix_i)."""


@dataclass(frozen=True)
class Gene:
    """One decision with ``radix`` choices (at least two)."""

    name: str
    radix: int


class SearchSpace(Protocol):
    """Genes plus decode, encode and variation. Every genotype in the box is valid.

    What a genotype decodes to is the space's own affair: an Architecture, a row of a table.
    """

    @property
    def genes(self) -> tuple[Gene, ...]: ...

    def decode(self, genotype: Genotype) -> Any: ...

    def encode(self, architecture: Any) -> Genotype:
        """A genotype that decodes to this architecture. UserError if it lies outside."""
        ...

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A random genotype that may be trained."""
        ...

    def allows(self, genotype: Genotype) -> bool:
        """Whether it may be trained: a space may have constraints (see ConstrainedSpace), and
        then sample, mutate and cross keep to them."""
        ...

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """A neighbour that decodes to a different architecture."""
        ...

    def cross(self, a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype: ...

    def key(self, genotype: Genotype) -> str:
        """Canonical key of the decoded architecture: equal for the same network."""
        ...

    def features(self, genotype: Genotype) -> dict[str, NDArray[np.float64]]:
        """What a surrogate model is told: named groups, each a vector of a length that is the
        same for every genotype. Distances are comparable within a group, not between groups."""
        ...


def sample(genes: Sequence[Gene], rng: np.random.Generator) -> Genotype:
    """A uniform draw from the box."""
    return tuple(rng.integers([gene.radix for gene in genes]).tolist())


def check(genes: Sequence[Gene], genotype: Genotype) -> None:
    """Raise ValueError, naming the gene, if the genotype lies outside the box."""
    if len(genotype) != len(genes):
        raise ValueError(f"genotype must have {len(genes)} genes but got {len(genotype)}")
    for gene, value in zip(genes, genotype, strict=True):
        if not 0 <= value < gene.radix:
            raise ValueError(f"{gene.name} must be between 0 and {gene.radix - 1} but got {value}")
