"""The leaderboard for a terminal."""

from __future__ import annotations

import pandas as pd
from rich.table import Table
from rich.text import Text

from proxy_tasks.task import Metric
from results.leaderboard import NUMBERS, cells, headings


def as_table(frame: pd.DataFrame, title: str | None = None, by: Metric = "miou") -> Table:
    """A rich table in human units: baselines in italics, rows on the front in bold. ``by``: what
    the search goes by."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column, heading in headings(by).items():
        table.add_column(heading, justify="right" if column in NUMBERS else "left", no_wrap=True)
    styles = zip(frame["kind"], frame["front"], strict=True)
    for row, (kind, front) in zip(cells(frame, by), styles, strict=True):
        style = " ".join(["bold"] * bool(front) + ["italic"] * (kind == "baseline"))
        # Text, not str: a name in [brackets] is no markup.
        table.add_row(*(Text(cell) for cell in row), style=style or None)
    return table
