"""The complete trials, best first: as a data frame, Markdown or CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from proxy_tasks.task import METRIC_NAMES, PERCENT, Metric
from results import units
from results.frontier import pareto
from results.learnt import found_of
from results.trial import Trial
from search_space.backbone import Backbone
from search_space.resnet import DilatedResNet

COLUMNS = (
    "rank",
    "trial",
    "name",
    "kind",
    "score",
    "miou",
    "classes",
    "loss",
    "macs",
    "parameters",
    "dilations",
    "seconds",
    "front",
)

_HEADINGS = {
    "rank": "#",
    "trial": "trial",
    "name": "name",
    "score": "",
    "miou": "mIoU %",
    "classes": "classes",
    "loss": "loss",
    "macs": "MACs",
    "parameters": "parameters",
    "dilations": "dilations",
    "seconds": "time",
    "front": "front",
}
NUMBERS = frozenset(
    {"rank", "trial", "score", "miou", "classes", "loss", "macs", "parameters", "seconds"}
)
"""Columns that are set to the right."""


def headings(by: Metric = "miou", counts: Iterable[object] = ()) -> dict[str, str]:
    """Column -> heading of the tables for people, of a search that goes ``by`` a metric. Its score
    has a column of its own where no other shows it. The kind is shown with the name. ``counts`` is
    the column of classes found: it is shown where a network misses some."""
    left_out = {"score"} if by in ("miou", "loss") else set()
    if not any(map(_misses, counts)):
        left_out.add("classes")
    unit = " %" if by in PERCENT else ""
    named = _HEADINGS | {"score": f"{METRIC_NAMES[by]}{unit}"}
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

    Plain units: ``score`` as the search maximises it, ``miou`` in [0, 1], ``loss`` in nats,
    ``macs`` and ``parameters`` as counts, ``seconds``. ``front`` marks the rows that no other beats
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
    shown = _SHOWN | {"score": units.percent if by in PERCENT else "{:.4f}".format}
    return [
        [_cell(column, row, shown) for column in headings(by, frame["classes"])]
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
        "miou": measurement.miou,
        "classes": classes,
        "loss": measurement.loss,
        "macs": measurement.macs,
        "parameters": measurement.parameters,
        "dilations": dilations(trial.backbone),
        "seconds": measurement.seconds,
    }


_SHOWN: dict[str, Callable[[Any], str]] = {
    "miou": units.percent,
    "loss": lambda value: f"{value:.3f}",
    "macs": units.giga,
    "parameters": units.mega,
    "seconds": units.duration,
    "front": lambda value: "●" if value else "",
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
