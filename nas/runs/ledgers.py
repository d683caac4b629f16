"""Where a run keeps its ledger: a journal in its folder, or a database that its config names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from nas.config import Config
from nas.settings import storage_url
from nas.failures import RunFailed
from nas.runs import trusted
from nas.runs.directory import RunDirectory
from results.ledger import Ledger
from results.storage import Place
from results.store import NoLedgerError, StorageFailed
from results.trial import Trial
from search_space.errors import UserError
from search_space.genes import Gene


def check_free(name: str, config: Config) -> None:
    """Before a run is made: its database answers and has no run of this name.

    Raises:
        UserError: otherwise.
    """
    if config.storage is None:
        return
    try:
        Ledger.open(storage_url.expanded(config.storage), name, read_only=True).close()
    except NoLedgerError:
        return
    raise UserError(
        f"{name}: the storage has a run of this name already; give another name with --run"
    )


def make(
    run: RunDirectory, config: Config, genes: Sequence[Gene], facts: Mapping[str, Any]
) -> Ledger:
    """The ledger of a new run, for writing. Its database is trusted from now on."""
    made = Ledger.create(_place(run, config), run.name, genes, facts)
    trusted.trust(config.storage)
    return made


def resume(
    run: RunDirectory, config: Config, genes: Sequence[Gene], facts: Mapping[str, Any]
) -> Ledger:
    """The ledger of a run that is there, for writing; its database is trusted from now on. A
    journal that a kill left unmade is made.

    Raises:
        UserError: a database without the run, so that nothing begins from zero unseen.
    """
    try:
        found = Ledger.open(_place(run, config), _name(run, config))
    except NoLedgerError:
        if config.storage is not None:
            raise
        return make(run, config, genes, facts)
    trusted.trust(config.storage)
    return found


def observed(run: RunDirectory) -> Ledger | None:
    """The ledger for reading, also while it is being written, which this does not disturb; None
    before it is made.

    Raises:
        UserError: a database that is not trusted, does not answer or has no such run.
    """
    config = run.config()
    trusted.check(run, config.storage)
    try:
        return Ledger.open(_place(run, config), _name(run, config), read_only=True)
    except NoLedgerError:
        if config.storage is not None:
            raise
        return None


def trials(run: RunDirectory) -> list[Trial]:
    """Every trial of a run, as it is now. UserError as for ``observed``."""
    return read(run)[0]


def read(run: RunDirectory) -> tuple[list[Trial], frozenset[int]]:
    """Every trial of a run, and the numbers of those that ended under a release with an earlier
    format. UserError as for ``observed``."""
    if (ledger := observed(run)) is None:
        return [], frozenset()
    with ledger:
        return ledger.trials(), ledger.earlier


@contextmanager
def kept(command: str) -> Iterator[None]:
    """A write that fails inside becomes a RunFailed that names the command to continue with."""
    try:
        yield
    except StorageFailed as error:
        raise RunFailed(f"{error}; repair that, then continue with `{command}`") from error


def _place(run: RunDirectory, config: Config) -> Place:
    return run.ledger if config.storage is None else storage_url.expanded(config.storage)


def _name(run: RunDirectory, config: Config) -> str | None:
    """A journal holds one study, whatever its folder is called by now."""
    return None if config.storage is None else run.name
