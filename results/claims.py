"""The right to write a run that lies in a database, which ends with the process that holds it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from results import journal
from results.store import BEING_WRITTEN
from search_space.errors import UserError

Release = Callable[[], None]

_KEEP_ALIVE = {"idle": 60, "interval": 10, "count": 6}
"""Seconds, seconds and probes after which the server gives up a writer whose machine is gone;
its own default may be two hours."""


def claim_file(database: Path) -> Release:
    """One writer a SQLite file, whatever the run: SQLite has one anyway.

    The claim is a lock on a file beside it, as SQLite keeps locks of its own on the database.

    Raises:
        UserError: another process has it, or nothing can be written there.
    """
    beside = database.with_name(database.name + ".writer")
    try:
        beside.touch()
    except OSError as error:
        raise UserError(f"{database}: the ledger cannot be written: {error.strerror}") from None
    return journal.claim(beside, named=database).close


def claim_run(engine: Engine, name: str, label: str) -> Release:
    """One writer a run, by an advisory lock of PostgreSQL, held by a connection of its own.

    Raises:
        UserError: another session has it.
    """
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    # Out of the pool: closing must end the session, and with it the lock.
    connection.detach()
    try:
        _take(connection, name, label)
    except BaseException:
        connection.close()
        raise
    return connection.close


def _take(connection: Connection, name: str, label: str) -> None:
    for setting, value in _KEEP_ALIVE.items():
        connection.execute(text(f"SET tcp_keepalives_{setting} = {value}"))
    key = int.from_bytes(sha256(f"spinenet-seg:{name}".encode()).digest()[:8], signed=True)
    if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar():
        raise UserError(f"{label}: {name}: {BEING_WRITTEN}")
