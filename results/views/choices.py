"""What an architecture is made of, counted: connections, and each attribute of its blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import ATTRIBUTES, NETWORK_ATTRIBUTES, Architecture

Property = str
"""An attribute of a block or of the whole network, or ``connection``."""
_TITLES = {each.name: each.title for each in (*ATTRIBUTES, *NETWORK_ATTRIBUTES)}
PROPERTIES: Mapping[Property, str] = {
    "level": _TITLES.pop("level"),
    "connection": "Levels a connection climbs",
    **dict(sorted(_TITLES.items())),
}
Value = float | str
Choices = Mapping[Property, Counter[Value]]


def choices_of(architecture: Architecture) -> Choices:
    """How often each value occurs among the blocks that are built, the stem left out.

    ``connection`` counts the difference of levels, target less source: above 0 a map is
    down-sampled. Connections that an output absorbs are counted too. What is decided of the whole
    network counts once.
    """
    blocks, absorbed = architecture.all_blocks, architecture.absorbed
    built = [i for i in architecture.alive if i >= len(architecture.stem)]
    edges = [(p, i) for i in built for p in (*architecture.parents[i], *absorbed.get(i, ()))]
    counted: dict[Property, Counter[Value]] = {
        each.name: Counter(getattr(blocks[i], each.name) for i in built) for each in ATTRIBUTES
    }
    for each in NETWORK_ATTRIBUTES:
        counted[each.name] = Counter([getattr(architecture, each.name)])
    counted["connection"] = Counter(blocks[i].level - blocks[p].level for p, i in edges)
    return counted


@dataclass(frozen=True)
class Shares:
    """Of N architectures, how many choices they have, and the share of each of V values."""

    values: tuple[Value, ...]
    share_NV: NDArray[np.float64]
    count_N: NDArray[np.float64]

    @classmethod
    def of_counts(cls, values: tuple[Value, ...], count_NV: NDArray[Any]) -> Shares:
        """From how often each value occurs in each architecture."""
        total_N = count_NV.sum(axis=1)
        return cls(values, count_NV / np.maximum(total_N[:, None], 1), total_N)

    @property
    def labels(self) -> list[str]:
        """The values as text."""
        return [str(value) for value in self.values]


def in_order(values: Iterable[Value]) -> tuple[Value, ...]:
    """Numbers by size, then words."""
    return tuple(sorted(values, key=_rank))


def _rank(value: Value) -> tuple[bool, float, str]:
    return (isinstance(value, str), 0 if isinstance(value, str) else value, str(value))
