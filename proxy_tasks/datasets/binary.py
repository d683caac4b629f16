"""Masks of 0 and 255, in which 255 is an object and not void."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.images import histogram, read_values
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import Pair

LOOKED_AT = 32
_PAIR = {0, IGNORE}

Item = TypeVar("Item")


def some(items: Sequence[Item], number: int = LOOKED_AT) -> list[Item]:
    """So many of them, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(number, len(items))).astype(int)
    return [items[place] for place in places]


def faults(pairs: Sequence[Pair], code: LabelCode) -> list[Fault]:
    """One where nothing but 0 and 255 is in any label map, and 255 is void by default: what is
    left is a single class. All are read only where some have no other value."""
    if not code.own or code.values is not None or code.ignore != (IGNORE,):
        return []
    if not _only_both(some(pairs)) or not _only_both(pairs):
        return []
    first, second = code.classes[:2]
    mend = f"write data.values: {{0: {first}, 255: {second}}}"
    if len(code.classes) > 2:
        mend = f"write data.values with what both mean, as in {{0: {first}, 255: {second}}}"
    what = f"{len(pairs)} label maps hold only 0 and 255, and 255 is void unless you say otherwise"
    return [
        Fault(
            pairs[0].label.parent,
            f"and the like: {what}; {mend}",
            kind="binary",
            mend=mend,
        )
    ]


def _only_both(pairs: Sequence[Pair]) -> bool:
    """Whether both values are there and no other is."""
    seen: set[int] = set()
    for found in _values(pairs):
        seen |= found
        if not seen <= _PAIR:
            return False
    return seen == _PAIR


def _values(pairs: Sequence[Pair]) -> Iterator[set[int]]:
    for pair in pairs:
        try:
            values = read_values(pair.label)
        except Fault:
            continue
        if values.dtype == np.uint8:
            yield {int(value) for value in np.flatnonzero(histogram(values))}
