"""How a pack reaches its place: whole, in one rename, or not at all.

Whoever dies while packing leaves only a hidden folder, swept up by the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from proxy_tasks.datasets.locks import lock_of, locked
from proxy_tasks.datasets.packed import damaged, is_whole
from search_space.errors import UserError
from search_space.files import FULL, lives

Buffer = bytes | memoryview


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A hidden folder to fill, which gets its name at the end, or goes."""
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
    making = _hidden(target.parent)
    try:
        with writing(target.parent):
            making.mkdir()
        yield making
        _publish(making, target)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def made_once(target: Path, fill: Callable[[Path], None]) -> Path:
    """``target``, unless it is there and whole to the last byte filled anew: by one process of a
    machine, for which the others wait. UserError as ``writing``; then nothing stays behind."""
    with alone(target):
        if not (is_whole(target) and not damaged(target)):
            with appearing(target) as making:
                fill(making)
    return target


def beside(data: Path, kind: str, form: str, identity: str) -> Path:
    """The folder beside a pack for what is made of it, of a ``kind`` in its name, by ``identity``
    in a format; whether or not there is one."""
    told = json.dumps([form, data.name, identity])
    return data.with_name(f"{data.name}-{kind}-{hashlib.sha256(told.encode()).hexdigest()[:16]}")


def restored(target: Path, pieces: Iterable[tuple[str, Buffer]]) -> Path:
    """``target``, a pack's folder, written from what ``contents`` gave of it unless it is whole.

    Only one process of a machine writes; the others wait for it.

    Raises:
        UserError: for a disk that is full or read-only; then nothing stays behind.
    """
    if is_whole(target):
        return target
    with alone(target):
        if not is_whole(target):
            with appearing(target) as making:
                _receive(making, pieces)
    return target


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """One process of a machine at a time is inside; the others wait. UserError as ``writing``."""
    with ExitStack() as lock:
        with writing(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            lock.enter_context(locked(lock_of(target)))
        yield


@contextmanager
def writing(cache: Path) -> Iterator[None]:
    """What goes wrong on the disk inside is told in one line."""
    try:
        yield
    except OSError as error:
        advice = "free some space" if error.errno in FULL else "make it writable"
        raise UserError(
            f"cannot write packed data to {cache}: {error.strerror};"
            f" {advice} or name another cache folder"
        ) from error


def write(file: FileIO, content: Buffer) -> None:
    """All of it: an unbuffered file may take less at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def commit(file: FileIO) -> None:
    """On the disk before the rename is: a power cut must not leave a named pack of zeros."""
    os.fsync(file.fileno())


@contextmanager
def array_file(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[FileIO]:
    """A file of numpy's in a folder to fill, whose values are written inside. Unbuffered: on a full
    disk a buffer would fail once more, uncaught, on closing."""
    told = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    with writing(path.parent.parent), path.open("wb", buffering=0) as file:
        np.lib.format.write_array_header_1_0(file, told)
        yield file
        commit(file)


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    """Last of all: what has it is a pack."""
    with writing(folder.parent), (folder / "meta.json").open("wb", buffering=0) as file:
        write(file, json.dumps(meta, indent=1).encode())
        commit(file)


def _receive(folder: Path, pieces: Iterable[tuple[str, Buffer]]) -> None:
    for name, piece in pieces:
        with writing(folder.parent), (folder / name).open("ab", buffering=0) as file:
            write(file, piece)
            commit(file)


def _publish(making: Path, target: Path) -> None:
    """Give a finished pack its name, unless another process was first."""
    with writing(target.parent):
        if target.exists() and (not is_whole(target) or damaged(target)):
            aside = _hidden(target.parent)
            os.replace(target, aside)
            shutil.rmtree(aside, ignore_errors=True)
        try:
            os.replace(making, target)
        except OSError:
            if not is_whole(target):
                raise


def _hidden(cache: Path) -> Path:
    """A name for work in progress that tells whose it is."""
    return cache / f".packing-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def sweep(cache: Path) -> None:
    """Remove what processes of this machine left that were killed while packing."""
    for folder in cache.glob(f".packing-{socket.gethostname()}-*-*"):
        owner = folder.name.rsplit("-", 2)[1]
        if owner.isdigit() and not lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
