"""Whether a command works on a run: it holds a lock there, which the system takes back when its
process ends, however that comes.

Beside the lock stands with which command an interrupted one goes on. Runs of earlier releases have
no such file, and nor has one whose last command came to its end.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from search_space.printable import one_line

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = "at-work"
_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
_GOING_ON = ("search", "promote", "audit", "pretrain")
_LONGEST = 4096
"""Bytes of a command."""


@dataclass(frozen=True)
class AtWork:
    """``working``: a process does; else it was interrupted, and ``command`` goes on."""

    working: bool
    command: str


@contextmanager
def at_work(folder: Path, command: str) -> Iterator[None]:
    """While inside, ``found`` says that this process works on the run. Of several that do, the
    first one's command stands. Where no lock can be had, nothing is said."""
    file = _opened(folder / FILE)
    if file is None:
        yield
        return
    try:
        if _alone(file):
            os.ftruncate(file, 0)
            os.write(file, command.encode())
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
        if _alone(file):
            (folder / FILE).unlink(missing_ok=True)
    finally:
        os.close(file)


def found(folder: Path) -> AtWork | None:
    """None where nothing is said. A lock is held for a moment, and nothing written."""
    path = folder / FILE
    if fcntl is None or path.is_symlink() or not path.is_file():
        return None
    with suppress(OSError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            working = False
        except BlockingIOError:
            working = True
        return AtWork(working, _ours(file.read(_LONGEST).decode(errors="replace")))
    return None


def _ours(command: str) -> str:
    """Quoted anew, since people paste it and a run may come from elsewhere; empty where it is none
    of those that go on with a run."""
    try:
        words = shlex.split(one_line(command))
    except ValueError:
        return ""
    return shlex.join(words) if tuple(words[:2]) in {("nas", name) for name in _GOING_ON} else ""


def _opened(path: Path) -> int | None:
    """None where no lock can be had: a read-only folder, a file system without."""
    if fcntl is None:
        return None
    with suppress(OSError):
        file = os.open(path, _OPEN, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
        except OSError:
            os.close(file)
            raise
        return file
    return None


def _alone(file: int) -> bool:
    """Whether no other process works there; if so, the lock keeps others out."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
