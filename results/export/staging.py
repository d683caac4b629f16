"""How an export reaches its folder: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from search_space.errors import UserError


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """An empty folder next to the target, on its disk, gone at the end whatever happens."""
    parent = folder.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=parent))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def publish(stage: Path, folder: Path, names: Sequence[str]) -> list[Path]:
    """Move the files in one step each, in this order; those that the stage lacks are removed
    from the folder too, as they would be of an earlier export."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names:
        if (stage / name).exists():
            os.replace(stage / name, folder / name)
            written.append(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    return written


def check_folder(folder: Path) -> None:
    """UserError where a file is in the way."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder to export to")
