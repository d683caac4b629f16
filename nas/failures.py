"""How a run fails, and how it ends when it is interrupted."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from search_space.files import FULL, REFUSED


class RunFailed(RuntimeError):
    """A run that could not do what it was asked: exit code 1. The message is for a person."""


def no_access(error: Exception) -> str | None:
    """The message for a disk that is full or read-only, or a file that this user has no rights to,
    if that is what went wrong."""
    if not isinstance(error, OSError):
        return None
    if error.errno in FULL | {errno.EROFS}:
        return f"{error.filename or 'a file'}: cannot be written: {error.strerror}"
    if error.errno in REFUSED and error.filename:
        return f"{error.filename}: {error.strerror}"
    return None


def no_memory(error: Exception) -> str | None:
    """What to tell where this machine's memory did not do, if that is what went wrong."""
    ours = isinstance(error, MemoryError) or "can't allocate memory" in str(error)
    if not ours:
        return None
    return f"out of memory: {(str(error).splitlines() or [''])[0] or 'no room for more'}"


class Interrupted(RunFailed):
    """The run was asked to end: by Ctrl-C, or by a scheduler that takes its machine back."""


class EngineLost(RunFailed):
    """What trains did not start, or is gone: the run can go on."""


STOPS = (signal.SIGINT, signal.SIGTERM)
"""Asks to stop: the first is obeyed when the books are written, a second one at once."""

_commands: list[str] = []
"""With which the run at hand goes on: the first one's goes on with those inside it too."""
_tellers: list[Callable[[str], None]] = []


@contextmanager
def ending_at_the_second() -> Iterator[None]:
    """Of a command: a second Ctrl-C or SIGTERM ends the process at once, also while the command
    says goodbye to what it had started."""
    known = {n: signal.getsignal(n) for n in STOPS} if _in_main_thread() else {}
    before = {n: handler for n, handler in known.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, _stop)
    atexit.register(_deaf)  # the first of all, so that it is the last that is called
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is _stop:  # none came
                signal.signal(number, handler)


@contextmanager
def interruptible(command: str) -> Iterator[None]:
    """Ctrl-C or SIGTERM inside becomes an Interrupted that names the command to continue with, and
    an EngineLost a RunFailed that does. Within another, that one's command goes on."""
    before: dict[signal.Signals, Any] = {}
    _commands.append(command)
    command = _commands[0]
    if _in_main_thread() and signal.getsignal(signal.SIGINT) not in (_stop, _end_at_once):
        before = {number: signal.getsignal(number) for number in STOPS}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as in a shell's background
                signal.signal(number, _stop)
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(f"interrupted; continue with `{command}`") from stop
    except EngineLost as error:
        raise RunFailed(f"{error}; continue with `{command}`") from error
    finally:
        _commands.pop()
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


@contextmanager
def told_when_leaving(tell: Callable[[str], None]) -> Iterator[None]:
    """Whoever leaves inside calls this with the reason."""
    _tellers.append(tell)
    try:
        yield
    finally:
        _tellers.pop()


def leave(why: str) -> None:
    """End this process from any of its threads, with what an EngineLost would have said."""
    for tell in reversed(_tellers):
        tell(why)
    again = f"; continue with `{_commands[0]}`" if _commands else ""
    _end(f"{why}{again}", 1)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in STOPS:
        signal.signal(each, _end_at_once)
    raise KeyboardInterrupt


def _end_at_once(number: int, frame: FrameType | None) -> None:
    _end("ended at once", 128 + number)  # as a shell says that a signal ended it


def _end(why: str, code: int) -> None:
    """As a kill would: nothing is lost by it. A live table hides the cursor."""
    if os.isatty(1):
        os.write(1, b"\x1b[?25h\n")
    os.write(2, f"nas: {why}\n".encode())
    os._exit(code)


def _deaf() -> None:
    """When all is done: Python's own end, a moment long, would let another signal kill it, and the
    exit code with it."""
    for number in STOPS:
        if signal.getsignal(number) is _end_at_once:
            signal.signal(number, signal.SIG_IGN)


def _in_main_thread() -> bool:
    """Where alone signals arrive."""
    return threading.current_thread() is threading.main_thread()
