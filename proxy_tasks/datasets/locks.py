"""Locks between the processes of a machine: files that the system lets go of when a process ends,
however it does. A lock's file may be removed by whoever has it alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_USED = ".{}.used"


def lock_of(pack: Path) -> Path:
    """The lock of whoever makes a pack."""
    return pack.with_name(f".{pack.name}.lock")


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Inside, ``path`` is locked, alone (LOCK_EX) or with others (LOCK_SH); without LOCK_NB after
    waiting for it. OSError where it cannot be made, BlockingIOError for LOCK_NB where others have
    it."""
    while True:
        # Not through a link: that would be a file elsewhere.
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, how)
            if _is_at(file, path):  # and not removed while we waited
                yield
                return
        finally:
            os.close(file)


@contextmanager
def used(pack: Path, *made: Path) -> Iterator[None]:
    """Inside, nobody empties the cache of a pack and of what was ``made`` of it, whose last use is
    now. In a cache that may not be written to nobody does anyway."""
    with ExitStack() as lock:
        with suppress(OSError):
            lock.enter_context(locked(pack.with_name(_USED.format(pack.name)), fcntl.LOCK_SH))
        for each in (pack, *made):
            with suppress(OSError):
                os.utime(each / "meta.json")
        yield


@contextmanager
def unused(pack: Path) -> Iterator[bool]:
    """Whether nobody uses a pack; if so, nobody begins to until the end."""
    path = pack.with_name(_USED.format(pack.name))
    with ExitStack() as locks:
        try:
            locks.enter_context(locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
        path.unlink(missing_ok=True)


def _is_at(file: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), path.stat(follow_symlinks=False))
    return False
