"""A data set that lies in files: pairs of an image and a label map."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from proxy_tasks.datasets.base import SPLITS, Colour, Pixels, Split
from proxy_tasks.datasets.faults import Fault, Faults
from proxy_tasks.datasets.images import read_image, size
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import Listings, Pair
from search_space.errors import UserError


class FileDataset:
    """Reads no pixels until asked. What is missing stands in ``faults``; the label maps that no
    image goes with, in ``spare``."""

    def __init__(
        self, name: str, code: LabelCode, palette: Sequence[Colour], listings: Listings
    ) -> None:
        self.name, self.classes, self.palette = name, code.classes, tuple(palette)
        self._code, self._listings = code, listings
        self.faults = tuple(fault for split in SPLITS for fault in listings[split].faults)
        self.spare = tuple(path for split in SPLITS for path in listings[split].spare)

    def refuse_faults(self) -> None:
        """Raises Faults where files are missing."""
        if self.faults:
            raise Faults(self.faults)

    def count(self, split: Split) -> int:
        return len(self._listings[split].pairs)

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """Raises Faults naming the files that are unreadable or do not fit."""
        pair = self._listings[split].pairs[index]
        faults: list[Fault] = []
        image = _attempt(read_image, pair.image, faults)
        labels = _attempt(self.code_of(pair.label).read, pair.label, faults)
        if image is not None and labels is not None and image.shape[:2] != labels.shape:
            faults.append(_other_size(pair, image, labels))
        if image is None or labels is None or faults:
            raise Faults(faults)
        return image, labels

    def image_name(self, split: Split, index: int) -> str:
        """The file's, without its suffix."""
        return self._listings[split].pairs[index].image.stem

    def code_of(self, label: Path) -> LabelCode:
        """What the values of this label map mean."""
        return self._code

    def fingerprint(self, split: Split) -> str:
        """From names, sizes and times of the files, the classes and what label values mean."""
        digest = hashlib.sha256(repr(self._code.identity).encode())
        for path in (path for pair in self._listings[split].pairs for path in pair):
            try:
                stat = path.stat()
            except OSError as error:
                raise UserError(f"{path} cannot be read: {error.strerror}") from error
            digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:16]


def existing(root: Path, holds: str) -> Path:
    """``root`` with ``~`` resolved. UserError where it is no folder; ``holds`` says what it is."""
    if not (path := root.expanduser()).is_dir():
        raise UserError(f"no folder {path}: give the folder that holds {holds}")
    return path


def _attempt(read: Callable[[Path], Pixels], path: Path, faults: list[Fault]) -> Pixels | None:
    try:
        return read(path)
    except Fault as fault:
        faults.append(fault)
        return None


def _other_size(pair: Pair, image: np.ndarray, labels: np.ndarray) -> Fault:
    return Fault(
        pair.label,
        f"is {size(labels)} but {pair.image.name} is {size(image)}:"
        " an image and its labels must have the same size",
    )
