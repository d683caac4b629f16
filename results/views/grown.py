"""Rows of numbers, one a trial, kept for the next look: a run mostly grows at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class GrownRows:
    """An array whose rows belong to trials. What a row holds must never change."""

    def __init__(self, kind: type[float] | type[int]) -> None:
        self._kind = kind
        self._numbers: list[int] = []
        self._rows: NDArray[Any] = np.empty((0, 0), kind)

    def of(self, numbers: Sequence[int], row: Callable[[int], Sequence[Any]]) -> NDArray[Any]:
        """The rows of these trials, not to be written to. ``row`` is asked for those that follow
        on the ones of the last call; for all where the order is another. None becomes NaN."""
        known = len(self._numbers)
        kept = known if list(numbers[:known]) == self._numbers else 0
        fresh = np.array([row(number) for number in numbers[kept:]], self._kind)
        if not kept:
            self._rows = fresh
        elif len(fresh):
            self._rows = np.concatenate([self._rows, fresh])
        self._numbers = list(numbers)
        self._rows.flags.writeable = False
        return self._rows
