"""The journal file under a ledger: one writer, any number of readers that never lock or write.

Optuna appends one JSON line per operation and skips a last line without its newline. What it
leaves to us: a writer killed in mid-write leaves such a line, and the next append would be glued
to it; and a killed writer leaves Optuna's lock file behind, which stalls the next one for 30 s.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from optuna.storages.journal import JournalFileBackend

from results.store import BEING_WRITTEN, NoLedgerError
from search_space.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: the one-writer rule is then up to the user
    fcntl = None  # type: ignore[assignment]

LOCK_PATIENCE = 1.0
"""Seconds that another tool's lock may last; Optuna holds it for a single append."""


class JournalWriter(JournalFileBackend):
    """Appends to a journal, and can gather the lines of several operations into one write."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._gathered: list[dict[str, Any]] | None = None

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        if self._gathered is None:
            self._append(logs)
        else:
            self._gathered.extend(logs)

    @contextmanager
    def one_write(self) -> Iterator[None]:
        """What is appended inside reaches the disk in one write at the end.

        Nothing is written if the body raises.
        """
        gathered: list[dict[str, Any]] = []
        self._gathered = gathered
        try:
            yield
        finally:
            self._gathered = None
        if gathered:
            self._append(gathered)

    def _append(self, logs: list[dict[str, Any]]) -> None:
        """All of it, or nothing: a disk that fills up takes a part of what it is given."""
        whole = os.path.getsize(self._path)
        try:
            super().append_logs(logs)
        except OSError:
            with suppress(OSError):  # else the next writer cuts it off
                os.truncate(self._path, whole)
            raise


class JournalReader(JournalFileBackend):
    """Reads a journal, live or not. The file must exist."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise PermissionError("this ledger was opened for reading only")


def check_is_journal(path: Path) -> None:
    """Raise UserError unless the file is there, readable, and begins like an Optuna journal."""
    try:
        with path.open("rb") as file:
            first = file.readline(1 << 20)
    except FileNotFoundError:
        raise NoLedgerError(f"{path}: no ledger there; give the path of an existing run") from None
    except OSError as error:
        raise UserError(f"{path}: the ledger cannot be read: {error.strerror}") from None
    with suppress(ValueError):
        record = json.loads(first)
        if isinstance(record, dict) and {"op_code", "worker_id"} <= set(record):
            return
    raise UserError(f"{path}: not a ledger; give the path of a run's ledger.journal")


def claim(path: Path, named: Path | None = None) -> BinaryIO:
    """Become the one writer until the returned file is closed, or this process dies.

    Args:
        named: what errors speak of, where that is not the file that is locked.

    Raises:
        UserError: if another process writes this ledger, or the file is not writable.
    """
    label = named or path
    try:
        file = path.open("rb+")
    except OSError as error:
        raise UserError(f"{label}: the ledger cannot be written: {error.strerror}") from None
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(f"{label}: {BEING_WRITTEN}") from None
    except OSError:
        pass  # a file system without locks: as on Windows
    return file


def repair(path: Path, file: BinaryIO) -> None:
    """Undo what a killed writer left: its lock file, and a last line that it did not finish.

    Call as the one writer, on a file that ``check_is_journal`` accepted.
    """
    _break_stale_lock(path.with_name(path.name + ".lock"))
    end = _end_of_last_line(file)
    if end < file.seek(0, os.SEEK_END):
        file.truncate(end)
        file.flush()
        os.fsync(file.fileno())


def _break_stale_lock(lock: Path) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE
    while os.path.lexists(lock):
        if time.monotonic() > deadline:
            lock.unlink(missing_ok=True)
            return
        time.sleep(0.02)


def _end_of_last_line(file: BinaryIO, step: int = 1 << 16) -> int:
    position = file.seek(0, os.SEEK_END)
    while position > 0:
        start = max(0, position - step)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0
