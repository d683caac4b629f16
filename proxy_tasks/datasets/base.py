"""What a data set is to everything that trains on it."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

IGNORE = 255
"""The label of void pixels: never trained on, never scored."""

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, Split] = ("train", "val")
"""What is packed, trained and chosen on."""
PARTS: tuple[Split, Split, Split] = ("train", "val", "test")
"""All that a data set may have. Nothing is ever chosen by its test part."""

Colour = tuple[int, int, int]
Pixels = NDArray[np.uint8]
Raster = NDArray[np.uint8 | np.uint16]
"""An image, (H, W, C)."""


class Dataset(Protocol):
    """Images with one class index a pixel. ``palette`` gives each class a colour for pictures."""

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def palette(self) -> tuple[Colour, ...]: ...

    @property
    def channels(self) -> int:
        """Of every image: 3 where it is grey or has a palette, too."""
        ...

    @property
    def depth(self) -> int:
        """Bits a channel, 8 or 16."""
        ...

    @property
    def folds(self) -> tuple[int, ...]:
        """In which fold each image of val is held out, where train is validated on in folds: val
        is the images of train then, in their order. Empty where they are parts of their own."""
        ...

    def count(self, split: Split) -> int:
        """How many images the split has; 0 where there is no test part."""
        ...

    def load(self, split: Split, index: int) -> tuple[Raster, Pixels]:
        """The image (H, W, C), uint8 or uint16 as ``depth`` says, and its labels (H, W) uint8,
        `IGNORE` where void.

        Raises UserError, with the file named, for what cannot be trained on.
        """
        ...

    def image_name(self, split: Split, index: int) -> str:
        """What files made of this image are called; no other of the split has it."""
        ...

    def group(self, split: Split, index: int) -> str:
        """The scene that the image was cut from, its folder's name; empty where there is none."""
        ...

    def fingerprint(self, split: Split) -> str:
        """Changes when the content would."""
        ...


def distinct_palette(number: int) -> tuple[Colour, ...]:
    """A colour for each class, none twice: the bit-interleaved map that PASCAL VOC made usual,
    without its black first entry."""
    return tuple(_interleave(index + 1) for index in range(number))


def _interleave(index: int) -> Colour:
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            channels[channel] |= (index >> (3 * place + channel) & 1) << (7 - place)
    return channels[0], channels[1], channels[2]
