"""Files that are replaced in one step, and disks that are full."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Of an OSError: there is no room."""


@contextmanager
def replacing(path: Path, alone: bool = False) -> Iterator[Path]:
    """A draft beside ``path`` to write, which takes its place when the body is done: a reader sees
    the old file or the new one, never a part, whatever dies. A body that raises leaves the old.

    Args:
        alone: nobody else ever writes this file, so that what a kill left of a draft is overwritten
            by the next: for large files.
    """
    # Not mkstemp, whose files only their owner may read.
    writer = "" if alone else f".{os.getpid()}-{threading.get_ident()}"
    draft = path.with_name(f".{path.name}{writer}.tmp")
    draft.unlink(missing_ok=True)  # else a link that somebody left there is written through
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
