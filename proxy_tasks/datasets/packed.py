"""A data set decoded once into memory maps that all processes of a machine share.

Images keep their shapes: all pixels of a part lie one after the other in one file, and an index
says where each image begins and how large it is. A pack is a folder:

    meta.json                 what it was made from, what it holds, and the digest of each array
    images-PART.npy           pixels at the working resolution
    labels-PART.npy           train: labels at the working resolution; val: at their own size
    index-PART.npy            (N, 6) int64: see `PackedSplit`
    counts-PART.npy           (N, K) int64: pixels of each class
    places-train.npy          (P, 4) int32: class, image, row, column of some pixels of each class

PART is train and val. How one is written: proxy_tasks.datasets.packing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy_tasks.datasets.base import Colour, Pixels, Split
from proxy_tasks.datasets.digests import Digests
from proxy_tasks.intensities import Intensities
from proxy_tasks.sight import Sight
from search_space.errors import UserError

FORMAT = "packed/3"
SOFT_FORMAT = "soft/1"
"""Of a folder with what a teacher says of the images, see proxy_tasks.soft_labels."""
MAPS_FORMAT = "maps/1"
"""Of a folder with a network whose maps are learnt, see proxy_tasks.teacher_maps."""
Size = tuple[int, int]

PIECE = 64 * 2**20
"""Bytes that travel at a time."""


@dataclass(frozen=True)
class PackedSplit:
    """Images of any sizes with their labels.

    ``pixels`` are uint8 or uint16, all images raveled one after the other, ``marks`` their labels
    alike; a row of ``index`` holds where an image's pixels begin, its height and width, where its
    labels begin, their height and width. ``counts`` are pixels by (image, class); a row of
    ``places`` is class, image, row and column of a labelled pixel, sorted by class. Pixels and
    marks are memory maps; writing to them changes this process's copy only.
    """

    pixels: NDArray[Any]
    marks: Pixels
    index: NDArray[np.int64]
    counts: NDArray[np.int64]
    channels: int = 3
    places: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.index)

    def image(self, number: int) -> Pixels:
        """(h, w, C) at the working resolution."""
        start, height, width = self.index[number, :3]
        stop = start + height * width * self.channels
        return self.pixels[start:stop].reshape(height, width, self.channels)

    def labels(self, number: int) -> Pixels:
        """(H, W) of class indices, `IGNORE` where void."""
        start, height, width = self.index[number, 3:]
        return self.marks[start : start + height * width].reshape(height, width)

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes + self.marks.nbytes


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
    def sight(self) -> Sight:
        """How large images are seen: it made the pack's images."""
        return Sight.from_dict(self._meta["sight"])

    @property
    def intensities(self) -> Intensities:
        return Intensities.from_dict(self._meta["intensities"])

    @property
    def folds(self) -> tuple[int, ...]:
        """In which fold each image of val, which are those of train then, is held out; empty where
        train and val are parts of their own."""
        return tuple(self._meta["folds"])

    @property
    def unlabelled(self) -> int:
        """How many images of train, the last ones, have no labels and are trained on through a
        teacher alone."""
        return int(self._meta.get("unlabelled", 0))

    def __reduce__(self) -> tuple[type[PackedData], tuple[Path]]:
        return PackedData, (self.path,)

    @cached_property
    def _meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = json.loads((self.path / "meta.json").read_text())
        return meta

    def _open(self, split: Split) -> PackedSplit:
        # Copy-on-write: torch refuses to promise anything about arrays that it cannot write to.
        pixels, marks = (
            np.load(self.path / f"{kind}-{split}.npy", mmap_mode="c").reshape(-1)
            for kind in ("images", "labels")
        )
        index, counts = (np.load(self.path / f"{kind}-{split}.npy") for kind in ("index", "counts"))
        places = np.load(self.path / "places-train.npy") if split == "train" else None
        return PackedSplit(pixels, marks, index, counts, self._meta["channels"], places)


def open_packed(path: Path | str) -> PackedData:
    """Raises UserError where no whole pack lies at ``path``."""
    if not is_whole(Path(path)):
        raise UserError(f"no packed data set in {path}: pack it again")
    return PackedData(Path(path))


def is_whole(path: Path) -> bool:
    """Whether all files are there at their full length: what is seen without reading them."""
    try:
        meta = json.loads((path / "meta.json").read_text())
        if meta["format"] not in (FORMAT, SOFT_FORMAT, MAPS_FORMAT):
            return False
        return all(
            np.load(path / name, mmap_mode="r").nbytes == nbytes
            for name, nbytes in meta["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def damaged(path: Path) -> list[str]:
    """The files of a whole pack that do not hold what was packed: all are read, about a second a
    GB."""
    expected = json.loads((path / "meta.json").read_text())["digests"]
    return [name for name, digest in digests(path, expected).items() if digest != expected[name]]


def digests(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Of these files of a pack, by name. UserError for one that cannot be read."""
    found = Digests().of(path / name for name in names)
    return {file.name: digest for file, digest in found.items()}


def contents(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The bytes of a pack's files in pieces of at most PIECE, each with the name of its file; the
    pieces of a file follow one another."""
    for file in sorted(path.iterdir()):
        whole = np.memmap(file, np.uint8, "r")
        for start in range(0, len(whole), PIECE):
            yield file.name, whole[start : start + PIECE]
