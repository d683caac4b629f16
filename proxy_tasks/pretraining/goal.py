"""What a backbone is pretrained for: the network around it, its loss, and what is held out.

Shapes: B images, C channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from proxy_tasks.augment import normalise
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.processes import Group

LOSS = "loss"
"""Every goal's figure of what is held out; the others have names of their own."""


class Pretrained(nn.Module):
    """For type checkers: a backbone, and what is thrown away when it has learnt."""

    backbone: Encoder

    def __init__(self) -> None:
        raise NotImplementedError


class Goal(Protocol):
    """``network`` is what learns, ``figures`` are the names of what ``held_out`` tells."""

    network: Pretrained

    @property
    def figures(self) -> tuple[str, ...]: ...

    def loss(self, x_BCHW: Tensor, index_B: Tensor) -> Tensor:
        """The mean over these crops of the training images with these numbers."""
        ...

    def held_out(
        self, network: Pretrained, split: DeviceSplit, batch: int, group: Group
    ) -> Mapping[str, float]:
        """LOSS and the other figures over all of ``split``, whole images as they are packed,
        ``batch`` at a time; ``network`` is in evaluation. The same in every process of a group."""
        ...


def own(split: DeviceSplit, group: Group) -> Sequence[int]:
    """The numbers of the images that this process of a group looks at."""
    return range(len(split))[group.rank :: group.size]


def seen(
    split: DeviceSplit, numbers: Sequence[int], batch: int, intensities: Intensities
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images with these numbers, those of one size together: numbers_B and x_BCHW, normalised."""
    for alike in split.alike(numbers, batch):
        images_BHWC = torch.stack([split.image(number) for number in alike])
        yield torch.tensor(alike), normalise(images_BHWC, intensities)
