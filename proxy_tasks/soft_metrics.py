"""What a network's probabilities say, where a confusion matrix keeps only the most probable class.

Shapes: R rows, K classes, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.processes import Group


class SoftCounts:
    """Sums over pixels, class by class; void pixels are left out. Add up batches with ``add``.
    ``sums`` (4, K), float64, are all that it knows."""

    def __init__(self, classes: int, device: torch.device) -> None:
        self._classes = torch.arange(classes, device=device).view(1, classes, 1)
        self.sums = torch.zeros((4, classes), dtype=torch.float64, device=device)
        self._pixels_K, self._surprise_K, self._hit_K, self._mass_K = self.sums

    def add(self, logits_RKW: Tensor, target_RW: Tensor) -> None:
        """Logits and the classes that are right, `IGNORE` where void."""
        log_probability = logits_RKW.float().log_softmax(1)
        probability = log_probability.exp()
        right = target_RW.unsqueeze(1) == self._classes
        self._pixels_K += right.sum((0, 2))
        self._surprise_K -= (log_probability * right).sum((0, 2))
        self._hit_K += (probability * right).sum((0, 2))
        self._mass_K += (probability * (target_RW != IGNORE).unsqueeze(1)).sum((0, 2))

    def pool(self, group: Group) -> None:
        """Add up what all processes have counted; from now on each has all of it."""
        group.total(self.sums)

    def loss(self) -> float:
        """Mean cross-entropy, nats a pixel."""
        return float(self._surprise_K.sum() / self._pixels_K.sum().clamp(min=1))

    def balanced_loss(self) -> float:
        """Mean over the classes that occur of their mean cross-entropy, nats a pixel."""
        return float((self._surprise_K / self._pixels_K).nanmean())

    def mean_iou(self) -> float:
        """Mean over the classes that occur of the IoU of probabilities instead of decisions:
        sum(p t) / sum(p + t - p t) (Rahman and Wang 2016)."""
        union_K = self._mass_K + self._pixels_K - self._hit_K
        return float((self._hit_K / union_K)[self._pixels_K > 0].mean())
