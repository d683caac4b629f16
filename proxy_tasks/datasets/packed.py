"""A data set decoded once into a memory map that all processes of a machine share.

A pack is a folder named by the hash of what it was made from. It appears under its name in one
rename, whole; whoever dies while packing leaves only a hidden folder, swept up by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from proxy_tasks.datasets.base import SPLITS, Colour, Dataset, Pixels, Split
from search_space.errors import UserError
from search_space.files import FULL

FORMAT = "packed/1"
Size = tuple[int, int]
Progress = Callable[[int, int], None]
Buffer = bytes | memoryview

PIECE = 64 * 2**20
"""Bytes that travel at a time."""


@dataclass(frozen=True)
class PackedSplit:
    """``images`` (N, H, W, 3) and ``labels`` (N, H, W), both uint8 memory maps. Writing to them
    changes this process's copy only."""

    images: Pixels
    labels: Pixels

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class PackedData:
    """A pack on disk. Pickles as its path; opens what is asked for when it is asked for."""

    path: Path

    @cached_property
    def train(self) -> PackedSplit:
        return self._open("train")

    @cached_property
    def val(self) -> PackedSplit:
        return self._open("val")

    @property
    def name(self) -> str:
        return str(self._meta["name"])

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self._meta["classes"])

    @property
    def palette(self) -> tuple[Colour, ...]:
        return tuple((red, green, blue) for red, green, blue in self._meta["palette"])

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        height, width = self._meta["size"]
        return height, width

    def __reduce__(self) -> tuple[type[PackedData], tuple[Path]]:
        return PackedData, (self.path,)

    @cached_property
    def _meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = json.loads((self.path / "meta.json").read_text())
        return meta

    def _open(self, split: Split) -> PackedSplit:
        # Copy-on-write: torch refuses to promise anything about arrays that it cannot write to.
        images, labels = (
            np.load(self.path / f"{kind}-{split}.npy", mmap_mode="c")
            for kind in ("images", "labels")
        )
        return PackedSplit(images, labels)


def open_packed(path: Path | str) -> PackedData:
    """Raises UserError where no whole pack lies at ``path``."""
    if not _is_whole(Path(path)):
        raise UserError(f"no packed data set in {path}: pack it again")
    return PackedData(Path(path))


def pack(dataset: Dataset, size: Size, cache: Path | str, progress: Progress | None = None) -> Path:
    """Read every image once, resize it to ``size`` (height, width), and return the pack's folder.

    Images are stretched and antialiased, labels take the nearest pixel. What was packed before is
    returned at once. ``progress`` is called with (images done, images in all).

    Raises UserError for data that cannot be trained on and for a disk that is full or read-only;
    then nothing stays behind.
    """
    meta = _describe(dataset, size)
    target = Path(cache).expanduser() / f"{dataset.name}-{size[0]}x{size[1]}-{_digest(meta)}"
    if _is_whole(target):
        return target
    with _appearing(target) as making:
        with _writing(target.parent):
            _check_space(dataset, size, target.parent)
        _fill(making, dataset, size, progress)
        if _describe(dataset, size) != meta:
            raise UserError(
                f"the files of {dataset.name!r} changed while being packed: start again"
            )
        with _writing(target.parent), (making / "meta.json").open("wb", buffering=0) as file:
            _write(file, json.dumps(meta, indent=1).encode())
            _commit(file)
    return target


