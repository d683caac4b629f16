"""A trained network at work on single images of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from proxy_tasks.augment import normalise
from proxy_tasks.datasets.base import Pixels
from proxy_tasks.networks import DeepLabV3
from proxy_tasks.upsampling import BandedUpsampling


@dataclass(frozen=True)
class Predictor:
    """``network`` is in eval mode; it sees every image at ``size`` (height, width)."""

    network: DeepLabV3
    classes: tuple[str, ...]
    size: tuple[int, int]

    @torch.no_grad()
    def labels(self, image_HW3: Pixels) -> Pixels:
        """RGB, uint8 -> the class of each pixel, (H, W) uint8, at the image's own size.

        The logits are up-sampled, not the labels, a band of rows at a time: a large photograph
        times the classes would not fit into memory.
        """
        small = Image.fromarray(image_HW3)
        small = small.resize((self.size[1], self.size[0]), Image.Resampling.BILINEAR)
        x_1HW3 = torch.from_numpy(np.array(small))[None]
        up = BandedUpsampling(self.network.forward_low(normalise(x_1HW3)), image_HW3.shape[:2])
        labels: Pixels = np.empty(image_HW3.shape[:2], np.uint8)
        for band in up:
            labels[band.rows] = up.up(band)[0].argmax(1).numpy()
        return labels
