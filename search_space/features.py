"""What a surrogate model is told of an architecture, instead of genes that have no locality.

Every group is a vector of fixed length; only blocks that are built count. Distances within a group
are comparable, so that a model may weigh one group against another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import BLOCK_TYPES, MAX_LEVEL, MIN_LEVEL, Architecture
from search_space.cost import cost
from search_space.scales import Scale

Features = dict[str, NDArray[np.float64]]

LEVELS = MAX_LEVEL - MIN_LEVEL + 1
SIZE = (512, 512)
"""Pixels of the image that costs are told for: their order hardly depends on it."""


def architecture_features(architecture: Architecture) -> Features:
    """Groups of numbers:

    ``order``: level of the block at each place, 0 where it is not built; ``types`` and
    ``dilations`` likewise (log2 of the ratio); ``profile``: how many blocks of each type and
    level; ``connections``: how many lead from each level to each; ``dilation``: mean log2 ratio of
    each level; ``paths``: of each output the shortest and the longest way from the stem and the
    logarithm of how many there are; ``cost``: logarithms of parameters, MACs, memory and of each
    output's receptive field.
    """
    alive = sorted(architecture.alive)
    blocks = architecture.all_blocks
    place = np.zeros((3, len(blocks)))
    profile = np.zeros((len(BLOCK_TYPES), LEVELS))
    dilation = np.zeros(LEVELS)
    connections = np.zeros((LEVELS, LEVELS))
    for index in alive:
        block = blocks[index]
        level, kind = block.level - MIN_LEVEL, BLOCK_TYPES.index(block.type)
        place[:, index] = level + 1, 2 * kind - 1, np.log2(block.dilation)
        profile[kind, level] += 1
        dilation[level] += np.log2(block.dilation)
        for parent in _read(architecture, index):
            connections[blocks[parent].level - MIN_LEVEL, level] += 1
    return {
        "order": place[0],
        "types": place[1],
        "dilations": place[2],
        "profile": profile.ravel(),
        "connections": connections.ravel(),
        "dilation": dilation / np.maximum(profile.sum(0), 1),
        "paths": _paths(architecture, alive),
        "cost": _cost(architecture),
    }


def _read(architecture: Architecture, index: int) -> tuple[int, ...]:
    return (*architecture.parents[index], *architecture.absorbed.get(index, ()))


def _paths(architecture: Architecture, alive: list[int]) -> NDArray[np.float64]:
    """(shortest, longest, log of the number) of each output's ways from block 0."""
    ways = {0: (0.0, 0.0, 1.0)}
    for index in alive[1:]:
        shortest, longest, count = zip(*(ways[i] for i in _read(architecture, index)), strict=True)
        ways[index] = (min(shortest) + 1, max(longest) + 1, sum(count))
    found = np.array([ways[index] for index in architecture.output_blocks.values()])
    found[:, 2] = np.log(found[:, 2])
    return np.asarray(found.ravel())


def _cost(architecture: Architecture) -> NDArray[np.float64]:
    found = cost(architecture, Scale(), 19, SIZE)
    totals = (found.parameters, found.macs, found.activations)
    return np.log([*totals, *found.receptive_fields.values()])
