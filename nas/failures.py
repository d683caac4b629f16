"""How a run ends badly, and what to do with a job that crashed: once more, or stop."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from nas.engines.base import Crash

ATTEMPTS = 3


class RunFailed(RuntimeError):
    """A run that could not do what it was asked: exit code 1. The message is for a person."""


class BugError(RunFailed):
    """The same exception came three times: no machine's fault. The message has the traceback."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(f"{crash.traceback}\nthe same exception three times: {crash.error}")


@contextmanager
def interruptible(command: str) -> Iterator[None]:
    """Ctrl-C inside becomes a RunFailed that names the command to go on with."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise RunFailed(f"interrupted; `{command}` goes on") from stop


@contextmanager
def shielded() -> Iterator[None]:
    """Books are finished first: a Ctrl-C that comes inside takes effect at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals arrive in the main thread alone
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


class Retries:
    """Counts crashes, by job for lost workers and by message for exceptions."""

    def __init__(self) -> None:
        self._lost: Counter[int] = Counter()
        self._raised: Counter[str] = Counter()

    def again(self, number: int, crash: Crash) -> bool:
        """Whether to run the job once more: False after its third lost worker.

        Raises:
            BugError: at the third exception of the same message, whatever the job.
        """
        if not crash.traceback:
            self._lost[number] += 1
            return self._lost[number] < ATTEMPTS
        self._raised[crash.error] += 1
        if self._raised[crash.error] >= ATTEMPTS:
            raise BugError(crash)
        return True
