"""What a teacher says of every training image, computed once: a folder that trainings share.

    meta.json            the format, what it was made from, and the digest of each array
    soft-train.npy       logarithms of probabilities, fp16, image after image as (h, K, w)
    index-train.npy      (N, 3) int64: where an image begins, its h and w

An image of H x W pixels at the working resolution has h x w = H/4 x W/4 places, rounded up: as many
as most networks put out. Between them the logarithms are interpolated bilinearly and normalised
again, which for a network's logits is what its own up-sampling does. How one is written:
proxy_tasks.datasets.soft_packing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from proxy_tasks.datasets.packed import is_whole
from search_space.errors import UserError

STRIDE = 4
"""Pixels of the working resolution along a side of each place."""


def places(size: tuple[int, int]) -> tuple[int, int]:
    """(h, w) of an image of this (height, width)."""
    return -(-size[0] // STRIDE), -(-size[1] // STRIDE)


def soft_bytes(folder: Path) -> int:
    """What a GPU holds of them; 0 where they are gone."""
    values = folder / "soft-train.npy"
    return values.stat().st_size if values.is_file() else 0


@dataclass(frozen=True)
class SoftLabels:
    """Of N images: ``values`` fp16, all images raveled; ``index`` as its file."""

    values: Tensor
    index: np.ndarray
    classes: int

    @classmethod
    def open(cls, folder: Path, device: torch.device) -> SoftLabels:
        """Shared pages on a CPU, resident on a GPU. UserError where no whole folder is there."""
        if not is_whole(folder):
            raise UserError(f"no soft labels in {folder}: start again, they are made anew")
        values = np.load(folder / "soft-train.npy", mmap_mode="c")
        meta = json.loads((folder / "meta.json").read_text())
        index = np.load(folder / "index-train.npy")
        return cls(torch.from_numpy(values).to(device), index, len(meta["classes"]))

    def __len__(self) -> int:
        return len(self.index)

    def image(self, number: int) -> Tensor:
        """log p, (h, K, w) fp16."""
        start, height, width = self.index[number].tolist()
        stop = start + height * self.classes * width
        return self.values[start:stop].view(height, self.classes, width)
