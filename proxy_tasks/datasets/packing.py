"""Decodes a data set once into a pack, see proxy_tasks.datasets.packed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from proxy_tasks.datasets.appearing import appearing, commit, write, write_meta, writing
from proxy_tasks.datasets.base import SPLITS, Dataset, Pixels, Split
from proxy_tasks.datasets.packed import FORMAT, Size, damaged, digests, is_whole
from proxy_tasks.datasets.unlabelled import WithUnlabelled
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.resizing import resized
from proxy_tasks.sight import Sight
from search_space.errors import UserError
from search_space.files import at_home

Progress = Callable[[int, int], None]
Tell = Callable[[str], None]

PLACES = 64
"""Pixels of each class that an image gives to `places`, at most."""

_HEADER = 128
"""Bytes of an array's header, written last as sizes are known then."""


def pack(
    dataset: Dataset,
    sight: Sight,
    cache: Path | str,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Path:
    """Read every image once, bring it to its size in ``sight``, and return the pack's folder.

    Images are antialiased; labels to train on take the nearest pixel, those to validate on keep
    their own size. What was packed before is read through and returned; where it is damaged, it is
    packed again, and ``tell`` is called with a line that says so. ``progress`` is called with
    (images done, images in all).

    Raises UserError for data that cannot be trained on and for a disk that is full or read-only;
    then nothing stays behind.
    """
    meta = _describe(dataset, sight)
    target = _place(meta, cache)
    if is_whole(target):
        if not (bad := damaged(target)):
            return target
        if tell:
            tell(f"{target}: {bad[0]} is not as it was packed; packed again")
    with appearing(target) as making:
        meta |= _fill(making, dataset, sight, progress)
        meta["digests"] = digests(making, meta["files"])
        if any(dataset.fingerprint(split) != meta["fingerprints"][split] for split in SPLITS):
            raise UserError(
                f"the files of {dataset.name!r} changed while being packed: start again"
            )
        write_meta(making, meta)
    return target


def place(dataset: Dataset, sight: Sight, cache: Path | str) -> Path:
    """The folder that ``pack`` returns, whether or not there is one."""
    return _place(_describe(dataset, sight), cache)


def _place(meta: dict[str, Any], cache: Path | str) -> Path:
    return at_home(Path(cache)) / f"{meta['name']}-{_digest(meta)}"


def _describe(dataset: Dataset, sight: Sight) -> dict[str, Any]:
    """All that the content of a pack depends on, in JSON types."""
    unlabelled = len(dataset.files) if isinstance(dataset, WithUnlabelled) else 0
    return ({"unlabelled": unlabelled} if unlabelled else {}) | {
        "format": FORMAT,
        "name": dataset.name,
        "classes": list(dataset.classes),
        "palette": [list(colour) for colour in dataset.palette],
        "sight": asdict(sight),
        "channels": dataset.channels,
        "counts": {split: dataset.count(split) for split in SPLITS},
        "folds": list(dataset.folds),
        "fingerprints": {split: dataset.fingerprint(split) for split in SPLITS},
    }


def _digest(meta: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()[:16]


def _fill(
    folder: Path, dataset: Dataset, sight: Sight, progress: Progress | None
) -> dict[str, Any]:
    """Write the arrays; returns what only the pixels tell: intensities, lengths of the files."""
    total, done = sum(dataset.count(split) for split in SPLITS), 0
    moments = _Moments(dataset.channels)
    nbytes: dict[str, int] = {}
    for split in SPLITS:
        part = _Part(folder, split, len(dataset.classes))
        with part:
            for number in range(dataset.count(split)):
                image, labels = dataset.load(split, number)
                seen = sight.seen(labels.shape)
                small = resized(image, seen)
                if split == "train":
                    labels = nearest(labels, seen)
                    moments.add(small)
                part.add(number, small, labels)
                done += 1
                if progress:
                    progress(done, total)
            nbytes |= part.close()
        if not part.counts.sum():
            raise UserError(f"{dataset.name!r}: no pixel of {split} has a class: all is void")
    return {"intensities": asdict(moments.intensities(dataset.depth)), "files": nbytes}


class _Part:
    """The files of one split while they are being written."""

    def __init__(self, folder: Path, split: Split, classes: int) -> None:
        self._folder, self._split, self._classes = folder, split, classes
        self._index: list[tuple[int, ...]] = []
        self._rows: list[NDArray[np.int64]] = []
        self._places: list[NDArray[np.int32]] = []
        self._shapes: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        self._ends, self._dtype = [0, 0], np.dtype(np.uint8)

    @property
    def counts(self) -> NDArray[np.int64]:
        return np.array(self._rows, np.int64).reshape(-1, self._classes)

    def __enter__(self) -> None:
        # Unbuffered: on a full disk a buffer would fail once more, uncaught, on closing.
        names = (f"{kind}-{self._split}.npy" for kind in ("images", "labels"))
        with writing(self._folder.parent):
            self._files = [(self._folder / name).open("wb", buffering=0) for name in names]
            for file in self._files:
                write(file, bytes(_HEADER))

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def add(self, number: int, image: Pixels, labels: Pixels) -> None:
        """Plain writes: on a full disk a memory map kills the process, a write raises."""
        _check_space(self._folder.parent, image.nbytes + labels.nbytes)
        with writing(self._folder.parent):
            for file, pixels in zip(self._files, (image, labels), strict=True):
                write(file, np.ascontiguousarray(pixels).data.cast("B"))
        start, below = self._ends
        self._index.append((start, *image.shape[:2], below, *labels.shape))
        self._ends = [start + image.size, below + labels.size]
        self._shapes.add((image.shape, labels.shape))
        self._dtype = image.dtype
        self._rows.append(np.bincount(labels.ravel(), minlength=256)[: self._classes])
        if self._split == "train":
            self._places.append(_some_places(labels, number, self._classes))

    def close(self) -> dict[str, int]:
        """Headers and the small arrays; the bytes of each file's array."""
        pairs = zip(self._files, self._ends, (self._dtype, np.dtype(np.uint8)), strict=True)
        nbytes = {}
        with writing(self._folder.parent):
            for (file, end, dtype), kind in zip(pairs, ("images", "labels"), strict=True):
                file.seek(0)
                write(file, _header(self._shape(end, kind), dtype))
                commit(file)
                nbytes[f"{kind}-{self._split}.npy"] = end * dtype.itemsize
            arrays = {"index": np.array(self._index, np.int64), "counts": self.counts}
            if self._split == "train":
                places = np.concatenate([np.empty((0, 4), np.int32), *self._places])
                arrays["places"] = places[np.argsort(places[:, 0], kind="stable")]
            for kind, array in arrays.items():
                nbytes[f"{kind}-{self._split}.npy"] = array.nbytes
                with (self._folder / f"{kind}-{self._split}.npy").open("wb", buffering=0) as small:
                    write(small, _header(array.shape, array.dtype))
                    write(small, array.tobytes())
                    commit(small)
        return nbytes

    def _shape(self, end: int, kind: str) -> tuple[int, ...]:
        """(N, ...) where all images are of one size, which other programs read with ease; else
        flat."""
        if len(self._shapes) != 1:
            return (end,)
        ((image, labels),) = self._shapes
        return (len(self._index), *(image if kind == "images" else labels))


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """As numpy's format 1.0 has it, always of one length."""
    text = repr({"descr": dtype.str, "fortran_order": False, "shape": shape})
    start = np.lib.format.magic(1, 0)
    room = _HEADER - len(start) - 2
    return start + room.to_bytes(2, "little") + f"{text:<{room - 1}}\n".encode("latin1")


def _some_places(labels: Pixels, number: int, classes: int) -> NDArray[np.int32]:
    """Rows of `places` for one image: up to PLACES pixels of each class, drawn by its number."""
    rng = np.random.default_rng(number)
    rows = []
    for label in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[:classes]):
        found = np.flatnonzero(labels == label)
        chosen = rng.choice(found, min(PLACES, len(found)), replace=False)
        row, column = np.divmod(np.sort(chosen), labels.shape[1])
        rows.append(np.stack([np.full_like(row, label), np.full_like(row, number), row, column], 1))
    return np.concatenate(rows).astype(np.int32) if rows else np.empty((0, 4), np.int32)


class _Moments:
    """Mean and spread of each channel, over all pixels that are added."""

    def __init__(self, channels: int) -> None:
        self._pixels = 0
        self._sum, self._squares = np.zeros((2, channels))

    def add(self, image: Pixels) -> None:
        values = image.reshape(-1, image.shape[2]).astype(np.float64)
        self._pixels += len(values)
        self._sum += values.sum(0)
        self._squares += np.einsum("pc,pc->c", values, values)

    def intensities(self, depth: int) -> Intensities:
        """Photographs of 8 bits keep the figures that pretrained weights expect."""
        if depth == 8 and len(self._sum) == NATURAL.channels:
            return NATURAL
        top = 2**depth - 1
        mean = self._sum / max(1, self._pixels)
        # At least a step of the values: a band that is constant here may not be so elsewhere.
        spread = np.sqrt(np.maximum(self._squares / max(1, self._pixels) - mean**2, 1.0))
        return Intensities(tuple((mean / top).tolist()), tuple((spread / top).tolist()), top)


def nearest(labels_HW: Pixels, size: Size) -> Pixels:
    """Labels at ``size``; they keep to the values they have."""
    if labels_HW.shape == size:
        return labels_HW
    to = size[1], size[0]
    return np.asarray(Image.fromarray(labels_HW).resize(to, Image.Resampling.NEAREST))


def _check_space(cache: Path, need: int) -> None:
    if (free := shutil.disk_usage(cache).free) < need:
        raise UserError(
            f"{cache} has {free / 1e6:.0f} MB free but the next image needs {need / 1e6:.0f} MB:"
            " free some space or name another cache folder"
        )
