"""Images without labels beside a data set: they are trained on through a teacher alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from proxy_tasks.datasets.base import IGNORE, Colour, Dataset, Pixels, Raster, Split
from proxy_tasks.datasets.digests import Digests
from proxy_tasks.datasets.files import existing
from proxy_tasks.datasets.images import read_image
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES
from search_space.errors import UserError


@dataclass(frozen=True)
class WithUnlabelled:
    """``labelled``, and behind its images to train on those of ``folders``, every pixel void.
    ``cache`` is where digests are kept."""

    labelled: Dataset
    folders: Sequence[Path]
    cache: Path | None = None
    listed: Sequence[Sequence[Path]] = field(init=False)
    """The images of each folder."""

    def __post_init__(self) -> None:
        """UserError for a folder that is none, or holds no image."""
        object.__setattr__(self, "listed", tuple(map(_images, self.folders)))

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Those of all folders."""
        return tuple(chain.from_iterable(self.listed))

    @property
    def name(self) -> str:
        return self.labelled.name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.labelled.classes

    @property
    def palette(self) -> tuple[Colour, ...]:
        return self.labelled.palette

    @property
    def channels(self) -> int:
        return self.labelled.channels

    @property
    def depth(self) -> int:
        return self.labelled.depth

    @property
    def folds(self) -> tuple[int, ...]:
        """Of the labelled images, which come first."""
        return self.labelled.folds

    def count(self, split: Split) -> int:
        return self.labelled.count(split) + (len(self.files) if split == "train" else 0)

    def load(self, split: Split, index: int) -> tuple[Raster, Pixels]:
        """See Dataset."""
        if (path := self._file(split, index)) is None:
            return self.labelled.load(split, index)
        image = read_image(path)
        kind = image.shape[2], 8 * image.itemsize
        if kind != (self.channels, self.depth):
            raise UserError(
                f"data.unlabelled: {path} has {kind[0]} channels of {kind[1]} bits, the labelled"
                f" images have {self.channels} of {self.depth}: convert it"
            )
        return image, np.full(image.shape[:2], IGNORE, np.uint8)

    def image_name(self, split: Split, index: int) -> str:
        path = self._file(split, index)
        if path is None:
            return self.labelled.image_name(split, index)
        return f"unlabelled-{index - self.labelled.count('train')}-{path.stem}"

    def group(self, split: Split, index: int) -> str:
        return "" if self._file(split, index) else self.labelled.group(split, index)

    def fingerprint(self, split: Split) -> str:
        known = self.labelled.fingerprint(split)
        if split != "train":
            return known
        told = repr((known, sorted(self.digests().items())))
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def digests(self) -> dict[str, str]:
        """What each image without labels holds, by its folder's number and its path there."""
        found = Digests(self.cache).of(self.files)
        named = {}
        for number, (folder, listed) in enumerate(zip(self.folders, self.listed, strict=True)):
            for path in listed:
                name = path.relative_to(folder.expanduser()).as_posix()
                named[f"unlabelled/{number}/{name}"] = found[path]
        return named

    def _file(self, split: Split, index: int) -> Path | None:
        behind = index - self.labelled.count("train")
        return self.files[behind] if split == "train" and behind >= 0 else None


def _images(folder: Path) -> list[Path]:
    root = existing(folder, "images without labels (data.unlabelled)")
    found = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    if not found:
        raise UserError(f"data.unlabelled: {folder} holds no images: name another folder")
    return found
