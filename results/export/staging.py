"""How an export reaches its folder: whole, or not at all."""

from __future__ import annotations

import glob
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from search_space.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: what a kill leaves there stays
    fcntl = None  # type: ignore[assignment]

_DRAWN = 8
"""Letters that mkdtemp draws."""


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """An empty folder next to the target, on its disk, gone at the end whatever happens; after a
    kill, when it is exported to again. Folders that are missing on the way to the target are not
    made: that is for what is published. UserError where nothing can be written."""
    parent = next(each for each in folder.resolve().parents if each.is_dir())
    prefix = f".{folder.name}-"
    for left in parent.glob(f"{glob.escape(prefix)}{'?' * _DRAWN}"):
        with _held(left) as ours:
            if ours:
                shutil.rmtree(left, ignore_errors=True)
    try:
        stage = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        with _held(stage):
            yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _held(stage: Path) -> Iterator[bool]:
    """Whether nobody else fills it, for as long as we are inside. It ends with the process."""
    if fcntl is None:
        yield False
        return
    try:
        held = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # a file or a link of this name, or gone
        yield False
        return
    try:
        yield _locks(held)
    finally:
        os.close(held)


def _locks(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody has it; or a file system without locks
        return False
    return True


def saved(save: Callable[[Any], None], path: Path) -> None:
    """A file of torch's, which does not say that a disk is full: the system does.

    Args:
        save: writes to a path, or to a buffer.

    Raises:
        OSError: where there is no room.
    """
    try:
        save(path)
    except RuntimeError:
        path.unlink(missing_ok=True)
        buffer = io.BytesIO()
        save(buffer)
        path.write_bytes(buffer.getbuffer())


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
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise UserError(f"{place}: is a file; name a folder to export to")
