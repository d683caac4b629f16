"""Mutation and crossover on decoded architectures, since Lehmer codes have no locality."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar

import numpy as np

from search_space.architecture import BLOCK_TYPES, MIN_LEVEL, Architecture, Block
from search_space.level_reach import LevelReach

T = TypeVar("T")
Blocks = tuple[Block, ...]
Neighbours = list[list[Blocks]]
"""The results of one kind of mutation, one list for each block that it can change."""


@dataclass(frozen=True)
class Variation:
    """Neighbours and mixtures that stay in the space; ``reach`` says which levels do."""

    reach: LevelReach
    dilations: tuple[int, ...]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """One change to one block or to a pair; its kind is drawn uniformly among the possible.

        Kinds: swap two intermediate blocks or two output blocks (their wiring stays in place),
        rewire one parent, change a level, a type or a dilation. A change to
        blocks that are never built leaves the network and its key as they are: about one change
        in nine in the default space.
        """
        kinds: list[Callable[[Architecture], Neighbours]] = [
            self._swaps_of_intermediates,
            self._swaps_of_outputs,
            self._rewirings,
            self._levels,
            self._types,
            self._dilations,
        ]
        for kind in rng.permutation(len(kinds)):
            if neighbours := kinds[kind](architecture):
                blocks = _choose(_choose(neighbours, rng), rng)
                return replace(architecture, blocks=blocks)
        raise AssertionError("a block's type can always change")

    def cross(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Blocks of ``a`` before a random position and of ``b`` after it, or from either by coin.

        A block brings its wiring, type and dilation. It brings its level too, unless the levels
        of the mixture then lie outside of the space.
        """
        size = len(a.blocks)
        if rng.integers(2):
            cut = int(rng.integers(1, size))
            from_b = [position >= cut for position in range(size)]
        else:
            from_b = rng.integers(2, size=size).astype(bool).tolist()
        mixed = [y if take else x for x, y, take in zip(a.blocks, b.blocks, from_b, strict=True)]
        count = len(self.reach.bases)
        levels = self._mixed_levels(_levels(a)[:count], _levels(b)[:count], from_b[:count])
        levels += _mixed_order(_levels(a)[count:], _levels(b)[count:], from_b[count:])
        blocks = (replace(block, level=lv) for block, lv in zip(mixed, levels, strict=True))
        return replace(a, blocks=tuple(blocks))

    def _mixed_levels(
        self, a: Sequence[int], b: Sequence[int], from_b: Sequence[bool]
    ) -> list[int]:
        wanted = [y if take else x for x, y, take in zip(a, b, from_b, strict=True)]
        if self.reach.fits(wanted):
            return wanted
        levels = list(a)
        for position, level in enumerate(wanted):
            if self.reach.fits(tried := _put(levels, position, level)):
                levels = tried
        return levels

    def _swaps_of_intermediates(self, architecture: Architecture) -> Neighbours:
        return _swaps(architecture.blocks, range(len(self.reach.bases)))

    def _swaps_of_outputs(self, architecture: Architecture) -> Neighbours:
        blocks = architecture.blocks
        return _swaps(blocks, range(len(self.reach.bases), len(blocks)))

    def _rewirings(self, architecture: Architecture) -> Neighbours:
        stem, blocks = len(architecture.stem), architecture.blocks
        found: list[list[Blocks]] = []
        for position, block in enumerate(blocks):
            new = [other for other in range(stem + position) if other not in block.inputs]
            pairs = [tuple(sorted((kept, other))) for kept in block.inputs for other in new]
            found.append([_change(blocks, position, inputs=pair) for pair in pairs])
        return _not_empty(found)

    def _levels(self, architecture: Architecture) -> Neighbours:
        blocks = architecture.blocks
        levels = _levels(architecture)[: len(self.reach.bases)]
        return _not_empty(
            [
                _change(blocks, position, level=new)
                for new in range(MIN_LEVEL, self.reach.max_level + 1)
                if new != old and self.reach.fits(_put(levels, position, new))
            ]
            for position, old in enumerate(levels)
        )

    def _types(self, architecture: Architecture) -> Neighbours:
        return _alternatives(architecture.blocks, "type", BLOCK_TYPES)

    def _dilations(self, architecture: Architecture) -> Neighbours:
        return _alternatives(architecture.blocks, "dilation", self.dilations)


def _choose(options: Sequence[T], rng: np.random.Generator) -> T:
    return options[int(rng.integers(len(options)))]


def _not_empty(found: Iterable[list[Blocks]]) -> Neighbours:
    return [options for options in found if options]


def _levels(architecture: Architecture) -> list[int]:
    return [block.level for block in architecture.blocks]


def _put(levels: Sequence[int], position: int, level: int) -> list[int]:
    return [*levels[:position], level, *levels[position + 1 :]]


def _change(blocks: Blocks, position: int, **values: object) -> Blocks:
    changed = replace(blocks[position], **values)  # type: ignore[arg-type]
    return (*blocks[:position], changed, *blocks[position + 1 :])


def _alternatives(blocks: Blocks, name: str, values: Sequence[object]) -> Neighbours:
    return _not_empty(
        [
            _change(blocks, position, **{name: value})
            for value in values
            if value != getattr(block, name)
        ]
        for position, block in enumerate(blocks)
    )


def _swaps(blocks: Blocks, positions: range) -> Neighbours:
    """Exchange all but the wiring of two blocks, where that makes a difference."""
    pairs = [
        (first, second)
        for first, second in combinations(positions, 2)
        if _nature(blocks[first]) != _nature(blocks[second])
    ]
    return [[_swap(blocks, *pair)] for pair in pairs]


def _nature(block: Block) -> tuple[int, str, int]:
    return (block.level, block.type, block.dilation)


def _swap(blocks: Blocks, first: int, second: int) -> Blocks:
    swapped = list(blocks)
    swapped[first] = replace(blocks[second], inputs=blocks[first].inputs)
    swapped[second] = replace(blocks[first], inputs=blocks[second].inputs)
    return tuple(swapped)


def _mixed_order(a: Sequence[int], b: Sequence[int], from_b: Sequence[bool]) -> list[int]:
    """Order crossover (Davis 1985): a's places where kept, the rest in b's order."""
    kept = [level for level, take in zip(a, from_b, strict=True) if not take]
    rest = iter([level for level in b if level not in kept])
    return [next(rest) if take else level for level, take in zip(a, from_b, strict=True)]
