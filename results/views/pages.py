"""Which figures a page holds, in which order, under which words: one list for report and
dashboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from results.views.course import best_so_far
from results.views.favourites import favourites, over_time
from results.views.front import front
from results.views.importance import gene_importance, trait_importance
from results.views.parallel import parallel
from results.views.promotions import agreement, promotions
from results.views.snapshot import Facts, Snapshot
from results.views.style import Figure
from results.views.trainings import course, full_trainings


@dataclass(frozen=True)
class View:
    """A figure with its heading and a line that says how to read it. ``first`` is what a page
    shows before its reader chooses: arguments of ``draw`` after the snapshot (the front's second
    axis is the run's, see ``first``)."""

    title: str
    note: str
    draw: Callable[..., Figure]
    wide: bool = False
    first: tuple[str, ...] = ()


VIEWS: Mapping[str, View] = {
    "best": View("Best so far", "Each dot is a candidate, in the order of finishing.", best_so_far),
    "front": View(
        "Quality against cost",
        "The line joins those that no other beats on both axes.",
        front,
        first=("macs",),
    ),
    "trainings": View("Full training", "", full_trainings),
    "promotions": View("Proxy and full training", "", promotions),
    "favourites": View(
        "What the best are made of",
        "Mean share of each choice among the blocks that are built.",
        favourites,
        first=("level",),
    ),
    "over-time": View(
        "As the search went on",
        "The same shares, in ten parts of the search.",
        over_time,
        first=("level",),
    ),
    "traits": View(
        "Traits that go with the score",
        "Rank correlation over all candidates: an association, not a cause.",
        trait_importance,
    ),
    "genes": View(
        "Genes that go with the score",
        "Share of the score's variance that goes with one gene alone (epsilon squared).",
        gene_importance,
    ),
    "parallel": View(
        "All at once",
        "Each line is a candidate, the better the stronger. Drag along an axis to pick a range.",
        parallel,
        wide=True,
    ),
}


def first(name: str, facts: Facts) -> tuple[str, ...]:
    """What a page of this run shows before its reader chooses: arguments of ``draw``."""
    chosen = VIEWS[name].first
    return (*chosen, facts.quality) if name == "front" else chosen


def note(name: str, now: Snapshot) -> str:
    """The line under a view's title."""
    live = {"promotions": lambda: f"{agreement(now)}.", "trainings": lambda: course(now)}
    return live[name]() if name in live else VIEWS[name].note
