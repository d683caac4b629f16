"""Other specs of the same network: blocks that do not read each other change places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from search_space.architecture import Architecture
from search_space.canonical import canonical_key


def twin(architecture: Architecture, seed: int) -> Architecture:
    """Blocks in another order in which each comes behind its parents; it is the same network, and
    another spec."""
    rng, key = np.random.default_rng(seed), canonical_key(architecture)
    for _ in range(1000):
        other = _shuffled(architecture, rng)
        if other.blocks != architecture.blocks and canonical_key(other) == key:
            return other
    raise AssertionError("found no second spec of this network")


def _shuffled(architecture: Architecture, rng: np.random.Generator) -> Architecture:
    stem = len(architecture.stem)
    new = {index: index for index in range(stem)}
    blocks, waiting = [], list(range(stem, len(architecture.all_blocks)))
    while waiting:
        ready = [i for i in waiting if set(architecture.parents[i]) <= set(new)]
        index = int(rng.choice(ready))
        waiting.remove(index)
        block = architecture.all_blocks[index]
        new[index] = stem + len(blocks)
        blocks.append(replace(block, inputs=tuple(new[parent] for parent in block.inputs[::-1])))
    return replace(architecture, blocks=tuple(blocks))
