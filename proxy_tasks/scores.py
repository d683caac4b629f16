"""The figures of an evaluation as papers report them. Imports no torch, as proxy_tasks.views."""

from __future__ import annotations

from dataclasses import dataclass

BOUNDARY_TOLERANCE = 0.0075
"""Of an image's diagonal, as Csurka et al. have it (see proxy_tasks.boundary): 4.5 pixels at
360x480."""


@dataclass(frozen=True)
class ClassScores:
    """In [0, 1]. ``share`` is of the labelled pixels; ``iou`` is None where the class is neither
    labelled nor found, ``accuracy`` where it is not labelled, ``boundary_f`` where it has no
    contour (see proxy_tasks.boundary)."""

    share: float
    iou: float | None
    accuracy: float | None
    boundary_f: float | None


@dataclass(frozen=True)
class Scores:
    """In [0, 1]. ``miou``, ``mean_accuracy`` and ``boundary_f`` are means over the classes that
    have one; None where no class has."""

    miou: float | None
    pixel_accuracy: float | None
    mean_accuracy: float | None
    frequency_weighted_iou: float | None
    boundary_f: float | None
    classes: dict[str, ClassScores]