def contents(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The bytes of a pack's files in pieces of at most PIECE, each with the name of its file; the
    pieces of a file follow one another."""
    for file in sorted(path.iterdir()):
        whole = np.memmap(file, np.uint8, "r")
        for start in range(0, len(whole), PIECE):
            yield file.name, whole[start : start + PIECE]


def restored(target: Path, pieces: Iterable[tuple[str, Buffer]]) -> Path:
    """``target``, a pack's folder, written from what ``contents`` gave of it unless it is whole.

    Only one process of a machine writes; the others wait for it.

    Raises:
        UserError: for a disk that is full or read-only; then nothing stays behind.
    """
    if _is_whole(target):
        return target
    with _writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = (target.parent / f".{target.name}.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of when we are done, or dead
        if not _is_whole(target):
            with _appearing(target) as making:
                _receive(making, pieces)
    return target


def _receive(folder: Path, pieces: Iterable[tuple[str, Buffer]]) -> None:
    for name, piece in pieces:
        with _writing(folder.parent), (folder / name).open("ab", buffering=0) as file:
            _write(file, piece)
            _commit(file)


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """A hidden folder to fill, which gets its name at the end, or goes."""
    with _writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
    making = _hidden(target.parent)
    try:
        with _writing(target.parent):
            making.mkdir()
        yield making
        _publish(making, target)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _describe(dataset: Dataset, size: Size) -> dict[str, Any]:
    """All that the content of a pack depends on, in JSON types."""
    return {
        "format": FORMAT,
        "name": dataset.name,
        "classes": list(dataset.classes),
        "palette": [list(colour) for colour in dataset.palette],
        "size": list(size),
        "counts": {split: dataset.count(split) for split in SPLITS},
        "fingerprints": {split: dataset.fingerprint(split) for split in SPLITS},
    }


def _digest(meta: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()[:16]


def _shapes(counts: dict[str, int], size: Size) -> dict[str, tuple[int, ...]]:
    """The shape of each file of a pack."""
    shapes: dict[str, tuple[int, ...]] = {}
    for split, count in counts.items():
        shapes[f"images-{split}.npy"] = (count, *size, 3)
        shapes[f"labels-{split}.npy"] = (count, *size)
    return shapes


def _is_whole(path: Path) -> bool:
    """Whether all files are there at their full length."""
    try:
        meta = json.loads((path / "meta.json").read_text())
        if meta["format"] != FORMAT:
            return False
        shapes = _shapes(meta["counts"], tuple(meta["size"]))
        return all(
            np.load(path / name, mmap_mode="r").shape == shape for name, shape in shapes.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fill(folder: Path, dataset: Dataset, size: Size, progress: Progress | None) -> None:
    total, done = sum(dataset.count(split) for split in SPLITS), 0
    shapes = _shapes({split: dataset.count(split) for split in SPLITS}, size)
    for split in SPLITS:
        names = f"images-{split}.npy", f"labels-{split}.npy"
        # Unbuffered: on a full disk a buffer would fail once more, uncaught, on closing.
        images, labels = ((folder / name).open("wb", buffering=0) for name in names)
        with images, labels:
            with _writing(folder.parent):
                _begin(images, shapes[names[0]])
                _begin(labels, shapes[names[1]])
            for index in range(dataset.count(split)):
                image, label = resize(*dataset.load(split, index), size)
                # Plain writes: on a full disk a memory map kills the process, a write raises.
                with _writing(folder.parent):
                    _write(images, image.tobytes())
                    _write(labels, label.tobytes())
                done += 1
                if progress:
                    progress(done, total)
            with _writing(folder.parent):
                _commit(images)
                _commit(labels)


def resize(image: Pixels, labels: Pixels, size: Size) -> tuple[Pixels, Pixels]:
    """Image (H, W, 3) and labels (H, W) at ``size``; labels keep to the values they have."""
    if labels.shape == tuple(size):
        return image, labels
    to = size[1], size[0]
    small = Image.fromarray(image).resize(to, Image.Resampling.BILINEAR)
    nearest = Image.fromarray(labels).resize(to, Image.Resampling.NEAREST)
    return np.asarray(small), np.asarray(nearest)


def _begin(file: FileIO, shape: tuple[int, ...]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    _write(file, header.getvalue())


def _write(file: FileIO, content: Buffer) -> None:
    """All of it: an unbuffered file may take less at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _commit(file: FileIO) -> None:
    """On the disk before the rename is: a power cut must not leave a named pack of zeros."""
    os.fsync(file.fileno())


def _publish(making: Path, target: Path) -> None:
    """Give a finished pack its name, unless another process was first."""
    with _writing(target.parent):
        if target.exists() and not _is_whole(target):
            damaged = _hidden(target.parent)
            os.replace(target, damaged)
            shutil.rmtree(damaged, ignore_errors=True)
        try:
            os.replace(making, target)
        except OSError:
            if not _is_whole(target):
                raise


def _hidden(cache: Path) -> Path:
    """A name for work in progress that tells whose it is."""
    return cache / f".packing-{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


def _sweep(cache: Path) -> None:
    """Remove what processes of this machine left that were killed while packing."""
    for folder in cache.glob(f".packing-{socket.gethostname()}-*-*"):
        owner = folder.name.rsplit("-", 2)[1]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _check_space(dataset: Dataset, size: Size, cache: Path) -> None:
    need = sum(dataset.count(split) for split in SPLITS) * size[0] * size[1] * 4
    if (free := shutil.disk_usage(cache).free) < need:
        raise UserError(
            f"{cache} has {free / 1e6:.0f} MB free but the packed data need {need / 1e6:.0f} MB:"
            " free some space or name another cache folder"
        )


@contextmanager
def _writing(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        advice = "free some space" if error.errno in FULL else "make it writable"
        raise UserError(
            f"cannot write packed data to {cache}: {error.strerror};"
            f" {advice} or name another cache folder"
        ) from error
