"""Full trainings, epoch by epoch: those that have ended, and those that go on."""

from __future__ import annotations

from typing import Any

from results import units
from results.views.snapshot import FullTraining, Snapshot
from results.views.style import BLUE, FAINT, VERMILLION, Figure, axis, empty, figure, text

MOST = 8
"""Curves that a figure shows: those that go on, then the best."""


def full_trainings(now: Snapshot) -> Figure:
    """The mIoU of each after every epoch that had a validation: the best in blue, orange where it
    goes on."""
    if not now.trainings:
        return empty("no full training has begun yet")
    shown = _shown(now)
    if not shown:
        return empty(_waiting(now))
    best = max(shown, key=_best)
    traces = [_curve(each, each is best) for each in shown]
    return figure(traces, axis("epoch"), axis("mIoU (%)"), showlegend=True)


def course(now: Snapshot) -> str:
    """How far those are that go on, in a line."""
    going = [each for each in now.trainings if not each.ended]
    if not now.trainings:
        return ""
    if not going:
        return f"{units.counted(len(now.trainings), 'training')}, all ended."
    return "; ".join(_said(each, now.facts.interrupted is not None) for each in going) + "."


def _said(each: FullTraining, interrupted: bool) -> str:
    far = f"{each.name}: epoch {each.done} of {each.of}"
    if interrupted:
        return f"{far}, interrupted"
    return far if each.left is None else f"{far}, {units.duration(each.left)} left"


def _waiting(now: Snapshot) -> str:
    if any(each.done for each in now.trainings):
        return "no validation yet: a training on all images has none"
    return "the first epoch is on its way"


def _shown(now: Snapshot) -> list[FullTraining]:
    known = [each for each in now.trainings if any(miou is not None for _, miou in each.curve)]
    return sorted(known, key=lambda each: (each.ended, -_best(each), each.name))[:MOST]


def _best(each: FullTraining) -> float:
    return max(miou for _, miou in each.curve if miou is not None)


def _curve(each: FullTraining, best: bool) -> dict[str, Any]:
    known = [(epoch, round(100 * miou, 3)) for epoch, miou in each.curve if miou is not None]
    epochs, mious = zip(*known, strict=True)
    name = text(each.name) + ("" if each.ended else " (training)")
    color = VERMILLION if not each.ended else BLUE if best else FAINT
    line = {"width": 1.5 if color == FAINT else 2.5, "color": color}
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(epochs),
        "y": list(mious),
        "line": line,
        "hovertemplate": f"{name}<br>epoch %{{x}}: %{{y:.1f}} %<extra></extra>",
    }
