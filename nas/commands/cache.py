"""``nas data cache``: what the cache holds, and emptying it.

``--json`` prints one object:

    cache    the folder
    bytes    of all entries
    entries  [{...}], largest first: path; kind (images, teacher, encoder maps, fingerprint,
             digests); bytes; used, when it was last (ISO 8601, UTC); in_use, by a command that is
             under way; removed
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas import config as configs
from proxy_tasks.datasets.cache import Entry, clear, entries
from results import units
from search_space.errors import UserError
from search_space.files import at_home

DAY = 86400.0


def cache(
    source: str | None,
    remove: bool,
    older_than: float | None,
    as_json: bool,
    settings: Sequence[str],
    console: Console,
) -> None:
    """Print what the cache of a config (None: the usual one) holds, or ``remove`` it; with
    ``older_than``, only what was not used for so many days.

    Raises:
        UserError: for a number of days that is none, or a cache that may not be read or emptied.
    """
    if older_than is not None and not 0 <= older_than < float("inf"):
        raise UserError(f"--older-than {older_than:g}: give a number of days, 0 or more")
    config = configs.load(source or configs.DEMONSTRATION, settings)
    folder = at_home(config.data.cache, "data.cache").resolve()
    found = entries(folder)
    if older_than is not None:
        before = time.time() - older_than * DAY
        found = [entry for entry in found if entry.used <= before]
    busy = {entry.path for entry in found if entry.in_use}
    kept = {entry.path for entry in clear(found, folder)} if remove else set()
    gone = {entry.path for entry in found} - kept if remove else set()
    if as_json:
        told = [_as_dict(entry, busy | kept, gone) for entry in found]
        whole = {"cache": str(folder), "bytes": sum(e.nbytes for e in found), "entries": told}
        console.file.write(json.dumps(whole, indent=2) + "\n")
        return
    _show(found, busy | kept, gone, folder, console)


def _as_dict(entry: Entry, busy: set[Path], gone: set[Path]) -> dict[str, object]:
    return {
        "path": str(entry.path),
        "kind": entry.kind,
        "bytes": entry.nbytes,
        "used": datetime.fromtimestamp(entry.used, UTC).isoformat(timespec="seconds"),
        "in_use": entry.path in busy,
        "removed": entry.path in gone,
    }


def _show(
    found: Sequence[Entry], busy: set[Path], gone: set[Path], folder: Path, console: Console
) -> None:
    """Fingerprints, which are many and small, in one row."""
    table = Table(box=None, pad_edge=False)
    table.add_column("MB", justify="right")
    for name in ("kind", "last used", "", "name"):
        table.add_column(name)
    for entry in (entry for entry in found if entry.kind != "fingerprint"):
        state = "removed" if entry.path in gone else "in use" if entry.path in busy else ""
        shown = Text(entry.path.name, overflow="fold")
        table.add_row(_megabytes(entry.nbytes), entry.kind, _ago(entry.used), state, shown)
    if prints := [entry for entry in found if entry.kind == "fingerprint"]:
        state = "removed" if prints[0].path in gone else ""
        size, last = sum(e.nbytes for e in prints), max(e.used for e in prints)
        named = units.counted(len(prints), "fingerprint")
        table.add_row(_megabytes(size), named, _ago(last), state, Text("fingerprints/"))
    if found:
        console.print(table)
    parts = [("in all", found)]
    if gone:
        parts = [
            ("removed", [entry for entry in found if entry.path in gone]),
            ("still in use", [entry for entry in found if entry.path not in gone]),
        ]
    said = "; ".join(f"{_megabytes(sum(e.nbytes for e in part))} MB {what}" for what, part in parts)
    console.print(f"{folder}: {said}", markup=False, highlight=False, soft_wrap=True)


def _megabytes(nbytes: float) -> str:
    return f"{nbytes / 1e6:,.1f}"


def _ago(used: float) -> str:
    seconds = max(0.0, time.time() - used)
    return "now" if seconds < 60 else f"{units.duration(seconds)} ago"
