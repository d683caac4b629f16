"""What a run's folder may hold, as it may be somebody else's: files and folders, no traps.

A link in it leads what is written there to a file of the user's own, and a name of a trial that
stands in a line of a log is then a command in his shell's start-up file. A pipe never ends.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from search_space.errors import UserError

_OTHERS = frozenset({"wandb"})
"""Folders of tools that link to caches of their own, and write there themselves."""


def check_readable(run: Path) -> None:
    """Raises UserError for what cannot be read to its end: a pipe, a device, or a link to one."""
    for entry in _entries(run):
        try:
            mode = entry.stat().st_mode
        except OSError:  # a link to nowhere reads as no file
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise UserError(f"{entry.path}: is a pipe or a device, no file of a run; remove it")


def check_writable(run: Path) -> None:
    """Raises UserError for a link that leads out of the run: nothing is written through it."""
    home = run.resolve()
    for entry in _entries(run):
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(home):
            raise UserError(
                f"{entry.path}: is a link that leads out of the run: nothing is written there; put"
                " the file or folder itself in its place, or move the whole run"
            )


def check_permitted(run: Path) -> None:
    """Raises UserError where this user may not write into the run, before work is done for it."""
    for folder in (run, run / "promotions", run / "artifacts"):
        if folder.is_dir() and not os.access(folder, os.W_OK):
            raise UserError(
                f"{folder}: may not be written; copy the whole run to a folder where you may write,"
                " and go on with the copy"
            )


def check_place(folder: Path) -> None:
    """As ``check_writable``, of a folder that may lie in a run."""
    for place in (folder, *folder.absolute().parents[:2]):
        if (place / "config.yaml").is_file():
            check_writable(place)
            return
    check_writable(folder)


def _entries(run: Path) -> Iterator[os.DirEntry[str]]:
    """All there is below a folder, links as they are. What cannot be listed holds nothing."""
    folders = [str(run)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as found:
            for entry in found:
                yield entry
                if entry.is_dir(follow_symlinks=False) and entry.name not in _OTHERS:
                    folders.append(entry.path)
