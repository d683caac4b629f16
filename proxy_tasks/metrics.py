"""Intersection over union, from a confusion matrix that adds up over batches."""

from __future__ import annotations

import torch
from torch import Tensor


def confusion(prediction: Tensor, target: Tensor, classes: int, ignore: int = 255) -> Tensor:
    """Pixels by (target class, predicted class): int64 of shape (classes, classes).

    ``prediction`` and ``target`` hold class numbers and have the same shape, any shape; pixels
    whose target is ``ignore`` do not count. Sum the matrices of several batches.

    Raises:
        ValueError: for another shape, or a class number outside [0, classes).
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction must have the target's shape {tuple(target.shape)}"
            f" but got {tuple(prediction.shape)}"
        )
    known = target != ignore
    rows, columns = target[known].long(), prediction[known].long()
    _check_classes("target", rows, classes)
    _check_classes("prediction", columns, classes)
    counts = torch.bincount(rows * classes + columns, minlength=classes * classes)
    return counts.view(classes, classes)


def iou(confusion: Tensor) -> Tensor:
    """Per-class IoU in [0, 1], float64 of shape (classes,).

    NaN for a class that neither the targets nor the predictions hold.
    """
    hit = confusion.diagonal().double()
    return hit / (confusion.sum(0) + confusion.sum(1) - confusion.diagonal())


def mean_iou(confusion: Tensor) -> float:
    """Mean IoU over the classes that occur in targets or predictions; NaN if none does."""
    return float(iou(confusion).nanmean())


def _check_classes(name: str, values: Tensor, classes: int) -> None:
    if values.numel() and not 0 <= int(values.min()) <= int(values.max()) < classes:
        raise ValueError(
            f"{name} must hold classes from 0 to {classes - 1}"
            f" but got {int(values.min())} to {int(values.max())}"
        )
