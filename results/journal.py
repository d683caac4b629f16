"""The journal file under a ledger: one writer, any number of readers that never lock or write.

Optuna appends one JSON line per operation. What it leaves to us: a writer killed in mid-write, or
a power cut, leaves a last line that is none, which readers pass over and the next writer drops, or
it would append to it; everywhere else such a line is an error. And a killed writer leaves Optuna's
lock file behind, which stalls the next one for 30 s.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Iterator
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


class _Journal(JournalFileBackend):
    """The file as it is read: an operation a line, but for what the last one may be."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self.operations, self.end = 0, 0
        """How many were read, and how many bytes they are."""

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Those after so many. UserError where a line that is none of them is not the last one.
        Empty lines after it are nothing."""
        if log_number_from != self.operations:
            self.operations, self.end = 0, 0
        strange = empty = 0
        with self._path.open("rb") as file:
            file.seek(self.end)
            for number, line in enumerate(file, self.operations + 1):
                operation = _operation(line)
                if (strange and line.strip()) or (empty and operation):
                    raise damaged(self._path, strange or empty)
                if operation is None:
                    strange, empty = (number, empty) if line.strip() else (strange, number)
                    continue
                self.operations, self.end = number, self.end + len(line)
                if number > log_number_from:
                    yield operation


class JournalWriter(_Journal):
    """Appends to a journal, and can gather the lines of several operations into one write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
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


class JournalReader(_Journal):
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
    if _operation(first) is None:
        raise UserError(f"{path}: not a ledger; give the path of a run's ledger.journal")


def damaged(path: Path, line: int) -> UserError:
    """For a line, counted from 1, that holds no operation, or one that cannot be."""
    return UserError(
        f"{path}: the ledger is damaged in line {line}; restore it from a copy, or remove that line"
        " if it is no record of the search"
    )


def _operation(line: bytes) -> dict[str, Any] | None:
    """What a whole line of a journal says; None for anything else."""
    with suppress(ValueError, RecursionError):
        record = json.loads(line) if line.endswith(b"\n") else None
        if isinstance(record, dict) and {"op_code", "worker_id"} <= record.keys():
            return record
    return None


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


def cut(file: BinaryIO, end: int) -> int:
    """Drop what follows the last operation, as the one writer. Returns how many bytes that were."""
    if more := file.seek(0, os.SEEK_END) - end:
        file.truncate(end)
        file.flush()
        os.fsync(file.fileno())
    return more


def break_stale_lock(path: Path) -> None:
    """Of a writer of this journal that was killed. Call as the one writer."""
    lock = path.with_name(path.name + ".lock")
    deadline = time.monotonic() + LOCK_PATIENCE
    while os.path.lexists(lock):
        if time.monotonic() > deadline:
            lock.unlink(missing_ok=True)
            return
        time.sleep(0.02)
