"""From what a user writes as a ledger's place to an open Optuna storage.

A path is a journal file; anything with ``://`` is one of Optuna's storage URLs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from results import journal
from search_space.errors import UserError

Place = str | Path


@dataclass(frozen=True)
class Store:
    """An open storage. ``one_write`` makes one write of several operations where it can;
    ``close`` gives up the right to write."""

    label: str
    storage: BaseStorage
    read_only: bool = False
    one_write: Callable[[], AbstractContextManager[None]] = nullcontext
    close: Callable[[], None] = lambda: None


def open_store(place: Place, read_only: bool = False) -> Store:
    """Open what exists.

    Raises:
        UserError: nothing there, not readable, or another process is writing it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if _is_url(place):
        return _open_database(str(place), read_only, create=False)
    return _read_journal(Path(place)) if read_only else _write_journal(Path(place))


def create_store(place: Place, fill: Callable[[BaseStorage], None]) -> Store:
    """Make a storage that ``fill`` has written to, and open it for writing.

    A journal appears under its name only when it is filled: a kill leaves all of it or none.

    Raises:
        UserError: a file is already there, or nothing can be written there.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if _is_url(place):
        store = _open_database(str(place), read_only=False, create=True)
        fill(store.storage)
        return store
    path = Path(place)
    _fill_journal(path, fill)
    return _write_journal(path)


def _is_url(place: Place) -> bool:
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
    return Store(str(path), _replay(path, journal.JournalReader(str(path))), read_only=True)


def _write_journal(path: Path) -> Store:
    journal.check_is_journal(path)
    claim = journal.claim(path)
    try:
        journal.repair(path, claim)
        writer = journal.JournalWriter(path)
        storage = _replay(path, writer)
    except BaseException:
        claim.close()
        raise
    return Store(str(path), storage, one_write=writer.one_write, close=claim.close)


def _replay(path: Path, backend: journal.JournalFileBackend) -> JournalStorage:
    try:
        return JournalStorage(backend)
    except OSError as error:
        raise UserError(f"{path}: the ledger cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError):
        raise UserError(
            f"{path}: the ledger is damaged; restore it from a copy or start another run"
        ) from None


def _open_database(text: str, read_only: bool, create: bool) -> Store:
    try:
        url = make_url(text)
    except ArgumentError:
        raise UserError(
            f"{text}: not a storage URL; write one like sqlite:///ledger.db or a file path"
        ) from None
    label = url.render_as_string(hide_password=True)
    if not create:
        _check_sqlite_exists(url, label)
    with database_errors(label):
        database = RDBStorage(
            _read_only_url(url) if read_only else text, skip_table_creation=read_only
        )
        return Store(label, get_storage(database), read_only, close=database.remove_session)


@contextmanager
def database_errors(label: str) -> Iterator[None]:
    """A database that does not answer is the user's to repair: one line, without the password."""
    try:
        yield
    except (ImportError, RuntimeError, SQLAlchemyError, OptunaError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(f"{label}: the storage cannot be opened: {reason}") from None


def _check_sqlite_exists(url: URL, label: str) -> None:
    # SQLite makes an empty data base of any name that it is asked to open.
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise UserError(f"{label}: no ledger there; give the URL of an existing one")


def _read_only_url(url: URL) -> str:
    if url.get_backend_name() == "sqlite" and url.database and ":" not in url.database:
        return f"sqlite:///file:{Path(url.database).absolute()}?mode=ro&uri=true"
    return url.render_as_string(hide_password=False)
