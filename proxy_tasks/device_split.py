"""A packed part as tensors: shared pages on a CPU; on a GPU resident, or brought there at need."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from proxy_tasks.datasets.packed import PackedSplit
from proxy_tasks.views import LARGEST


class DeviceSplit:
    """Images (h, w, C) and labels (H, W) of any sizes, uint8 or uint16, on ``device``.

    Not ``resident``, they come to a GPU one at a time: of what is looked at now and then.
    """

    def __init__(self, split: PackedSplit, device: torch.device, resident: bool = True) -> None:
        self.device, self.channels = device, split.channels
        self.index, self.counts_NK = split.index, split.counts
        self.places = split.places
        home = device if resident else torch.device("cpu")
        self._pixels = torch.from_numpy(split.pixels).to(home)
        self._marks = torch.from_numpy(split.marks).to(home)

    def __len__(self) -> int:
        return len(self.index)

    def image(self, number: int) -> Tensor:
        """(h, w, C) at the working resolution."""
        start, height, width = self.index[number, :3].tolist()
        stop = start + height * width * self.channels
        part = self._pixels[start:stop].view(height, width, self.channels)
        return part.to(self.device)

    def labels(self, number: int) -> Tensor:
        """(H, W) uint8."""
        start, height, width = self.index[number, 3:].tolist()
        part = self._marks[start : start + height * width].view(height, width)
        return part.to(self.device)

    def alike(self, numbers: Sequence[int], most: int) -> list[list[int]]:
        """The numbers in groups of at most ``most`` whose images have one size, and whose labels
        have one: each group makes a batch. Large images come fewer at a time, up to LARGEST pixels
        or one."""
        groups: dict[tuple[int, ...], list[list[int]]] = {}
        for number in numbers:
            _, *image, _, height, width = self.index[number].tolist()
            batches = groups.setdefault((*image, height, width), [[]])
            if len(batches[-1]) >= min(most, max(1, LARGEST // (image[0] * image[1]))):
                batches.append([])
            batches[-1].append(number)
        return [batch for batches in groups.values() for batch in batches]
