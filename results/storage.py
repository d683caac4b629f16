"""From what a user writes as a ledger's place to an open Optuna storage.

A path is a journal file; anything with ``://`` is one of Optuna's storage URLs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage

from results import database, journal
from results.store import StorageFailed, Store
from search_space.errors import UserError

Place = str | Path


def open_store(place: Place, read_only: bool = False) -> Store:
    """Open what exists.

    Raises:
        NoLedgerError: nothing there.
        UserError: not readable, or another process is writing it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if is_url(place):
        return database.open_existing(str(place), read_only)
    return _read_journal(Path(place)) if read_only else _write_journal(Path(place))


def create_store(place: Place, fill: Callable[[BaseStorage], None]) -> Store:
    """Make a storage that ``fill`` has written to, and open it for writing.

    A journal appears under its name only when it is filled: a kill leaves all of it or none.

    Raises:
        UserError: a file is already there, or nothing can be written there.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if is_url(place):
        return database.create(str(place), fill)
    path = Path(place)
    _fill_journal(path, fill)
    return _write_journal(path)


def is_url(place: Place) -> bool:
    """Whether a place is a storage URL, not the path of a journal."""
    return "://" in str(place)


def _fill_journal(path: Path, fill: Callable[[BaseStorage], None]) -> None:
    if path.exists():
        raise UserError(f"{path}: already there; resume that run or give another path")
    unfinished = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        fill(JournalStorage(journal.JournalWriter(unfinished)))
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"{path}: the ledger cannot be written: {error.strerror}") from None


def _read_journal(path: Path) -> Store:
    journal.check_is_journal(path)
    return Store(str(path), _replay(path, journal.JournalReader(path)), read_only=True)


def _write_journal(path: Path) -> Store:
    journal.check_is_journal(path)
    claim = journal.claim(path)
    try:
        journal.break_stale_lock(path)
        writer = journal.JournalWriter(path)
        storage = _replay(path, writer)
        dropped = journal.cut(claim, writer.end)
    except BaseException:
        claim.close()
        raise
    return Store(
        str(path),
        storage,
        guarded=lambda: _file_errors(path),
        one_write=writer.one_write,
        close=claim.close,
        dropped=dropped,
    )


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageFailed(f"{path}: the ledger cannot be written: {reason}") from error


def _replay(path: Path, backend: journal.JournalReader | journal.JournalWriter) -> JournalStorage:
    try:
        return JournalStorage(backend)
    except OSError as error:
        raise UserError(f"{path}: the ledger cannot be read: {error.strerror}") from None
    except UserError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
        raise journal.damaged(path, backend.operations) from None
