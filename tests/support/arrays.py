"""Data sets of arrays in memory, for tests of what is packed, cropped and trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from proxy_tasks.datasets.base import Colour, Split, distinct_palette
from proxy_tasks.datasets.packed import PackedData, open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.sight import Sight

Pair = tuple[NDArray[Any], NDArray[np.uint8]]
"""An image (H, W, C) and its labels (H, W)."""


@dataclass(frozen=True)
class Arrays:
    """What is given; with ``folds`` val is train."""

    train: Sequence[Pair]
    val: Sequence[Pair]
    classes: tuple[str, ...] = tuple("abcdefghijk")
    folds: tuple[int, ...] = ()
    name: str = "arrays"

    @property
    def palette(self) -> tuple[Colour, ...]:
        return distinct_palette(len(self.classes))

    @property
    def channels(self) -> int:
        return int(self.train[0][0].shape[2])

    @property
    def depth(self) -> int:
        return 8 * self.train[0][0].itemsize

    def count(self, split: Split) -> int:
        return {"train": len(self.train), "val": len(self.val), "test": 0}[split]

    def load(self, split: Split, index: int) -> Pair:
        return (self.train if split == "train" else self.val)[index]

    def image_name(self, split: Split, index: int) -> str:
        return f"{split}-{index}"

    def group(self, split: Split, index: int) -> str:
        return ""

    def fingerprint(self, split: Split) -> str:
        parts = [array.tobytes() for index in range(self.count(split))
                 for array in self.load(split, index)]  # fmt: skip
        return hashlib.sha256(b"".join(parts)).hexdigest()


def packed(
    train: Sequence[Pair],
    val: Sequence[Pair] = (),
    sight: Sight | None = None,
    **given: Any,
) -> PackedData:
    """A pack that is open, and on no disk any more: by default at the images' own sizes. Without
    ``val`` that is train."""
    with TemporaryDirectory() as cache:
        dataset = Arrays(train, val or train, **given)
        data = open_packed(pack(dataset, sight or Sight(factor=1), cache))
        assert len(data.train)
        assert len(data.val)
        return data


def split_of(images: Any, labels: Any, **given: Any) -> DeviceSplit:
    """To train on, at the images' own sizes."""
    pairs = [(np.asarray(i), np.asarray(j)) for i, j in zip(images, labels, strict=True)]
    return DeviceSplit(packed(pairs, **given).train, torch.device("cpu"))
