"""Whether a command works on a run: it holds a lock there, which the system takes back when its
process ends, however that comes.

Beside the lock stands with which command an interrupted one goes on. Runs of earlier releases have
no such file, and nor has one whose last command came to its end.
"""

from __future__ import annotations

import fcntl
import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from proxy_tasks.datasets.locks import locked
from search_space.printable import one_line

FILE = "at-work"
_GOING_ON = ("search", "promote", "audit", "pretrain")
_LONGEST = 4096
"""Bytes of a command."""
_TRIES, _MOMENT = 5, 0.01
"""How often, and after how many seconds, a lock is asked for that a reader may hold."""


@dataclass(frozen=True)
class AtWork:
    """``working``: a process does; else it was interrupted, and ``command`` goes on."""

    working: bool
    command: str


@contextmanager
def at_work(folder: Path, command: str) -> Iterator[None]:
    """While inside, ``found`` says that this process works on the run. Of several that do, the
    first one's command stands. Where no lock can be had, nothing is said."""
    path = folder / FILE
    with ExitStack() as lock:
        with suppress(OSError), locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            path.write_text(command)
        with suppress(OSError):
            lock.enter_context(locked(path, fcntl.LOCK_SH))
        yield
    _forget(path)


def _forget(path: Path) -> None:
    """Unless others work there; readers hold the lock for a moment."""
    for _ in range(_TRIES):
        try:
            with locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
                path.unlink()
        except BlockingIOError:
            time.sleep(_MOMENT)
        except OSError:
            return
        else:
            return


def found(folder: Path) -> AtWork | None:
    """None where nothing is said. A lock is held for a moment, and nothing written."""
    path = folder / FILE
    if path.is_symlink() or not path.is_file():
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

