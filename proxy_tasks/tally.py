"""From labels that were found to the figures of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from proxy_tasks.boundary import BoundaryTally
from proxy_tasks.datasets.base import Pixels
from proxy_tasks.metrics import (
    accuracy,
    confusion,
    frequency_weighted_iou,
    iou,
    mean_iou,
    pixel_accuracy,
)
from proxy_tasks.scores import ClassScores, Scores


class Tally:
    """Adds up images. ``tolerance`` is that of `BoundaryTally`."""

    def __init__(self, classes: Sequence[str], tolerance: float | None = None) -> None:
        self._names = tuple(classes)
        self._counts = torch.zeros((len(classes), len(classes)), dtype=torch.int64)
        self._images: list[NDArray[np.int64]] = []
        self._boundary = BoundaryTally(len(classes), tolerance)

    def add(self, found_HW: Pixels, labels_HW: Pixels) -> None:
        """The class found for each pixel of an image, and the right one, void where `IGNORE`."""
        pair = torch.from_numpy(found_HW), torch.from_numpy(np.array(labels_HW))
        counts_KK = confusion(*pair, len(self._names))
        self._counts += counts_KK
        self._images.append(_hits(counts_KK.numpy()))
        self._boundary.add(found_HW, labels_HW)

    def by_image(self) -> NDArray[np.int64]:
        """Of the images so far, of shape (images, classes, 2): pixels labelled and predicted as a
        class, and labelled or predicted as it."""
        return np.array(self._images, np.int64).reshape(-1, len(self._names), 2)

    def scores(self) -> Scores:
        """Of the images so far."""
        counts, boundary = self._counts, torch.from_numpy(self._boundary.scores())
        shares = counts.sum(1).double() / counts.sum().clamp(min=1)
        columns = (shares, iou(counts), accuracy(counts), boundary)
        rows = zip(self._names, *(column.tolist() for column in columns), strict=True)
        return Scores(
            miou=_known(mean_iou(counts)),
            pixel_accuracy=_known(pixel_accuracy(counts)),
            mean_accuracy=_known(float(accuracy(counts).nanmean())),
            frequency_weighted_iou=_known(frequency_weighted_iou(counts)),
            boundary_f=_known(float(boundary.nanmean())),
            classes={name: ClassScores(share, *map(_known, row)) for name, share, *row in rows},
        )


def _hits(counts_KK: NDArray[np.int64]) -> NDArray[np.int64]:
    hits_K = counts_KK.diagonal()
    return np.stack([hits_K, counts_KK.sum(0) + counts_KK.sum(1) - hits_K], axis=1)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
