"""Clocks for benchmarks.faults: one that steps by hours again and again, or one in the hour that
central Europe has twice. Only the driver's clock is meant: it alone writes a ledger's times.

By libfaketime (Debian's package ``faketime``), which reads an offset from a file.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from search_space.errors import UserError

CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When clocks in central Europe are set from 3:00 to 2:00."""
STEP = 7200
"""Seconds that a clock steps at most, either way."""
BEFORE = 120
"""Seconds before the change at which a leg begins."""
LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")


class Clock:
    """``kind`` is one of CLOCKS; its file lies in ``folder``."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._offset, self._file = CLOCKS[kind], folder / "clock"
        self._kind = kind
        self._set()

    @property
    def environment(self) -> dict[str, str]:
        """Of a process with this clock. Durations are measured as ever."""
        if self._offset is None:
            return {}
        given = {
            "LD_PRELOAD": _library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        return given | ({"TZ": "Europe/Berlin"} if self._kind == "winter" else {})

    def turn(self) -> None:
        """Let it step, where it does; a process that runs sees it within a second."""
        if self._kind == "steps":
            self._set()

    def _set(self) -> None:
        if self._offset is not None:
            self._file.write_text(f"{self._offset():+d}\n")


def _stepped() -> int:
    return random.randint(-STEP, STEP)


def _to_winter() -> int:
    return round((CHANGE - datetime.now(UTC)).total_seconds()) - BEFORE


CLOCKS: dict[str, Callable[[], int] | None] = {
    "right": None,
    "steps": _stepped,
    "winter": _to_winter,
}


def _library() -> str:
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.removeprefix("/"))]
    if not found:
        raise UserError("libfaketime: not found; install Debian's package faketime")
    return str(found[0])
