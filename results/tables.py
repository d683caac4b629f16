"""The leaderboard for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from proxy_tasks.objectives import Metric
from results.leaderboard import COLUMNS, NUMBERS, cells, headings

_NEEDED = ("rank", "name", "kind", "score", "miou", "classes", "macs")
_LAST = ("dilations", "seconds", "parameters", "loss", "trial", "front")
SPARE = (*(column for column in COLUMNS if column not in (*_NEEDED, *_LAST)), *_LAST)
"""Columns that a narrow terminal does without, the first one first. Rows on the front are bold."""
_AROUND = 3
"""Characters beside the words of a column: a space to both sides and a line."""


def as_table(
    frame: pd.DataFrame,
    title: str | None = None,
    by: Metric = "miou",
    width: int | None = None,
) -> Table:
    """A rich table in human units: baselines in italics, rows on the front in bold. ``by``: what
    the search goes by. Into ``width`` characters as many columns as fit: whole ones, as a number
    that is cut short is worse than none."""
    table = Table(title=title, title_justify="left", header_style="bold")
    named, rows = headings(by, frame["classes"]), cells(frame, by)
    kept = fitting(list(named), [list(named.values()), *rows], width, SPARE)
    for column in kept:
        side = "right" if column in NUMBERS else "left"
        table.add_column(named[column], justify=side, no_wrap=True)  # type: ignore[arg-type]
    styles = zip(frame["kind"], frame["front"], strict=True)
    for row, (kind, front) in zip(rows, styles, strict=True):
        style = " ".join(["bold"] * bool(front) + ["italic"] * (kind == "baseline"))
        shown = [cell for column, cell in zip(named, row, strict=True) if column in kept]
        # Text, not str: a name in [brackets] is no markup.
        table.add_row(*map(Text, shown), style=style or None)
    return table


def fitting(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    spare: Sequence[str],
) -> dict[str, int]:
    """Column -> its width, of those that are kept: the ``spare`` ones go, the first one first,
    until the ``rows`` fit into ``width`` characters."""
    longest = (max(map(cell_len, each)) for each in zip(*rows, strict=True))
    kept = {column: long + _AROUND for column, long in zip(columns, longest, strict=True)}
    for each in spare:
        if width is None or 1 + sum(kept.values()) <= width:
            break
        kept.pop(each, None)
    return kept
