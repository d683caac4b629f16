"""An embedded data set: procedural street scenes, drawn when they are asked for.

Nothing to download. The scenes are stylised, but what makes street scenes hard is there: depth
decides size, things hide each other, classes share colours and each instance has its own, thin
poles and railings matter, light and shadows differ, borders are void.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random

import numpy as np

from proxy_tasks.datasets.base import SPLITS, Colour, Pixels, Split
from proxy_tasks.datasets.street.canvas import Kind
from proxy_tasks.datasets.street.layout import paint_scene
from proxy_tasks.datasets.street.light import add_bonnet, expose, forget
from search_space.errors import UserError

CLASSES = tuple(kind.name.lower() for kind in Kind if kind is not Kind.VOID)
PALETTE: tuple[Colour, ...] = (
    (70, 130, 180), (70, 70, 70), (153, 153, 153), (128, 64, 128), (244, 35, 232), (107, 142, 35),
    (220, 220, 0), (190, 153, 153), (0, 0, 142), (220, 20, 60), (119, 11, 32),
)  # fmt: skip

# Part of the fingerprint: count it up when the drawing changes, so that no stale pack is used.
_VERSION = 1
_MOST = 1_000_000


@dataclass(frozen=True)
class Scenes:
    """``train`` and ``val`` scenes of ``size`` (height, width) pixels.

    A scene depends on (seed, split, index) alone: larger splits begin with the same scenes. Other
    sizes show the same streets. Raises UserError for sizes and numbers that make no data set.
    """

    train: int = 512
    val: int = 128
    size: tuple[int, int] = (96, 128)
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.train, self.val) < 1:
            raise UserError(
                f"scenes: train and val must be at least 1, but are {self.train} and {self.val}"
            )
        if max(self.train, self.val) > _MOST:
            raise UserError(
                f"scenes: train and val must be at most {_MOST}, but are {self.train} and"
                f" {self.val}"
            )
        if min(self.size) < 16 or max(self.size) > 4096:
            height, width = self.size
            raise UserError(f"scenes: size must lie in 16 to 4096 pixels, but is {height}x{width}")
        if self.seed < 0:
            raise UserError(f"scenes: seed must be 0 or more, but is {self.seed}")

    @property
    def name(self) -> str:
        return "scenes"

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    @property
    def palette(self) -> tuple[Colour, ...]:
        return PALETTE

    @property
    def channels(self) -> int:
        return 3

    @property
    def depth(self) -> int:
        return 8

    @property
    def folds(self) -> tuple[int, ...]:
        return ()

    def count(self, split: Split) -> int:
        return {"train": self.train, "val": self.val, "test": 0}[split]

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """Raises IndexError beyond the split's end."""
        if not 0 <= index < self.count(split):
            raise IndexError(f"no scene {index}: {split} has {self.count(split)}")
        rng = np.random.default_rng([self.seed, SPLITS.index(split), index])
        street = Random(int(rng.integers(1 << 62)))
        image, labels = paint_scene(self.size, street).read()
        image = expose(image, labels, rng)
        labels = forget(labels, rng)
        add_bonnet(image, labels, rng)
        return image, labels

    def image_name(self, split: Split, index: int) -> str:
        return f"{split}-{index:04d}"

    def group(self, split: Split, index: int) -> str:
        return ""

    def fingerprint(self, split: Split) -> str:
        text = f"scenes {_VERSION} {self.seed} {split} {self.count(split)} {self.size}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]
