"""Intersection over union and accuracies, from a confusion matrix that adds up over batches."""

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
    # One more row and column on each side for what is no class: counting is the whole check.
    side = classes + 2
    rows, columns = (values.long().add(1).clamp_(0, side - 1) for values in (target, prediction))
    cells = rows.mul_(side).add_(columns).masked_fill_(target == ignore, side * side)
    counts = torch.bincount(cells.flatten(), minlength=side * side + 1)[:-1].view(side, side)
    inside = counts[1:-1, 1:-1]
    if int(counts.sum()) != int(inside.sum()):
        _refuse(prediction[target != ignore], target[target != ignore], classes)
    return inside


def iou(confusion: Tensor) -> Tensor:
    """Per-class IoU in [0, 1], float64 of shape (classes,).

    NaN for a class that neither the targets nor the predictions hold.
    """
    hit = confusion.diagonal().double()
    return hit / (confusion.sum(0) + confusion.sum(1) - confusion.diagonal())


def mean_iou(confusion: Tensor) -> float:
    """Mean IoU over the classes that occur in targets or predictions; NaN if none does."""
    return float(iou(confusion).nanmean())


def accuracy(confusion: Tensor) -> Tensor:
    """Of each class, the share of its pixels that are found: float64 of shape (classes,).

    NaN for a class that the targets do not hold.
    """
    return confusion.diagonal().double() / confusion.sum(1)


def pixel_accuracy(confusion: Tensor) -> float:
    """Share of the pixels that are right; NaN where there are none."""
    return float(confusion.diagonal().sum().double() / confusion.sum())


def frequency_weighted_iou(confusion: Tensor) -> float:
    """IoU of each class times its share of the target's pixels (Long et al. 2015); NaN where
    there are none."""
    frequency = confusion.sum(1).double() / confusion.sum()
    return float((frequency * iou(confusion))[frequency != 0].sum())


def _refuse(prediction: Tensor, target: Tensor, classes: int) -> None:
    """Say which of the two holds what is no class."""
    for name, values in (("target", target), ("prediction", prediction)):
        low, high = int(values.min()), int(values.max())
        if not 0 <= low <= high < classes:
            raise ValueError(
                f"{name} must hold classes from 0 to {classes - 1} but got {low} to {high}"
            )
