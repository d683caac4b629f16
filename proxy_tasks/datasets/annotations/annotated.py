"""A data set whose labels are shapes, painted when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import isqrt
from pathlib import Path

import numpy as np

from proxy_tasks.datasets.annotations import said
from proxy_tasks.datasets.annotations.naming import Naming, palette
from proxy_tasks.datasets.annotations.painting import Overlap, Painted, Tally, paint
from proxy_tasks.datasets.annotations.reading import Picture, Reading
from proxy_tasks.datasets.annotations.shapes import Size
from proxy_tasks.datasets.base import IGNORE, Pixels
from proxy_tasks.datasets.binary import some
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.images import read_header
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import Listings, Pair
from proxy_tasks.datasets.upright import Exif

FEW, MANY = 64, 512
"""Images, evenly spaced, that are painted when the data set is opened, and for its notes."""
FINE = 1 << 18
"""Pixels of an image that are looked at for that: of more, every second, third ... row."""


@dataclass(frozen=True)
class ShapeCode(LabelCode):
    """``rules``: what else decides how shapes are read."""

    rules: tuple[object, ...] = ()

    @property
    def identity(self) -> tuple[object, ...]:
        return self.classes, self.rules


class Annotated(FileDataset):
    """``reading`` is what the tool's files say, ``naming`` what its labels mean; for ``overlap``
    see `painting.OVERLAPS`."""

    def __init__(
        self, name: str, reading: Reading, naming: Naming, overlap: Overlap, listings: Listings
    ) -> None:
        self._naming, self._overlap, self._reading = naming, overlap, replace(reading, pictures=())
        self._pictures = {picture.image: picture for picture in reading.pictures}
        code = ShapeCode(naming.classes, rules=(reading.labels, *naming.identity, overlap))
        super().__init__(name, code, palette(naming.classes, reading.colours), listings)
        self._refused: tuple[Fault, ...] = ()
        if naming.uncovered is None:
            self._refused = said.uncovered(self._seen(FEW), reading.source, naming.classes)
        unknown = said.unknown(reading, naming)
        self.faults = (*self.faults, *reading.faults, *unknown, *self._refused)

    def read_labels(self, pair: Pair, image_size: Size | None) -> Pixels:
        """As drawn, on the image as it is stored or as it is turned. Raises Fault for pixels of
        which nobody said what they are, and where the image has another size than the one for which
        its shapes were drawn."""
        picture = self._pictures[pair.image]
        size = picture.size or (self._size(pair.image) if image_size else None)
        if size is None:
            return np.zeros((0, 0), np.uint8)
        if image_size is not None and size not in (image_size, image_size[::-1]):
            raise said.other_size(pair.image, size, image_size)
        labels, tally = self._paint(picture, size)
        if tally.uncovered and self._naming.uncovered is None and not self._refused:
            raise said.uncovered_in(pair.image, tally, self.classes)
        return labels

    def notes(self) -> tuple[str, ...]:
        """What was decided for the user, a line each."""
        seen = self._seen(MANY)
        rest = self._naming.uncovered
        uncovered = "void" if rest in (None, IGNORE) else repr(self.classes[rest or 0])
        return (
            *super().notes(),
            *self._reading.notes,
            *said.overlaps(seen, self._overlap),
            *said.bare(self._listed(), uncovered),
        )

    def _paint(self, picture: Picture, size: Size, step: int = 1) -> Painted:
        meaning, rest = self._naming.meaning, self._naming.uncovered
        shapes = [(meaning.get(label, IGNORE), shape) for label, shape in picture.areas]
        try:
            return paint(shapes, size, self._overlap, IGNORE if rest is None else rest, step)
        except ValueError as error:
            what = f"has a broken mask for {picture.image.name}: {error}; export it again"
            raise Fault(picture.source, what) from error

    def _seen(self, number: int) -> list[Tally]:
        """So many of the images, or all where there are fewer, without those that are broken."""
        found = []
        for picture in some(self._listed(), number):
            try:
                size = picture.size or self._size(picture.image)
                step = max(1, isqrt(size[0] * size[1] // FINE))
                found.append(self._paint(picture, size, step).tally)
            except Fault:
                continue
        return found

    def _listed(self) -> list[Picture]:
        """Of all parts."""
        return [self._pictures[pair.image] for pair in self._pairs()]

    def _size(self, image: Path) -> Size:
        """Of shapes that are shares of an image: as tools show it, unless the user says
        otherwise."""
        header = read_header(image)
        return header.size if self.exif == "raw" else header.turned_size

    @cached_property
    def _told_exif(self) -> Exif | None:
        """On what shapes were drawn, if the photographs that lie on their sides tell it."""
        told = {each for picture in self._listed() for each in _told(picture)}
        return told.pop() if len(told) == 1 else None


def _told(picture: Picture) -> Iterator[Exif]:
    try:
        header = read_header(picture.image)
    except Fault:
        return
    if header.size != header.turned_size:
        if picture.size in (None, header.turned_size):
            yield "turn"
        elif picture.size == header.size:
            yield "raw"
