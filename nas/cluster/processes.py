"""Processes of this machine by session: one that was started in a session of its own can be ended
with all its children, by their ids, and nothing else with it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable

GRACE = 20.0
"""Seconds that a raylet gets to drain."""


def started(process: int) -> str | None:
    """When it was started, as ``ps`` writes it, which tells it from a later one with its number;
    None when it is gone."""
    found = subprocess.run(
        ["ps", "-o", "lstart=,stat=", "-p", str(process)], capture_output=True, text=True
    )
    *when, state = found.stdout.split() or ("Z",)
    return None if state.startswith("Z") else " ".join(when)


def of_session(leader: int) -> list[int]:
    """Every process of the leader's session, itself included, dead ones that nobody waited for
    not."""
    found = subprocess.run(["ps", "-axo", "pid=,stat="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in found.stdout.splitlines()]
    alive = [int(number) for number, state, *_ in rows if not state.startswith("Z")]
    return [process for process in alive if _session(process) == leader]


def end(leaders: Iterable[int]) -> None:
    """The leaders are asked to stop; what is left of their sessions is killed."""
    leaders = list(leaders)
    for leader in leaders:
        send(leader, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while _left(leaders) and time.monotonic() < deadline:
        time.sleep(0.2)
    while left := _left(leaders):
        for process in left:
            send(process, signal.SIGKILL)
        time.sleep(0.1)


def _left(leaders: list[int]) -> list[int]:
    return [process for leader in leaders for process in of_session(leader)]


def _session(process: int) -> int | None:
    try:
        return os.getsid(process)
    except (ProcessLookupError, PermissionError):
        return None


def send(process: int, number: signal.Signals) -> None:
    """To a process that may be gone."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return
