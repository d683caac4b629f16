"""What a surrogate is told of blocks on an encoder."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import (
    ATTRIBUTES,
    BLOCK_TYPES,
    MAX_LEVEL,
    MIN_LEVEL,
    Architecture,
)
from search_space.attributes import Attribute
from search_space.cost.network import cost
from search_space.features import CLASSES, SCALE, SIZE, numbers

Floats = NDArray[np.float64]
LEVELS = MAX_LEVEL - MIN_LEVEL + 1


def spine_features(
    architecture: Architecture,
    places: int,
    output_levels: Sequence[int],
    varied: Collection[str] = (),
) -> dict[str, Floats]:
    """Groups of numbers, of an architecture with at most so many ``places`` for blocks:

    ``order``: level of the block at each place, 0 where none is built; ``types``, ``dilations``
    and those of ``varied`` attributes likewise; ``profile``: how many blocks of each type and
    level; ``connections``: how many lead from each level of the encoder, and of the spine, to each;
    ``reads``: of each of ``output_levels`` 0 where the head does not read it, -1 where it reads the
    encoder's map, 1 where it reads a block's; ``cost``: logarithms of parameters, MACs and the
    activations that training keeps.
    """
    stem, blocks = len(architecture.stem), architecture.all_blocks
    built = [index for index in sorted(architecture.alive) if index >= stem]
    told = [each for each in ATTRIBUTES if each.name != "level"]
    told = [each for each in told if each.original or each.name in varied]
    place = np.zeros((1 + len(told), places))
    level = {index: block.level - MIN_LEVEL for index, block in enumerate(blocks)}
    filled = [index - stem for index in built]
    place[0, filled] = [level[index] + 1 for index in built]
    for row, each in enumerate(told, start=1):
        place[row, filled] = _values(each, architecture, built)
    return {
        "order": place[0],
        **{each.plural: row for each, row in zip(told, place[1:], strict=True)},
        "profile": _profile(architecture, built),
        "connections": _connections(architecture, built),
        "reads": _reads(architecture, output_levels),
        "cost": _cost(architecture),
    }


def _values(attribute: Attribute, architecture: Architecture, built: Sequence[int]) -> Floats:
    if not built:
        return np.zeros(0)
    return numbers(attribute, [getattr(architecture.all_blocks[i], attribute.name) for i in built])


def _profile(architecture: Architecture, built: Sequence[int]) -> Floats:
    counts = np.zeros((len(BLOCK_TYPES), LEVELS))
    for index in built:
        block = architecture.all_blocks[index]
        counts[BLOCK_TYPES.index(block.type), block.level - MIN_LEVEL] += 1
    return counts.ravel()


def _connections(architecture: Architecture, built: Sequence[int]) -> Floats:
    blocks, stem = architecture.all_blocks, len(architecture.stem)
    counts = np.zeros((2, LEVELS, LEVELS))
    for index in built:
        for other in architecture.reads[index]:
            ends = blocks[other].level - MIN_LEVEL, blocks[index].level - MIN_LEVEL
            counts[(int(other >= stem), *ends)] += 1
    return counts.ravel()


def _reads(architecture: Architecture, output_levels: Sequence[int]) -> Floats:
    stem, read = len(architecture.stem), architecture.output_blocks
    sources = {level: 1.0 if index >= stem else -1.0 for level, index in read.items()}
    return np.array([sources.get(level, 0.0) for level in output_levels])


def _cost(architecture: Architecture) -> Floats:
    known = cost(architecture, SCALE, CLASSES, SIZE)
    return np.log([known.parameters, known.macs, known.activations])
