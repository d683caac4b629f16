"""Images to pretrain on: a folder for each class, as ImageNet has them, or images without labels.

Read are FOLDER/CLASS/..., FOLDER/train/CLASS/... with FOLDER/val/CLASS/... beside it, and, where no
class is asked for, every image at any depth. Where nothing is set apart to validate on, the last
images of each folder by name are: frames of a video lie beside one another, so that every tenth
would have a twin that is trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from proxy_tasks.datasets.base import Colour, Pixels, Raster, Split
from proxy_tasks.datasets.digests import Digests
from proxy_tasks.datasets.files import existing
from proxy_tasks.datasets.images import read_header, read_image
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, walk
from search_space.errors import UserError

TRAIN, VAL = "train", "val"
"""Folders of ImageNet's layout."""


@dataclass(frozen=True)
class Pictures:
    """``files`` in their order; ``targets``: the class of each by number, empty without labels."""

    files: tuple[Path, ...]
    targets: tuple[int, ...] = ()

    def some(self, numbers: Sequence[int]) -> Pictures:
        """Those with these numbers."""
        targets = tuple(self.targets[n] for n in numbers) if self.targets else ()
        return Pictures(tuple(self.files[n] for n in numbers), targets)


@dataclass(frozen=True)
class ImageFolders:
    """A Dataset whose pixels have no classes. ``names`` are the classes of whole images, none
    without labels; ``cache`` is where digests are kept."""

    train: Pictures
    val: Pictures
    names: tuple[str, ...] = ()
    cache: Path | None = None
    name: str = "pictures"
    classes: tuple[str, ...] = ("picture",)
    palette: tuple[Colour, ...] = ((128, 128, 128),)
    folds: tuple[int, ...] = ()
    channels: int = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        """Channels and depth are those of the first image. Raises Fault where it is none."""
        header = read_header(self.train.files[0])
        object.__setattr__(self, "channels", header.channels)
        object.__setattr__(self, "depth", header.depth)

    @classmethod
    def open(
        cls,
        folder: Path,
        val: Path | None,
        labelled: bool,
        held_out: float,
        cache: Path | None = None,
    ) -> ImageFolders:
        """Find the images; none is read but the first one's header.

        Args:
            val: a folder of images to validate on, of the same layout.
            labelled: by a folder for each class.
            held_out: the share of each folder to validate on where nothing is set apart.

        Raises:
            UserError: for a folder that is not there or holds no images, fewer than two classes, or
                a class to validate on that is not trained on.
        """
        root = existing(folder, "images to pretrain on (--data)")
        train, beside = _parts(root)
        val = beside if val is None else existing(val, "images to validate on (--val)")
        names = _classes(train) if labelled else ()
        found = _listed(train, names)
        if val is not None:
            if labelled:
                _check_known(val, names)
            return cls(found, _listed(val, names), names, cache)
        kept, apart = _set_apart(found.files, held_out)
        if not apart:
            raise UserError(
                f"{folder}: {len(found.files)} images are too few to hold {held_out:g} of each"
                " folder out; give more, --val FOLDER, or a larger held_out"
            )
        return cls(found.some(kept), found.some(apart), names, cache)

    def count(self, split: Split) -> int:
        return len(self._part(split).files)

    def load(self, split: Split, index: int) -> tuple[Raster, Pixels]:
        """See Dataset; every pixel is of the one class that there is."""
        path = self._part(split).files[index]
        image = read_image(path)
        kind = image.shape[2], 8 * image.itemsize
        if kind != (self.channels, self.depth):
            raise UserError(
                f"{path} has {kind[0]} channels of {kind[1]} bits, the first image has"
                f" {self.channels} of {self.depth}: convert it, or leave it out"
            )
        return image, np.zeros(image.shape[:2], np.uint8)

    def image_name(self, split: Split, index: int) -> str:
        return f"{index}-{self._part(split).files[index].stem}"

    def group(self, split: Split, index: int) -> str:
        return self._part(split).files[index].parent.name

    def fingerprint(self, split: Split) -> str:
        files = self._part(split).files
        found = Digests(self.cache).of(files)
        return hashlib.sha256(repr([found[path] for path in files]).encode()).hexdigest()[:16]

    def digest(self) -> str:
        """Of what all images hold, of their order and their classes."""
        parts = [(self.fingerprint(each), self._part(each).targets) for each in ("train", "val")]
        return hashlib.sha256(repr((self.names, parts)).encode()).hexdigest()

    def _part(self, split: Split) -> Pictures:
        return {TRAIN: self.train, VAL: self.val}.get(split, Pictures(()))


def _parts(root: Path) -> tuple[Path, Path | None]:
    """Where ImageNet's layout is below ``root``, its two folders."""
    if not (root / TRAIN).is_dir():
        return root, None
    return root / TRAIN, root / VAL if (root / VAL).is_dir() else None


def _classes(root: Path) -> tuple[str, ...]:
    """Names of the folders that hold images, sorted. UserError where there are fewer than two."""
    named = sorted(
        {path.relative_to(root).parts[0] for path in _images(root) if path.parent != root}
    )
    if not named:
        raise UserError(
            f"{root}: no classes: a folder of images for each is needed, as in"
            f" {root.name}/CLASS/1.jpg; for images without labels give a --teacher"
        )
    if len(named) == 1:
        raise UserError(
            f"{root}: one class alone, {named[0]}, teaches nothing: give two folders or more, or a"
            " --teacher for images without labels"
        )
    return tuple(named)


def _check_known(val: Path, names: Sequence[str]) -> None:
    if unknown := sorted(set(_classes(val)) - set(names)):
        raise UserError(
            f"{val}: {unknown[0]} is no class of the images that are trained on"
            + (f" (nor are {len(unknown) - 1} more)" if len(unknown) > 1 else "")
        )


def _listed(root: Path, names: Sequence[str]) -> Pictures:
    """Of all classes, or all there are. UserError where there is none."""
    files = _images(root)
    if not names:
        return Pictures(tuple(files))
    number = {name: place for place, name in enumerate(names)}
    files = [path for path in files if path.parent != root]
    return Pictures(tuple(files), tuple(number[p.relative_to(root).parts[0]] for p in files))


def _images(root: Path) -> list[Path]:
    found = [path for path in walk(root) if path.suffix.lower() in IMAGE_SUFFIXES]
    if not found:
        raise UserError(f"{root}: holds no images: name another folder")
    return sorted(found, key=lambda path: (path.parent, path.name))


def _set_apart(files: Sequence[Path], share: float) -> tuple[list[int], list[int]]:
    """Numbers to train on, and of the last ``share`` of each folder, rounded down."""
    kept: list[int] = []
    apart: list[int] = []
    for _, numbers in groupby(range(len(files)), key=lambda number: files[number].parent):
        members = list(numbers)
        cut = len(members) - int(len(members) * share)
        kept += members[:cut]
        apart += members[cut:]
    return kept, apart
