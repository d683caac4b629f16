"""What a surrogate model is told of an architecture, instead of genes that have no locality.

Every group is a vector of fixed length; only blocks that are built count. Distances within a group
are comparable, so that a model may weigh one group against another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import BLOCK_TYPES, MAX_LEVEL, MIN_LEVEL, Architecture, Block
from search_space.cost.graph import Graph
from search_space.cost.pieces import Kind, merge
from search_space.cost.receptive_field import receptive_fields
from search_space.scales import Scale
from search_space.tape import Piece

Features = dict[str, NDArray[np.float64]]
Read = Mapping[int, tuple[int, ...]]
"""For each block that is built, in their order, the blocks that it reads."""
Figures = tuple[int, int, int]
"""Parameters, MACs, and bytes that training keeps of one image for the backward pass."""

LEVELS = MAX_LEVEL - MIN_LEVEL + 1
SCALE, CLASSES, SIZE = Scale(), 19, (512, 512)
"""The network and the image that costs are told for: their order hardly depends on these."""


def architecture_features(architecture: Architecture) -> Features:
    """Groups of numbers:

    ``order``: level of the block at each place, 0 where it is not built; ``types`` and
    ``dilations`` likewise (log2 of the ratio); ``profile``: how many blocks of each type and
    level; ``connections``: how many lead from each level to each; ``dilation``: mean log2 ratio of
    each level; ``paths``: of each output the shortest and the longest way from the stem and the
    logarithm of how many there are; ``cost``: logarithms of parameters, MACs, the activations
    that training keeps for the backward pass, and of each output's receptive field.
    """
    read = _read(architecture)
    blocks, alive = architecture.all_blocks, list(read)
    level = [block.level - MIN_LEVEL for block in blocks]
    levels = np.array([level[index] for index in alive])
    kinds = np.array([BLOCK_TYPES.index(blocks[index].type) for index in alive])
    ratios = np.log2([blocks[index].dilation for index in alive])
    place = np.zeros((3, len(blocks)))
    place[:, alive] = levels + 1, 2 * kinds - 1, ratios
    profile = _counts(kinds * LEVELS + levels, len(BLOCK_TYPES) * LEVELS)
    edges = [level[other] * LEVELS + level[index] for index in alive for other in read[index]]
    return {
        "order": place[0],
        "types": place[1],
        "dilations": place[2],
        "profile": profile,
        "connections": _counts(edges, LEVELS * LEVELS),
        "dilation": np.bincount(levels, ratios, LEVELS) / np.maximum(_counts(levels, LEVELS), 1),
        "paths": _paths(architecture, read),
        "cost": _cost(architecture),
    }


def _read(architecture: Architecture) -> Read:
    parents, absorbed = architecture.parents, architecture.absorbed
    return {i: (*parents[i], *absorbed.get(i, ())) for i in sorted(architecture.alive)}


def _counts(values: NDArray[np.int64] | list[int], size: int) -> NDArray[np.float64]:
    """How many of the values are 0, 1, ... size - 1."""
    return np.bincount(values, minlength=size).astype(np.float64)


def _paths(architecture: Architecture, read: Read) -> NDArray[np.float64]:
    """(shortest, longest, log of the number) of each output's ways from block 0."""
    ways = {0: (0.0, 0.0, 1.0)}
    for index, others in read.items():
        if others:
            shortest, longest, count = zip(*[ways[other] for other in others], strict=True)
            ways[index] = (min(shortest) + 1, max(longest) + 1, sum(count))
    found = np.array([ways[index] for index in architecture.output_blocks.values()])
    found[:, 2] = np.log(found[:, 2])
    return found.ravel()


def _cost(architecture: Architecture) -> NDArray[np.float64]:
    kinds = [(block.level, block.type) for block in architecture.all_blocks]
    stem = tuple([block for i, block in enumerate(architecture.stem) if i in architecture.alive])
    outputs = tuple([kinds[index] for index in architecture.output_blocks.values()])
    found = [_around(stem, outputs)]
    for index in architecture.alive:
        if index >= len(architecture.stem):
            first, second = sorted(architecture.parents[index])
            found.append(_merge(kinds[first], kinds[second], kinds[index]))
    totals = map(sum, zip(*found, strict=True))
    fields = receptive_fields(architecture, SCALE.repeats)
    return np.log([*totals, *fields.values()])


@lru_cache(maxsize=1 << 12)
def _merge(first: Kind, second: Kind, kind: Kind) -> Figures:
    """A block and the connections to it, which cost the same wherever they stand."""
    return _figures(merge(SCALE, SIZE, (first, second), kind))


@lru_cache(maxsize=1 << 10)
def _around(stem: tuple[Block, ...], outputs: tuple[Kind, ...]) -> Figures:
    """All but the blocks that sum others: as in the network that has none but the outputs."""
    ends = [Block(level, kind, (0, len(stem) - 1), output=True) for level, kind in outputs]
    smallest = Architecture(stem, tuple(ends), tuple([level for level, _ in outputs]))
    summed = {str(len(stem) + position) for position in range(len(ends))}
    nodes = Graph(smallest, SCALE, CLASSES, SIZE).nodes
    return _figures([node.piece for node in nodes if node.part not in summed])


def _figures(pieces: Iterable[Piece]) -> Figures:
    found = [(piece.parameters, piece.macs, piece.held.kept) for piece in pieces]
    parameters, macs, kept = map(sum, zip(*found, strict=True))
    return parameters, macs, kept
