"""Files that are replaced in one step, disks that are full, and homes that are not there."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from search_space.errors import UserError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Of an OSError: there is no room."""

REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""Of an OSError: this user has no right to it, or the disk is read-only."""


@contextmanager
def replacing(path: Path, alone: bool = False) -> Iterator[Path]:
    """A draft beside ``path`` to write, which takes its place when the body is done: a reader sees
    the old file or the new one, never a part, whatever dies. A body that raises leaves the old.
    What kills left of drafts on this machine is removed by the next writer.

    Args:
        alone: nobody else ever writes this file, so that what a kill left of a draft is overwritten
            by the next: for large files.
    """
    # Not mkstemp, whose files only their owner may read.
    writer = "" if alone else f".{_machine()}-{os.getpid()}-{threading.get_ident()}"
    draft = path.with_name(f".{path.name}{writer}.tmp")
    if not alone:
        _remove_left(path)
    draft.unlink(missing_ok=True)  # else a link that somebody left there is written through
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _machine() -> str:
    """Tells the machines apart that share a disk."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _remove_left(path: Path) -> None:
    """Drafts of a file by processes of this machine that are gone."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.{_machine()}-([0-9]+)-[0-9]+\.tmp")
    with suppress(OSError):
        for name in os.listdir(path.parent):
            if (found := pattern.fullmatch(name)) and not lives(int(found[1])):
                path.with_name(name).unlink(missing_ok=True)


def lives(process: int) -> bool:
    """Whether this machine has such a process; where that is not told, it may."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def named_sha256(key: str, path: Path) -> str:
    """That of the file which a config's ``key`` names. UserError where it cannot be read."""
    try:
        return sha256(path.expanduser())
    except OSError as error:
        raise UserError(f"{key}: {path}: {error.strerror}") from error


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def at_home(path: Path, setting: str = "") -> Path:
    """``path`` with the home folder in the place of its ``~``.

    Args:
        setting: what the path is the value of, for the message.

    Raises:
        UserError: for a user without a home folder, as in a container.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        named = f"{setting}: {path}" if setting else str(path)
        raise UserError(
            f"{named}: the home folder is not known; set HOME, or write a path without ~"
        ) from error


def check_temporary() -> None:
    """UserError where no folder takes temporary files, without which torch does not train."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise UserError(
            "no folder for temporary files can be written; set TMPDIR to one that can"
        ) from error
