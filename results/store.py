"""An open storage as the ledger sees it, and the errors it can raise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from optuna.storages import BaseStorage

from search_space.errors import UserError

BEING_WRITTEN = "another process is writing this ledger; wait for it or stop it first"


class NoLedgerError(UserError):
    """Nothing is there yet."""


class StorageFailed(RuntimeError):
    """A full disk, a server that is gone: the record did not get through, and what was there is
    whole. The message is one line for a person."""


def _nothing_to_claim(name: str) -> None:
    """Where opening it for writing was the claim."""


@dataclass(frozen=True)
class Store:
    """An open storage.

    ``claim`` makes this process the one writer of the run of a name, or raises UserError;
    ``guarded`` turns what the storage raises inside into StorageFailed; ``one_write`` makes one
    write of several operations where it can; ``close`` gives up the right to write. So many bytes
    of a last line that no write had finished were ``dropped``.
    """

    label: str
    storage: BaseStorage
    read_only: bool = False
    claim: Callable[[str], None] = _nothing_to_claim
    guarded: Callable[[], AbstractContextManager[None]] = nullcontext
    one_write: Callable[[], AbstractContextManager[None]] = nullcontext
    close: Callable[[], None] = lambda: None
    dropped: int = 0
