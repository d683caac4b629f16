"""How a run ends badly, and what to do with a job that crashed: once more, or stop."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from nas.engines.base import Crash, Trouble
from search_space.files import FULL

ATTEMPTS = 3
IN_A_ROW = 5
"""Jobs given up with no outcome between them: then it is the machines, and the search stops."""


class RunFailed(RuntimeError):
    """A run that could not do what it was asked: exit code 1. The message is for a person."""


def no_room(error: Exception) -> str | None:
    """What to tell of a disk that is full or read-only, if that is what went wrong."""
    if not isinstance(error, OSError) or error.errno not in FULL | {errno.EROFS}:
        return None
    return f"{error.filename or 'a file'}: cannot be written: {error.strerror}"


class BugError(RunFailed):
    """The same exception came three times: no machine's fault. The message has the traceback."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(f"{crash.traceback}\nthe same exception three times: {crash.error}")


class MachinesError(RunFailed):
    """One job after the other is given up on: going on would use up the budget for nothing."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(
            f"{IN_A_ROW} trainings in a row were given up on, the last as {crash.error};"
            " see to the machines, then go on with --resume"
        )


class Interrupted(RunFailed):
    """Somebody wanted it to end: Ctrl-C, or a scheduler that takes its machine back."""


STOPS = (signal.SIGINT, signal.SIGTERM)
"""Asks to stop: the first is obeyed when the books are written, a second one at once."""


@contextmanager
def interruptible(command: str) -> Iterator[None]:
    """Ctrl-C or SIGTERM inside becomes an Interrupted that names the command to go on with."""
    before: dict[signal.Signals, Any] = {}
    if _in_main_thread() and signal.getsignal(signal.SIGINT) not in (_stop, _end_at_once):
        before = {number: signal.getsignal(number) for number in STOPS}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as in a shell's background
                signal.signal(number, _stop)
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(f"interrupted; `{command}` goes on") from stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Books are finished first: a Ctrl-C that comes inside takes effect at the end."""
    if not _in_main_thread():
        yield
        return
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        if caught:
            _end_at_once(number, frame)
        caught.append(number)

    before = {number: signal.signal(number, catch) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        signal.raise_signal(caught[0])


def _stop(number: int, frame: FrameType | None) -> None:
    for each in STOPS:
        signal.signal(each, _end_at_once)
    raise KeyboardInterrupt


def _end_at_once(number: int, frame: FrameType | None) -> None:
    """As a kill would: nothing is lost by it. A live table hides the cursor."""
    if os.isatty(1):
        os.write(1, b"\x1b[?25h\n")
    os.write(2, b"nas: ended at once\n")
    os._exit(1)


def _in_main_thread() -> bool:
    """Where alone signals arrive."""
    return threading.current_thread() is threading.main_thread()


class Retries:
    """Counts crashes: of lost and hung workers and full disks by job, of exceptions by message. A
    job that ran out of memory while sharing comes again as often as its share grows."""

    def __init__(self) -> None:
        self._lost: Counter[int] = Counter()
        self._raised: Counter[str] = Counter()
        self._given_up = 0

    def again(self, number: int, crash: Crash) -> bool:
        """Whether to run the job once more: False after its third lost or hung worker, or full
        disk.

        Raises:
            BugError: at the third exception of the same message, whatever the job.
            MachinesError: when one job after the other is given up on.
        """
        if crash.trouble is Trouble.CROWDED:
            return True
        if crash.trouble is Trouble.BUG:
            self._raised[crash.error] += 1
            if self._raised[crash.error] >= ATTEMPTS:
                raise BugError(crash)
            return True
        self._lost[number] += 1
        if self._lost[number] < ATTEMPTS:
            return True
        self._given_up += 1
        if self._given_up >= IN_A_ROW:
            raise MachinesError(crash)
        return False

    def worked(self) -> None:
        """A job had an outcome: the machines are well."""
        self._given_up = 0
