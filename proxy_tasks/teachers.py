"""What trained networks say of an image: the probabilities that a student learns from.

Shapes: H, W, C of an image, K classes, h x w places that the probabilities are wanted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from proxy_tasks.labelling import Array, Labeller, pixels_of
from proxy_tasks.sight import Extent

TINY = 1e-12
"""The least probability: its logarithm is one that fp16 holds."""


class Teacher(Protocol):
    """Knows the data's classes, in the data's order."""

    def log_probabilities(self, image_HWC: Array, size: Extent) -> Array:
        """log p, (K, h, w) float32, at the middles of ``size`` (h, w) equal parts of the image.

        Args:
            image_HWC: at its own size, uint8 or uint16 as the teacher was trained on.

        Raises:
            UserError: for an image of other channels or another type.
        """
        ...


@dataclass(frozen=True)
class NetworkTeacher:
    """One network, which sees an image as its labeller shows it: by its own working resolution,
    windows and normalisation."""

    labeller: Labeller

    def log_probabilities(self, image_HWC: Array, size: Extent) -> Array:
        """See Teacher."""
        image_HWC = pixels_of(image_HWC, self.labeller.intensities)
        bands = [scores_KrW for _, scores_KrW in self.labeller.bands(image_HWC, size)]
        scores_Khw = np.concatenate(bands, 1)
        if self._sees_in_parts(image_HWC):
            return np.log(np.maximum(scores_Khw, TINY))
        return _log_softmax(scores_Khw)

    def _sees_in_parts(self, image_HWC: Array) -> bool:
        """Whether the labeller averages probabilities, and does not hand on logits."""
        views, sight = self.labeller.views, self.labeller.sight
        height, width = image_HWC.shape[:2]
        rows, columns = views.grid(sight.seen((height, width)), sight.window)
        return len(rows) * len(columns) * len(views.scales) * (1 + views.flip) > 1


@dataclass(frozen=True)
class Ensemble:
    """The mean of its members' probabilities (Lakshminarayanan et al. 2017, arXiv 1612.01474)."""

    members: Sequence[Teacher]

    def log_probabilities(self, image_HWC: Array, size: Extent) -> Array:
        """See Teacher."""
        total = np.exp(self.members[0].log_probabilities(image_HWC, size))
        for member in self.members[1:]:
            total += np.exp(member.log_probabilities(image_HWC, size))
        return np.log(np.maximum(total / len(self.members), TINY))


def _log_softmax(logits_Khw: Array) -> Array:
    logits_Khw = logits_Khw - logits_Khw.max(0)
    logits_Khw -= np.log(np.exp(logits_Khw).sum(0))
    return np.maximum(logits_Khw, np.float32(np.log(TINY)))
