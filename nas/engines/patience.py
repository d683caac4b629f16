"""When a worker counts as hung: its step takes many times as long as those of its peers."""

from __future__ import annotations

import statistics
from collections import deque

LEAST = 120.0
"""Seconds that any step may take: a network disk may stall for that long."""
PEERS = 5
"""Steps that must have been seen before others are judged by them."""


class Patience:
    """The deadline of a step (an epoch, see ProxyTask): ``times`` the median of recent ones."""

    def __init__(self, times: float) -> None:
        self._times = times
        self._taken: deque[float] = deque(maxlen=200)

    def took(self, seconds: float) -> None:
        """A step that ended well."""
        self._taken.append(seconds)

    def limit(self) -> float | None:
        """Seconds, or None while too few steps have been seen."""
        if len(self._taken) < PEERS:
            return None
        return max(LEAST, self._times * statistics.median(self._taken))
