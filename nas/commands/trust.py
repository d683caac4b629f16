"""``nas trust``: say that a run's database may be connected to."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from nas.runs import trusted
from nas.runs.directory import RunDirectory
from nas.settings.storage_url import masked
from search_space.errors import UserError


def trust(path: Path, console: Console) -> None:
    """From now on commands connect to the database that the run's config names.

    Raises:
        UserError: when no run is there, it has no database, or that cannot be written down.
    """
    storage = RunDirectory.open(path).config().storage
    if storage is None:
        raise UserError(f"{path}: keeps its trials in its own folder; there is nothing to trust")
    if not trusted.trust(storage):
        raise UserError(
            f"~/.config/{trusted.FILE}: cannot be written; name another folder in XDG_CONFIG_HOME"
        )
    console.print(f"{masked(storage)} is trusted from now on", markup=False, soft_wrap=True)
