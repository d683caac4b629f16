"""What a fingerprint is made of: plain records, each of one thing that is measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.faults import Fault, systematic
from proxy_tasks.intensities import Intensities
from search_space.errors import UserError

Size = tuple[int, int]
"""(height, width) in pixels."""


def _plain_sizes(sizes: Counter[Size]) -> list[list[int]]:
    return [[*size, images] for size, images in sorted(sizes.items())]


def _read_sizes(values: Any) -> Counter[Size]:
    if isinstance(values, Counter):
        return values
    return Counter({(int(h), int(w)): int(images) for h, w, images in values})


Sizes = Annotated[Counter[Size], PlainValidator(_read_sizes), PlainSerializer(_plain_sizes)]
"""How many images have each size; as JSON, [[height, width, images]]."""


@dataclass(frozen=True)
class PartTraits:
    """Train, val or test. Of the pairs that have nothing wrong, all but ``number``.

    By class: ``pixels``, and ``images`` that show it. ``void`` counts pixels, ``sizes`` images.
    ``unlabelled`` names the images without a labelled pixel. ``groups``: how many scene folders
    the images come from, 0 where there are none.
    """

    number: int
    pixels: tuple[int, ...]
    images: tuple[int, ...]
    void: int = 0
    sizes: Sizes = field(default_factory=Counter)
    unlabelled: tuple[str, ...] = ()
    groups: int = 0

    @property
    def read(self) -> int:
        """Images that could be read."""
        return self.sizes.total()

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the labelled pixels, by class; zeros where none is labelled."""
        labelled = max(1, sum(self.pixels))
        return tuple(number / labelled for number in self.pixels)

    @property
    def void_share(self) -> float:
        """Of all pixels."""
        return self.void / max(1, self.void + sum(self.pixels))

    @property
    def short_sides(self) -> tuple[int, ...]:
        """Of each image, in pixels, in rising order."""
        return tuple(sorted(min(size) for size in self.sizes.elements()))


@dataclass(frozen=True)
class ChannelTraits:
    """Values of one channel over all training pixels, as shares of full brightness (255 or 65535):
    mean, standard deviation, smallest, 0.5 and 99.5 percentile, largest."""

    mean: float
    std: float
    lowest: float
    dark: float
    bright: float
    highest: float


@dataclass(frozen=True)
class Thickness:
    """How thin the structures of one class are, in native pixels, see `thickness.thicknesses`.

    ``lower`` and ``middle``: lower quartile and median over the training images that show an edge
    of the class; None where ``images``, their number, is 0.
    """

    lower: float | None
    middle: float | None
    images: int


@dataclass(frozen=True)
class Growth:
    """How thickness follows the images' short sides: thickness ~ short side ** ``slope``.

    Near 1: structures grow with the image, so cameras differ and images may be brought to one short
    side. Near 0: a pixel has one size in the world, and they must not. ``error`` is the slope's
    standard error, ``pairs`` how many (image, class) it comes from, see `thickness.growth`.
    """

    slope: float
    error: float
    pairs: int

    @property
    def grows(self) -> bool | None:
        """Whether the slope is nearer to 1 than to 0; None where that is within two errors."""
        if abs(self.slope - 0.5) < 2 * self.error:
            return None
        return self.slope > 0.5


@dataclass(frozen=True)
class Place:
    """Where in the image one class stands along one axis: 0 top or left, 1 bottom or right.

    ``mean``: over the training images that show it, of the mean place of its pixels in each;
    ``error``: its standard error; ``agree``: the share of the images in which it stands on that
    side of the middle; ``images``: their number. None for no image, ``error`` for one too.
    ``aside``: whether it stands off the middle in most images, beyond doubt, see `places.aside`.
    """

    mean: float | None
    error: float | None
    agree: float | None
    images: int
    aside: bool = False


@dataclass(frozen=True)
class Twin:
    """An image of val or test, and the one that it is most like of the parts trained on or chosen
    by: ``exact`` where all pixels agree, else alike but for compression or size."""

    part: Split
    name: str
    other_part: Split
    other: str
    exact: bool


def _plain_fault(fault: Fault) -> dict[str, Any]:
    return {**vars(fault), "path": str(fault.path)}


def _read_fault(values: Any) -> Fault:
    if isinstance(values, Fault):
        return values
    try:
        return Fault(**{**values, "path": Path(values["path"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"no fault: {error}") from error


@dataclass(frozen=True)
class Fingerprint:
    """Of a whole data set. ``thickness``, ``vertical`` and ``horizontal`` have an entry a class,
    ``brightness`` one a channel; these and ``growth`` are of the training images alone.

    ``parts`` has train, val and test, also where one is empty. ``depth``: 8 or 16 bits a channel in
    the files; ``bits``: how many of them the training images use. ``growth`` is None where short
    sides hardly differ. ``upright``: some class stands higher or lower than the middle, so images
    have an up; ``sided``: the same from left to right, so mirror images differ in kind. ``folded``:
    train is validated on in folds, val is the same images. ``faults``, one a file, keep the data
    set from being used; ``notes`` do not.
    """

    name: str
    classes: tuple[str, ...]
    channels: int
    depth: int
    bits: int
    parts: dict[Split, PartTraits]
    brightness: tuple[ChannelTraits, ...]
    thickness: tuple[Thickness, ...]
    growth: Growth | None
    vertical: tuple[Place, ...]
    horizontal: tuple[Place, ...]
    twins: tuple[Twin, ...] = ()
    folded: bool = False
    faults: tuple[
        Annotated[Fault, PlainValidator(_read_fault), PlainSerializer(_plain_fault)], ...
    ] = ()
    notes: tuple[str, ...] = ()

    @property
    def wrong(self) -> tuple[Fault, ...]:
        """``faults`` with those of one kind as one."""
        return tuple(systematic(self.faults))

    @property
    def upright(self) -> bool:
        return any(place.aside for place in self.vertical)

    @property
    def sided(self) -> bool:
        return any(place.aside for place in self.horizontal)

    @property
    def top(self) -> int:
        """Full brightness: 255 or 65535."""
        return 2**self.depth - 1

    @property
    def intensities(self) -> Intensities:
        """Mean and spread of the training images; a channel of one value has a spread of one."""
        return Intensities(
            tuple(channel.mean for channel in self.brightness),
            tuple(max(channel.std, 1 / self.top) for channel in self.brightness),
            self.top,
        )

    def to_dict(self) -> dict[str, Any]:
        """In JSON types, for `from_dict`."""
        plain: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Fingerprint:
        """What `to_dict` was called of. Raises UserError for anything else."""
        try:
            return _adapter().validate_python(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UserError(f"no fingerprint: {where}: {first['msg'].lower()}") from error


@cache
def _adapter() -> TypeAdapter[Fingerprint]:
    return TypeAdapter(Fingerprint)
