"""What an architecture is made of, counted: levels, connections, dilations, types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import Architecture

Property = Literal["level", "connection", "dilation", "type"]
PROPERTIES: Mapping[Property, str] = {
    "level": "Level of a block",
    "connection": "Levels a connection climbs",
    "dilation": "Dilation ratio",
    "type": "Block type",
}
Value = int | str
Choices = Mapping[Property, Counter[Value]]


def choices_of(architecture: Architecture) -> Choices:
    """How often each value occurs among the blocks that are built, the stem left out.

    ``connection`` counts the difference of levels, target less source: above 0 a map is
    down-sampled. Connections that an output absorbs are counted too.
    """
    blocks, absorbed = architecture.all_blocks, architecture.absorbed
    built = [i for i in architecture.alive if i >= len(architecture.stem)]
    edges = [(p, i) for i in built for p in (*architecture.parents[i], *absorbed.get(i, ()))]
    return {
        "level": Counter(blocks[i].level for i in built),
        "connection": Counter(blocks[i].level - blocks[p].level for p, i in edges),
        "dilation": Counter(blocks[i].dilation for i in built),
        "type": Counter(blocks[i].type for i in built),
    }


@dataclass(frozen=True)
class Shares:
    """Of N architectures, how many choices they have, and the share of each of V values."""

    values: tuple[Value, ...]
    share_NV: NDArray[np.float64]
    count_N: NDArray[np.float64]

    @property
    def labels(self) -> list[str]:
        """The values as text."""
        return [str(value) for value in self.values]


Known = dict[tuple[Property, tuple[Value, ...]], dict[int, list[int]]]


def shares(chosen: Mapping[int, Choices], of: Property, known: Known | None = None) -> Shares:
    """The shares of every value that occurs, smallest value first, by trial number.

    ``known`` keeps what was counted, for when a trial more is there.
    """
    values = tuple(sorted(set().union(*(each[of] for each in chosen.values())), key=_rank))
    counted = {} if known is None else known.setdefault((of, values), {})
    for number in chosen.keys() - counted.keys():
        counted[number] = [chosen[number][of].get(value, 0) for value in values]
    counts = [counted[number] for number in chosen]
    count_NV = np.array(counts, dtype=np.float64).reshape(len(chosen), len(values))
    total_N = count_NV.sum(axis=1)
    return Shares(values, count_NV / np.maximum(total_N[:, None], 1), total_N)


def _rank(value: Value) -> tuple[bool, int, str]:
    return (isinstance(value, str), value if isinstance(value, int) else 0, str(value))
