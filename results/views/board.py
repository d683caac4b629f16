"""The leaderboard's first rows, at any number of trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from results.frontier import pareto
from results.leaderboard import cells, classes_found, dilations, headings
from results.views.snapshot import Snapshot


@dataclass(frozen=True)
class BoardRow:
    """``cells`` in the order of ``board_headings``."""

    trial: int
    baseline: bool
    front: bool
    cells: list[str]


def board_headings(now: Snapshot) -> dict[str, str]:
    """Column -> heading."""
    return headings(now.facts.metric, _classes(now).values())


def board_note(now: Snapshot, shown: int) -> str:
    """What the rows are, and what their tint means."""
    name = now.facts.score_name
    return (
        f"{shown} of {len(now.frame)} complete trials, by {name}; tinted rows are on the front of"
        f" {name} and MACs."
    )


def board(now: Snapshot, count: int = 50) -> list[BoardRow]:
    """The best ``count`` by the search's score, then by fewer MACs and by number, and every
    baseline. Ranks and the front are those among all complete trials."""
    return now.once(("board", count), lambda: _board(now, count))


def _board(now: Snapshot, count: int) -> list[BoardRow]:
    ranked = now.ranked
    front = pareto(ranked[["score", "macs"]].to_numpy(), (True, False))
    frame = ranked.assign(rank=np.arange(1, len(ranked) + 1), front=front)
    shown = frame[(frame["rank"] <= count) | (frame["kind"] == "baseline")].copy()
    found = _classes(now)
    shown["classes"] = [found[n] for n in shown["trial"]]
    shown["dilations"] = [dilations(now.by_number[n].backbone) for n in shown["trial"]]
    columns = (
        shown["trial"],
        shown["kind"] == "baseline",
        shown["front"],
        cells(shown, now.facts.metric),
    )
    return [BoardRow(int(n), bool(b), bool(f), c) for n, b, f, c in zip(*columns, strict=True)]


def _classes(now: Snapshot) -> dict[int, str | None]:
    """By trial, how many classes it finds, of all complete ones."""

    def work() -> dict[int, str | None]:
        numbers = now.frame["trial"].tolist()
        measured = (now.by_number[number].measurement for number in numbers)
        return dict(
            zip(numbers, classes_found(m.class_iou if m else () for m in measured), strict=True)
        )

    return now.once("classes", work)
