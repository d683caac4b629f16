"""Mean and deviation of each channel of a teacher's maps, over training images.

Shapes: B images, C channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import Intensities
from proxy_tasks.pretraining.goal import seen

LOOKED_AT = 256
"""Training images that are looked at, at most, spread evenly."""
_LEAST = 1e-3
"""Share of the mean deviation: a channel that hardly ever moves does not count for more."""

Moments = Mapping[int, tuple[Tensor, Tensor]]
"""Level -> mean_C and std_C, fp64 on the CPU."""
Progress = Callable[[int, int], None]


@torch.no_grad()
def moments(
    said: Callable[[Tensor], Mapping[int, Tensor]],
    train: DeviceSplit,
    intensities: Intensities,
    progress: Progress | None = None,
) -> Moments:
    """Of what is ``said`` of whole images, normalised by ``intensities``: x_BCHW -> level -> map.
    ``progress`` is called with (images done, images in all)."""
    count = min(LOOKED_AT, len(train))
    numbers = [place * len(train) // count for place in range(count)]
    sums: dict[int, Tensor] = {}
    for done, (_, x_BCHW) in enumerate(seen(train, numbers, 1, intensities), 1):
        for level, map_BCHW in said(x_BCHW).items():
            pixels_PC = map_BCHW.double().permute(0, 2, 3, 1).flatten(0, 2)
            part = torch.stack([pixels_PC.mean(0), pixels_PC.square().mean(0)])
            sums[level] = sums.get(level, 0) + part / count
        if progress:
            progress(done, count)
    return {level: _spread(*each.cpu()) for level, each in sums.items()}


def _spread(mean_C: Tensor, square_C: Tensor) -> tuple[Tensor, Tensor]:
    std_C = (square_C - mean_C.square()).clamp(min=0).sqrt()
    return mean_C, std_C.clamp(min=max(_LEAST * std_C.mean().item(), 1e-12))
