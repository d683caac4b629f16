"""Sees that the Ray that we run on is gone, before Ray ends our process over it without a word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nas.failures import EngineLost, leave

LOOKS_EVERY = 1.0
"""Seconds."""
REACHED_WITHIN = 5.0
"""Seconds that a node may take to answer."""
MISSES = 3
"""Looks in a row that find it gone: one may be a moment's trouble."""
LEAVES_WITHIN = 40.0
"""Seconds that the search has to end in order. Ray ends its process 60 s after the control service
is gone."""
GONE = "Ray is gone: its control service, or the node of the search, died"

_kept: list[Vigil] = []


class Vigil:
    """``alive`` is asked again and again, in a thread of its own."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        self._alive = alive
        self._over = threading.Event()
        self._gone = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def end(self) -> None:
        self._over.set()

    def _look(self) -> None:
        while self._alive():
            if self._over.wait(LOOKS_EVERY):
                return
        self._gone.set()
        if not self._over.wait(LEAVES_WITHIN):
            leave(GONE)


@contextmanager
def kept(alive: Callable[[], bool]) -> Iterator[None]:
    """While inside, ``check`` raises EngineLost once this is not so. Where nobody asks in time, as
    in the midst of something long, the process is ended with the same words."""
    vigil = Vigil(alive)
    _kept.append(vigil)
    try:
        yield
    finally:
        _kept.remove(vigil)
        vigil.end()


def check() -> None:
    """Raises EngineLost where what we run on is gone."""
    if any(vigil.gone for vigil in _kept):
        raise EngineLost(GONE)


def reachable(*addresses: tuple[str, int]) -> Callable[[], bool]:
    """Whether all of them take a connection, now or at one of the last looks."""
    missed = 0

    def look() -> bool:
        nonlocal missed
        missed = 0 if all(map(_answers, addresses)) else missed + 1
        return missed < MISSES

    return look


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, REACHED_WITHIN).close()
    except OSError:
        return False
    return True
