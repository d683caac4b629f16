"""Which levels the permuted blocks can take: each base block moves by an offset of -1 to 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from search_space.architecture import MIN_LEVEL

OFFSETS = (-1, 0, 1, 2)
"""Level offsets of SpineNet (arXiv 1912.05027, section 3.1)."""


@dataclass(frozen=True)
class LevelReach:
    """``bases`` are the base levels of the blocks to be placed, rising."""

    bases: tuple[int, ...]
    max_level: int

    def level(self, base: int, choice: int) -> int:
        """The level of a base block with the choice-th offset, kept within the limits."""
        return min(max(self.bases[base] + OFFSETS[choice], MIN_LEVEL), self.max_level)

    def choice(self, base: int, level: int) -> int:
        """The offset's index that takes a base block to a level in its reach."""
        return OFFSETS.index(level - self.bases[base])

    def misfit(self, levels: Sequence[int]) -> int | None:
        """The first position whose level no base block is left for; None if all are served."""
        for (low, high), position in zip(self._ends, self._by_level(levels), strict=True):
            if not low <= levels[position] <= high:
                return position
        return None

    def assign(self, levels: Sequence[int]) -> tuple[int, ...]:
        """For each position the base block that takes its level; the levels must fit.

        Each base reaches an interval of levels, and both ends rise with the base. So if any
        assignment serves all positions, then the one that pairs both in sorted order does.
        """
        assigned = [0] * len(levels)
        for base, position in enumerate(self._by_level(levels)):
            assigned[position] = base
        return tuple(assigned)

    def fits(self, levels: Sequence[int]) -> bool:
        pairs = zip(self._ends, sorted(levels), strict=True)
        return all(low <= level <= high for (low, high), level in pairs)

    @cached_property
    def _ends(self) -> tuple[tuple[int, int], ...]:
        """Of each base block the lowest and the highest level in its reach."""
        return tuple((self.level(base, 0), self.level(base, -1)) for base in range(len(self.bases)))

    @staticmethod
    def _by_level(levels: Sequence[int]) -> list[int]:
        return sorted(range(len(levels)), key=levels.__getitem__)
