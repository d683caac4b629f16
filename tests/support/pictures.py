"""Data sets of arrays with all that is measured of data sets: test parts, scenes, broken files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from proxy_tasks.datasets.base import Split
from tests.support.arrays import Arrays, Pair


@dataclass(frozen=True)
class Pictures(Arrays):
    """In place of a pair may stand what loading it raises. ``groups``: of the training images."""

    train: Sequence[Pair | Exception]
    val: Sequence[Pair | Exception] = ()
    classes: tuple[str, ...] = ("road", "car", "sky")
    test: Sequence[Pair | Exception] = ()
    groups: Sequence[str] = ()
    loaded: Counter = field(default_factory=Counter)

    @property
    def _first(self) -> np.ndarray:
        whole = (each for each in self.train if not isinstance(each, Exception))
        return next(whole, (np.zeros((1, 1, 3), np.uint8),))[0]

    @property
    def channels(self) -> int:
        return self._first.shape[2]

    @property
    def depth(self) -> int:
        return 8 * self._first.itemsize

    def count(self, split: Split) -> int:
        return len(getattr(self, split))

    def load(self, split: Split, index: int) -> Pair:
        self.loaded[split, index] += 1
        found = getattr(self, split)[index]
        if isinstance(found, Exception):
            raise found
        return found

    def group(self, split: Split, index: int) -> str:
        return self.groups[index] if split == "train" and self.groups else ""


def noise(*seed: int, shape=(16, 24), channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max + 1, (*shape, channels), dtype)


def labels(rows, width: int = 24) -> np.ndarray:
    """A label map from the label of each row."""
    return np.repeat(np.asarray(rows, np.uint8)[:, None], width, 1)
