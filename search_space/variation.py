"""Mutation and crossover on decoded architectures, since Lehmer codes have no locality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from search_space.architecture import ATTRIBUTES, MIN_LEVEL, Architecture, Block
from search_space.level_reach import LevelReach
from search_space.offers import Offers

T = TypeVar("T")
Blocks = tuple[Block, ...]


@dataclass(frozen=True)
class Variation:
    """Neighbours and mixtures that stay in the space; ``reach`` says which levels do, and
    ``offers`` which values of the other attributes, and ``network`` those of the whole network;
    ``settled`` brings a block whose level changed
    to what the space offers there, and
    ``first`` says from which id on the block at a place behind the stem may read."""

    reach: LevelReach
    offers: Offers
    network: Offers
    settled: Callable[[Block], Block]
    first: Callable[[int], int]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """One change to one block or to a pair: uniformly among the possible are drawn its kind,
        then the block or the pair, then what it changes to.

        Kinds: swap two intermediate blocks or two output blocks (their wiring stays in place),
        rewire one parent, change a level, or one of the other attributes, or one of the whole
        network. A change to
        blocks that are never built leaves the network and its key as they are: about one change
        in nine in the default space.
        """
        kinds: list[Callable[[Architecture, np.random.Generator], Blocks | None]] = [
            self._swap_intermediates,
            self._swap_outputs,
            self._rewire,
            self._change_level,
            *[partial(self._exchange, name, values) for name, values in self.offers.items()],
        ]
        # The first possible one in a random order is a uniform draw among the possible.
        for kind in rng.permutation(len(kinds) + len(self.network)):
            if kind >= len(kinds):
                name = [*self.network][kind - len(kinds)]
                others = [v for v in self.network[name] if v != getattr(architecture, name)]
                return replace(architecture, **{name: _choose(others, rng)})
            if blocks := kinds[kind](architecture, rng):
                return replace(architecture, blocks=tuple(map(self.settled, blocks)))
        raise AssertionError("a block's type can always change")

    def cross(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Blocks of ``a`` before a random position and of ``b`` after it, or from either by coin.

        A block brings its wiring and all that it is. It brings its level too, unless the levels
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
        blocks = [
            self.settled(block if block.level == level else replace(block, level=level))
            for block, level in zip(mixed, levels, strict=True)
        ]
        either = {name: getattr(b if rng.integers(2) else a, name) for name in self.network}
        return replace(a, blocks=tuple(blocks), **either)

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

    def _swap_intermediates(
        self, architecture: Architecture, rng: np.random.Generator
    ) -> Blocks | None:
        return _swap(architecture.blocks, range(len(self.reach.bases)), rng)

    def _swap_outputs(self, architecture: Architecture, rng: np.random.Generator) -> Blocks | None:
        blocks = architecture.blocks
        return _swap(blocks, range(len(self.reach.bases), len(blocks)), rng)

    def _rewire(self, architecture: Architecture, rng: np.random.Generator) -> Blocks | None:
        stem, blocks = len(architecture.stem), architecture.blocks

        def pairs(position: int) -> list[tuple[int, ...]]:
            old = blocks[position].inputs
            reads = range(self.first(position), stem + position)
            new = [other for other in reads if other not in old]
            return [tuple(sorted((kept, other))) for kept in old for other in new]

        return _change(blocks, "inputs", pairs, len(blocks), rng)

    def _change_level(self, architecture: Architecture, rng: np.random.Generator) -> Blocks | None:
        levels = _levels(architecture)[: len(self.reach.bases)]

        def others(position: int) -> list[int]:
            return [
                new
                for new in range(MIN_LEVEL, self.reach.max_level + 1)
                if new != levels[position] and self.reach.fits(_put(levels, position, new))
            ]

        return _change(architecture.blocks, "level", others, len(levels), rng)

    def _exchange(
        self,
        name: str,
        values: Sequence[object],
        architecture: Architecture,
        rng: np.random.Generator,
    ) -> Blocks | None:
        """An attribute's value in one block becomes another of ``values``."""
        blocks = architecture.blocks

        def others(position: int) -> list[object]:
            block = blocks[position]
            changed = ((value, _with(block, name, value)) for value in values)
            return [value for value, other in changed if self.settled(other) != block]

        return _change(blocks, name, others, len(blocks), rng)


def _choose(options: Sequence[T], rng: np.random.Generator) -> T:
    return options[int(rng.integers(len(options)))]


def _levels(architecture: Architecture) -> list[int]:
    return [block.level for block in architecture.blocks]


def _put(levels: Sequence[int], position: int, level: int) -> list[int]:
    return [*levels[:position], level, *levels[position + 1 :]]


def _change(
    blocks: Blocks,
    name: str,
    options: Callable[[int], Sequence[object]],
    count: int,
    rng: np.random.Generator,
) -> Blocks | None:
    """A new value for an attribute of one of the first ``count`` blocks; None if none has one.

    ``options`` lists the new values for a position. The block is the first in a random order
    that has any, a uniform draw among those that have.
    """
    for position in rng.permutation(count).tolist():
        if values := options(position):
            changed = _with(blocks[position], name, _choose(values, rng))
            return (*blocks[:position], changed, *blocks[position + 1 :])
    return None


def _with(block: Block, name: str, value: Any) -> Block:
    return replace(block, **{name: value})


def _swap(blocks: Blocks, positions: range, rng: np.random.Generator) -> Blocks | None:
    """Exchange all but the wiring of two blocks, where that makes a difference."""
    natures = [_nature(block) for block in blocks]
    pairs = [pair for pair in combinations(positions, 2) if natures[pair[0]] != natures[pair[1]]]
    if not pairs:
        return None
    first, second = _choose(pairs, rng)
    swapped = list(blocks)
    swapped[first] = replace(blocks[second], inputs=blocks[first].inputs)
    swapped[second] = replace(blocks[first], inputs=blocks[second].inputs)
    return tuple(swapped)


_nature = attrgetter(*[each.name for each in ATTRIBUTES])
"""All of a block but its wiring."""


def _mixed_order(a: Sequence[int], b: Sequence[int], from_b: Sequence[bool]) -> list[int]:
    """Order crossover (Davis 1985): a's places where kept, the rest in b's order."""
    kept = [level for level, take in zip(a, from_b, strict=True) if not take]
    rest = iter([level for level in b if level not in kept])
    return [next(rest) if take else level for level, take in zip(a, from_b, strict=True)]
