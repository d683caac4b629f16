"""The complete trials, best first: as a data frame, Markdown or CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from proxy_tasks.task import METRIC_NAMES, PERCENT, Metric
from results import units
from results.frontier import pareto
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
    "loss": "loss",
    "macs": "MACs",
    "parameters": "parameters",
    "dilations": "dilations",
    "seconds": "time",
    "front": "front",
}
NUMBERS = frozenset({"rank", "trial", "score", "miou", "loss", "macs", "parameters", "seconds"})
"""Columns that are set to the right."""


def headings(by: Metric = "miou") -> dict[str, str]:
    """Column -> heading of the tables for people, of a search that goes ``by`` a metric. Its score
    has a column of its own where no other shows it. The kind is shown with the name."""
    if by in ("miou", "loss"):
        return {column: words for column, words in _HEADINGS.items() if column != "score"}
    unit = " %" if by in PERCENT else ""
    return _HEADINGS | {"score": f"{METRIC_NAMES[by]}{unit}"}


def leaderboard(trials: Iterable[Trial]) -> pd.DataFrame:
    """One row per complete trial, by the search's score, then by fewer MACs, then by number.

    Plain units: ``score`` as the search maximises it, ``miou`` in [0, 1], ``loss`` in nats,
    ``macs`` and ``parameters`` as counts, ``seconds``. ``front`` marks the rows that no other beats
    on both score and MACs; baselines (``kind``) take part.
    """
    rows = [_row(trial) for trial in trials if trial.score is not None]
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
        [_cell(column, row, shown) for column in headings(by)] for row in frame.to_dict("records")
    ]


def to_markdown(frame: pd.DataFrame, by: Metric = "miou") -> str:
    """A Markdown table in human units, ending in a newline."""
    named = headings(by)
    rules = ["---:" if column in NUMBERS else ":---" for column in named]
    rows = [[_escaped(cell) for cell in row] for row in cells(frame, by)]
    lines = [list(named.values()), rules, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def to_csv(frame: pd.DataFrame) -> str:
    """Comma-separated values in plain units, with a header."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _row(trial: Trial) -> dict[str, Any]:
    measurement = trial.measurement
    assert measurement is not None  # a trial with a score has one
    return {
        "trial": trial.number,
        "name": trial.name,
        "kind": trial.kind,
        "score": trial.score,
        "miou": measurement.miou,
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
