"""The progress of full trainings that are still running."""

from __future__ import annotations

from rich.table import Table

from nas.runs.trainings import UnderWay
from results import units


def under_way_table(promotions: list[UnderWay], interrupted: bool = False) -> Table:
    """How far each is; of ``interrupted`` ones nothing says when they end."""
    title = "unfinished promotions" if interrupted else "running promotions"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("name")
    for heading in ("epoch", "best mIoU %", "time", "left", "last epoch"):
        table.add_column(heading, justify="right")
    for each in promotions:
        table.add_row(
            each.name,
            f"{each.epochs}/{each.of}",
            "–" if each.miou is None else units.percent(each.miou),
            units.duration(each.seconds),
            "–" if each.left is None or interrupted else units.duration(each.left),
            f"{units.duration(each.ago)} ago" if each.epochs else "–",
        )
    return table
