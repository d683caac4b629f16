"""Objectives by name. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from proxy_tasks.objectives.objective import (
    OF_SPEC,
    Analytic,
    Measured,
    Objective,
    Predicted,
    Shown,
    Trained,
    Validated,
)
from proxy_tasks.objectives.table import ALL, EXPORTED_LATENCY
from search_space.cost import Cost

__all__ = [
    "EXPORTED_LATENCY",
    "LIMITS",
    "OBJECTIVES",
    "OF_SPEC",
    "SCORES",
    "TRADED",
    "Analytic",
    "Measured",
    "Metric",
    "Objective",
    "Predicted",
    "Shown",
    "Trained",
    "Validated",
    "costs",
    "kept",
    "shown",
]

Source = TypeVar("Source", Analytic, Measured, Trained, Validated)

Metric = str
"""The name of an objective that a search may go by: one of SCORES."""

OBJECTIVES: Mapping[str, Objective] = {each.name: each for each in ALL}
SCORES = {name: each for name, each in OBJECTIVES.items() if each.score}
"""What a search may go by."""
TRADED = {name: each for name, each in OBJECTIVES.items() if each.traded}
"""What a controller of several objectives may trade against each other."""
LIMITS = {name: each for name, each in OBJECTIVES.items() if each.limit}
"""What constraints may bound."""


def shown(place: Shown, *sources: type) -> tuple[Objective, ...]:
    """Those that are shown there; only of these kinds of sources, where any is given."""
    there = (each for each in OBJECTIVES.values() if each.shown >= place)
    return tuple(each for each in there if isinstance(each.source, sources or object))


def kept(source: type[Source]) -> Iterator[tuple[str, Source]]:
    """Of what measurements have, the names and sources of this kind."""
    for name, each in OBJECTIVES.items():
        if each.kept and isinstance(each.source, source):
            yield name, each.source


def costs(of: Cost) -> dict[str, float]:
    """What measurements have before anything is trained: name -> value."""
    return {name: source.of(of, 1) for name, source in kept(Analytic)}
