"""A trained network at work: at several scales, mirrored, through a sliding window.

What it says of a pixel is averaged as probabilities.
Shapes: H, W pixels of the image, h, w of what the network puts out, K classes. Maps of
probabilities are (H, K, W), as proxy_tasks.upsampling has them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from proxy_tasks.augment import normalise
from proxy_tasks.datasets.base import Pixels
from proxy_tasks.networks import DeepLabV3
from proxy_tasks.upsampling import BandedUpsampling
from proxy_tasks.views import Size, Views


class Labeller:
    """Finds the classes of single images of any size.

    Args:
        network: in eval mode, on the device that computes.
        channels: of its logits, those to choose from; by default all.
    """

    def __init__(
        self,
        network: DeepLabV3,
        views: Views,
        device: torch.device,
        channels: Sequence[int] | None = None,
    ) -> None:
        self._network, self._views, self._device = network, views, device
        self._channels = None if channels is None else torch.tensor(channels, device=device)

    def labels(self, image_HW3: Pixels) -> Pixels:
        """RGB, uint8 -> the most probable of the channels, (H, W) uint8."""
        best: Pixels = self.probabilities(image_HW3).max(1).indices.byte().cpu().numpy()
        return best

    @torch.no_grad()
    def probabilities(self, image_HW3: Pixels) -> Tensor:
        """RGB, uint8 -> (H, K, W) float32, the mean over all views."""
        size = image_HW3.shape[0], image_HW3.shape[1]
        views = [self._view(image_HW3, size, scale) for scale in self._views.scales]
        return torch.stack(views).mean(0) if len(views) > 1 else views[0]

    def _view(self, image_HW3: Pixels, size: Size, scale: float) -> Tensor:
        """At one scale: probabilities at the image's own size."""
        seen = _resized(image_HW3, self._views.seen(size, scale))
        if self._views.window is None:
            return self._whole(seen, size)
        found_HKW = self._slide(seen)
        if found_HKW.shape[0] == size[0] and found_HKW.shape[2] == size[1]:
            return found_HKW
        return _upsampled(found_HKW.transpose(0, 1)[None], size)

    def _slide(self, image_HW3: Pixels) -> Tensor:
        """Every pixel's mean over the windows that show it."""
        height, width = image_HW3.shape[0], image_HW3.shape[1]
        total_HKW: Tensor | None = None
        count_H1W = torch.zeros(height, 1, width, device=self._device)
        for rows, columns in self._views.windows((height, width)):
            part = image_HW3[rows, columns]
            found_HKW = self._whole(part, (part.shape[0], part.shape[1]))
            if total_HKW is None:
                total_HKW = found_HKW.new_zeros(height, found_HKW.shape[1], width)
            total_HKW[rows, :, columns] += found_HKW
            count_H1W[rows, :, columns] += 1
        assert total_HKW is not None  # there is at least one window
        return total_HKW / count_H1W

    def _whole(self, image_HW3: Pixels, size: Size) -> Tensor:
        """Seen at once; mean over the image and, if wanted, its mirror image."""
        x_B3HW = normalise(torch.from_numpy(np.array(image_HW3))[None].to(self._device))
        if self._views.flip:
            x_B3HW = torch.cat([x_B3HW, x_B3HW.flip(3)])
        low_BKhw = self._network.forward_low(x_B3HW)
        if self._channels is not None:
            low_BKhw = low_BKhw.index_select(1, self._channels)
        if self._views.flip:
            low_BKhw = torch.stack([low_BKhw[0], low_BKhw[1].flip(2)])
        return _upsampled(low_BKhw, size, softmax=True)


def _upsampled(low_BKhw: Tensor, size: Size, softmax: bool = False) -> Tensor:
    """The mean (H, K, W) of maps after their up-sampling, a band of rows at a time."""
    bands = BandedUpsampling(low_BKhw, size)
    total_HKW = bands.low_BhKw.new_zeros(size[0], low_BKhw.shape[1], size[1])
    for band in bands:
        found_brKW = bands.up(band)
        total_HKW[band.rows] += (found_brKW.softmax(2) if softmax else found_brKW).sum(0)
    return total_HKW / len(low_BKhw)


def _resized(image_HW3: Pixels, size: Size) -> Pixels:
    """As images are packed for training."""
    if image_HW3.shape[:2] == size:
        return image_HW3
    resized = Image.fromarray(image_HW3).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)
