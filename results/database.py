"""A ledger in a database: what Optuna's storage leaves to us.

That is one writer a run, readers that cannot write, and lines without passwords for what a person
has to repair. Tried on SQLite and PostgreSQL; Optuna's other databases open without a claim, so
that nobody but the user keeps a second writer away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from results.claims import Release, claim_file, claim_run
from results.store import NoLedgerError, StorageFailed, Store
from search_space.errors import UserError

POSTGRESQL_DRIVERS = ("psycopg", "psycopg2")
"""In order of preference: which one ``postgresql://`` means depends on SQLAlchemy's version."""


def open_existing(place: str, read_only: bool) -> Store:
    """A database that has a ledger.

    Raises:
        NoLedgerError: it has none.
        UserError: it does not answer, or the URL is none.
    """
    url = _url(place)
    label = _label(url)
    with errors(label, UserError):
        return _store(url, label, read_only, create=False)


def create(place: str, fill: Callable[[BaseStorage], None]) -> Store:
    """A database with Optuna's tables and what ``fill`` writes, open for writing.

    Raises:
        UserError: it does not answer, the URL is none, or as ``fill`` does.
    """
    url = _url(place)
    label = _label(url)
    with errors(label, UserError):
        store = _store(url, label, read_only=False, create=True)
        try:
            fill(store.storage)
        except BaseException:
            store.close()
            raise
        return store


@contextmanager
def errors(label: str, kind: type[UserError] | type[StorageFailed]) -> Iterator[None]:
    """A database that does not answer is the user's to repair: one line, without the password."""
    try:
        yield
    except (UserError, StorageFailed):
        raise
    except (ImportError, RuntimeError, SQLAlchemyError, OptunaError) as error:
        doing = "opened" if kind is UserError else "written"
        raise kind(f"{label}: the storage cannot be {doing}: {_reason(error)}") from None


def _url(place: str) -> URL:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        # Not repeated: a password may stand in it.
        raise UserError(
            "storage: not a storage URL; write one like sqlite:////home/me/ledger.db"
            " or postgresql://me:${PGPASSWORD}@host/database"
        ) from None
    if url.drivername != "postgresql":
        return url
    for driver in POSTGRESQL_DRIVERS:
        if find_spec(driver):
            return url.set(drivername=f"postgresql+{driver}")
    raise UserError(
        f"{_label(url)}: PostgreSQL needs its driver: pip install 'spinenet-seg-nas[postgresql]'"
    )


def _label(url: URL) -> str:
    """For people: without the password, and without the query, where one may stand too."""
    plain = url.set(drivername=url.get_backend_name(), query={})
    return plain.render_as_string(hide_password=True)


def _reason(error: BaseException) -> str:
    if isinstance(error, NoSuchModuleError):
        return "Optuna knows no such storage; take sqlite:/// or postgresql://"
    lines = str(error.__cause__ or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _store(url: URL, label: str, read_only: bool, create: bool) -> Store:
    if not create:
        _check_tables(url, label)
    database = _connect(_read_only(url) if read_only else url, read_only, create)
    claims: list[Release] = []

    def claim(name: str) -> None:
        if _sqlite_file(url):
            claims.append(claim_file(_path(url)))
        elif url.get_backend_name() == "postgresql":
            claims.append(claim_run(database.engine, name, label))

    def close() -> None:
        database.remove_session()
        while claims:
            claims.pop()()
        database.engine.dispose()

    def guarded() -> AbstractContextManager[None]:
        return errors(label, StorageFailed)

    return Store(label, get_storage(database), read_only, claim, guarded, close=close)


def _check_tables(url: URL, label: str) -> None:
    nowhere = NoLedgerError(f"{label}: no ledger there; give the URL of an existing one")
    if _sqlite_file(url) and not _path(url).exists():
        raise nowhere  # SQLite would make an empty database of this name
    engine = create_engine(url)
    try:
        if not inspect(engine).has_table("studies"):
            raise nowhere
    finally:
        engine.dispose()


def _connect(url: URL, read_only: bool, create: bool) -> RDBStorage:
    settings: dict[str, Any] = {}
    if url.get_backend_name() != "sqlite":
        # Trainings last: a connection that went stale in between is replaced, not an error.
        settings["pool_pre_ping"] = True
    if url.get_backend_name() == "postgresql" and read_only:
        settings["execution_options"] = {"postgresql_readonly": True}
    place = url.render_as_string(hide_password=False)
    return RDBStorage(place, engine_kwargs=settings, skip_table_creation=not create)


def _read_only(url: URL) -> URL:
    if not _sqlite_file(url):
        return url
    return url.set(database=f"file:{_path(url).absolute()}", query={"mode": "ro", "uri": "true"})


def _sqlite_file(url: URL) -> bool:
    named = url.database or ""
    return url.get_backend_name() == "sqlite" and bool(named) and not named.startswith(":")


def _path(url: URL) -> Path:
    return Path(str(url.database))
