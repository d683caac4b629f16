"""The databases that the commands of this user connect to.

A run's folder may be somebody else's, and whoever connects to the database that its config names
shows it a user name and a password: PostgreSQL's own library sends PGPASSWORD to any host. So
reading a run connects only where a search of this user has written, or where he said so with
``nas trust``. Files of SQLite are on this machine, and where a variable has the whole URL, the user
himself says where it leads.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path

from nas.runs.directory import RunDirectory
from nas.settings.storage_url import is_a_variable, masked
from search_space.errors import UserError
from search_space.files import replacing

FILE = Path("spinenet-seg") / "storages"
_used: set[str] = set()
"""By this process: there may be no home to remember it in."""


def file() -> Path:
    """A line each, as configs have them: without passwords. RuntimeError where there is no home."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / FILE


def check(run: RunDirectory, storage: str | None) -> None:
    """Raises UserError where reading this run would connect to a database that is not trusted."""
    if storage is None or _is_ours(storage) or storage in _used | set(_listed()):
        return
    raise UserError(
        f"{run.path}: its trials are in {masked(storage)}, where no search of yours has written:"
        f" not connected; if you trust it, `nas trust {shlex.quote(str(run.path))}`"
    )


def trust(storage: str | None) -> bool:
    """From now on. False where it could not be written down: then for this process alone."""
    if storage is None or _is_ours(storage):
        return True
    _used.add(storage)
    try:
        _write([*_listed(), storage])
    except (OSError, RuntimeError):
        return False
    return True


def _is_ours(storage: str) -> bool:
    return storage.partition(":")[0].partition("+")[0] == "sqlite" or is_a_variable(storage)


def _listed() -> list[str]:
    with suppress(OSError, RuntimeError, UnicodeDecodeError):
        return file().read_text("utf-8").splitlines()
    return []


def _write(storages: list[str]) -> None:
    place = file()
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as draft:
        draft.write_text("".join(f"{each}\n" for each in dict.fromkeys(storages)), "utf-8")
