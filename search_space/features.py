"""What a surrogate model is told of an architecture, instead of genes that have no locality.

Every group is a vector of fixed length; only blocks that are built count. Distances within a group
are comparable, so that a model may weigh one group against another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import (
    ATTRIBUTES,
    BLOCK_TYPES,
    MAX_LEVEL,
    MIN_LEVEL,
    NETWORK_ATTRIBUTES,
    Architecture,
    Block,
    stated_of_network,
)
from search_space.attributes import Attribute
from search_space.backbone import seen_size
from search_space.cost.graph import Graph
from search_space.cost.pieces import Kind, kind_of, merge, of_kind
from search_space.cost.receptive_field import receptive_fields
from search_space.nodes import Size
from search_space.scales import Scale
from search_space.tape import Piece

Features = dict[str, NDArray[np.float64]]
Read = Mapping[int, tuple[int, ...]]
"""For each block that is built, in their order, the blocks that it reads."""
Figures = tuple[int, int, int]
"""Parameters, MACs, and bytes that training keeps of one image for the backward pass."""

LEVELS = MAX_LEVEL - MIN_LEVEL + 1
_TOLD = tuple(each for each in ATTRIBUTES if each.name != "level")
SCALE, CLASSES, SIZE = Scale(), 19, (512, 512)
"""The network and the image that costs are told for: their order hardly depends on these."""


def architecture_features(architecture: Architecture, varied: Collection[str] = ()) -> Features:
    """Groups of numbers:

    ``order``: level of the block at each place, 0 where it is not built; ``types``, ``dilations``
    and those of ``varied`` attributes likewise (see ``numbers``); ``profile``: how many blocks of
    each type and level; ``connections``: how many lead from each level to each; ``dilation`` and
    ``varied`` attributes: mean of each level; ``paths``: of each output the shortest and the
    longest way from the stem and the logarithm of how many there are; ``cost``: logarithms of
    parameters, MACs, the activations that training keeps for the backward pass, and of each
    output's receptive field.
    """
    read = _read(architecture)
    blocks, alive = architecture.all_blocks, list(read)
    level = [block.level - MIN_LEVEL for block in blocks]
    levels = np.array([level[index] for index in alive])
    kinds = np.array([BLOCK_TYPES.index(blocks[index].type) for index in alive])
    told = [each for each in _TOLD if each.original or each.name in varied]
    values = [numbers(each, [getattr(blocks[i], each.name) for i in alive]) for each in told]
    place = np.zeros((1 + len(told), len(blocks)))
    place[:, alive] = levels + 1, *values
    edges = [level[other] * LEVELS + level[index] for index in alive for other in read[index]]
    means = {each.name: _means(levels, x) for each, x in zip(told, values, strict=True)}
    del means["type"]  # the profile has it
    return {
        "order": place[0],
        **{each.plural: row for each, row in zip(told, place[1:], strict=True)},
        "profile": _counts(kinds * LEVELS + levels, len(BLOCK_TYPES) * LEVELS),
        "connections": _counts(edges, LEVELS * LEVELS),
        **means,
        "paths": _paths(architecture, read),
        "cost": _cost(architecture),
    }


def network_features(architecture: Architecture, varied: Collection[str]) -> Features:
    """Of each of the ``varied`` attributes of a whole network its value, see ``numbers``."""
    return {
        each.plural: numbers(each, [getattr(architecture, each.name)])
        for each in NETWORK_ATTRIBUTES
        if each.name in varied
    }


def numbers(attribute: Attribute, values: Sequence[Any]) -> NDArray[np.float64]:
    """Of numbers log2, as they are ratios and counts; words and truths are spread from -1 to 1."""
    if attribute.kind in (int, float):
        return np.asarray(np.log2(values))
    places = np.array([attribute.values.index(value) for value in values])
    return 2 * places / (len(attribute.values) - 1) - 1


def _means(levels: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the values at each level; 0 where there are none."""
    return np.bincount(levels, values, LEVELS) / np.maximum(_counts(levels, LEVELS), 1)


def _read(architecture: Architecture) -> Read:
    return {i: architecture.reads[i] for i in sorted(architecture.alive)}


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
    kinds = [kind_of(block) for block in architecture.all_blocks]
    stem = tuple([block for i, block in enumerate(architecture.stem) if i in architecture.alive])
    outputs = tuple([kinds[index] for index in architecture.output_blocks.values()])
    found = [_around(stem, outputs, tuple(stated_of_network(architecture).items()))]
    size = seen_size(architecture, SIZE)
    for index in architecture.alive:
        if index >= len(architecture.stem):
            first, second = sorted(architecture.parents[index])
            found.append(_merge(size, kinds[first], kinds[second], kinds[index]))
    totals = map(sum, zip(*found, strict=True))
    fields = receptive_fields(architecture, SCALE.repeats)
    return np.log([*totals, *fields.values()])


@lru_cache(maxsize=1 << 12)
def _merge(size: Size, first: Kind, second: Kind, kind: Kind) -> Figures:
    """A block and the connections to it, which cost the same wherever they stand."""
    return _figures(merge(SCALE, size, (first, second), kind))


@lru_cache(maxsize=1 << 10)
def _around(
    stem: tuple[Block, ...], outputs: tuple[Kind, ...], whole: tuple[tuple[str, Any], ...]
) -> Figures:
    """All but the blocks that sum others: as in the network that has none but the outputs."""
    ends = [replace(of_kind(kind), inputs=(0, len(stem) - 1), output=True) for kind in outputs]
    levels = tuple([end.level for end in ends])
    smallest = Architecture(stem, tuple(ends), levels, **dict(whole))
    summed = {str(len(stem) + position) for position in range(len(ends))}
    nodes = Graph(smallest, SCALE, CLASSES, SIZE).nodes
    return _figures([node.piece for node in nodes if node.part not in summed])


def _figures(pieces: Iterable[Piece]) -> Figures:
    found = [(piece.parameters, piece.macs, piece.held.kept) for piece in pieces]
    parameters, macs, kept = map(sum, zip(*found, strict=True))
    return parameters, macs, kept
