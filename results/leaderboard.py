"""The complete trials, best first: as a data frame, Markdown or CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from proxy_tasks.objectives import OBJECTIVES, Metric, Shown, shown
from proxy_tasks.objectives.objective import PERCENT, with_percent
from results import units
from results.frontier import pareto
from results.learnt import found_of
from results.trial import Trial
from search_space.backbone import Backbone
from search_space.resnet import DilatedResNet

_FIGURES = [each.name for each in shown(Shown.TABLE)]
"""The objectives that have a column."""


def _columns() -> tuple[str, ...]:
    middle = list(_FIGURES)
    middle.insert(middle.index("miou") + 1, "classes")
    middle.insert(middle.index("seconds"), "dilations")
    return ("rank", "trial", "name", "kind", "score", *middle, "front")


COLUMNS = _columns()
NUMBERS = frozenset({"rank", "trial", "score", "classes", *_FIGURES})
"""Columns that are set to the right."""
_WORDS = {"rank": "#"} | {name: OBJECTIVES[name].heading for name in _FIGURES}
_HEADINGS = {column: _WORDS.get(column, column) for column in COLUMNS if column != "kind"}


def headings(by: Metric = "miou", counts: Iterable[object] = ()) -> dict[str, str]:
    """Column -> heading of the tables for people, of a search that goes ``by`` a metric. Its score
    has a column of its own where no other shows it. The kind is shown with the name. ``counts`` is
    the column of classes found: it is shown where a network misses some."""
    left_out = {"score"} if by in _FIGURES else set()
    if not any(map(_misses, counts)):
        left_out.add("classes")
    goal = OBJECTIVES[by]
    named = _HEADINGS | {"score": with_percent(goal.score_name, goal.unit)}
    return {column: words for column, words in named.items() if column not in left_out}


def classes_found(class_ious: Iterable[Sequence[float | None]]) -> list[str | None]:
    """``4/5``: so many of the classes that are there does a network find, for each network; None
    where nobody measured it."""
    counted = found_of(class_ious)
    return [None if each is None else f"{each[0]}/{each[1]}" for each in counted]


def _misses(count: object) -> bool:
    """Of ``4/5``; pandas makes a number of what is missing."""
    found, _, there = count.partition("/") if isinstance(count, str) else ("", "", "")
    return found != there


def leaderboard(trials: Iterable[Trial]) -> pd.DataFrame:
    """One row per complete trial, by the search's score, then by fewer MACs, then by number.

    ``score`` as the search maximises it, and the objectives of proxy_tasks.objectives that are
    shown in tables, in plain units. ``front`` marks the rows that no other beats
    on both score and MACs; baselines (``kind``) take part. ``classes``: see ``classes_found``.
    """
    scored = [trial for trial in trials if trial.score is not None]
    counts = classes_found(t.measurement.class_iou if t.measurement else () for t in scored)
    rows = [_row(*each) for each in zip(scored, counts, strict=True)]
    rows.sort(key=lambda row: (-row["score"], row["macs"], row["trial"]))
    front = pareto([(row["score"], row["macs"]) for row in rows], maximise=(True, False))
    for rank, (row, on_front) in enumerate(zip(rows, front, strict=True), start=1):
        row.update(rank=rank, front=bool(on_front))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def dilations(backbone: Backbone) -> str:
    """``1×8 2×4`` for eight blocks of dilation 1 and four of 2, stem and dead blocks left out.

    A ResNet is dilated by its output stride, which is shown instead: ``stride 16``.
    """
    if isinstance(backbone, DilatedResNet):
        return f"stride {backbone.output_stride}"
    searched = sorted(backbone.alive - set(range(len(backbone.stem))))
    counts = Counter(backbone.all_blocks[index].dilation for index in searched)
    return " ".join(f"{ratio}×{count}" for ratio, count in sorted(counts.items()))


def cells(frame: pd.DataFrame, by: Metric = "miou") -> list[list[str]]:
    """The rows of a leaderboard as text in human units, in the order of the headings."""
    unit = OBJECTIVES[by].unit
    score = units.percent if unit is PERCENT else partial(units.shown, unit=unit)
    return [
        [_cell(column, row, _SHOWN | {"score": score}) for column in headings(by, frame["classes"])]
        for row in frame.to_dict("records")
    ]


def to_markdown(frame: pd.DataFrame, by: Metric = "miou") -> str:
    """A Markdown table in human units, ending in a newline."""
    named = headings(by, frame["classes"])
    rules = ["---:" if column in NUMBERS else ":---" for column in named]
    rows = [[_escaped(cell) for cell in row] for row in cells(frame, by)]
    lines = [list(named.values()), rules, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def to_csv(frame: pd.DataFrame) -> str:
    """Comma-separated values in plain units, with a header."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _row(trial: Trial, classes: str | None) -> dict[str, Any]:
    measurement = trial.measurement
    assert measurement is not None  # a trial with a score has one
    return {
        "trial": trial.number,
        "name": trial.name,
        "kind": trial.kind,
        "score": trial.score,
        "classes": classes,
        "dilations": dilations(trial.backbone),
    } | {name: measurement.figure(name) for name in _FIGURES}


_SHOWN: dict[str, Callable[[Any], str]] = {
    "front": lambda value: "●" if value else "",
    **{name: partial(units.cell, unit=OBJECTIVES[name].unit) for name in _FIGURES},
}


def _cell(column: str, row: dict[Any, Any], shown: Mapping[str, Callable[[Any], str]]) -> str:
    value = row[column]
    if column == "name" and row["kind"] == "baseline":
        return f"{value} (baseline)"
    if value is None or value != value:  # NaN: what pandas makes of a missing number
        return ""
    return shown.get(column, str)(value)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
