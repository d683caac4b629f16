"""What full trainings have learnt, as tables: IoU by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from nas.runs.evaluations import Evaluation
from nas.runs.learnt import Figures, figures
from nas.runs.promotion_records import Promotion
from results.learnt import percent

WIDTH = 80
"""Characters of a table, where nothing is known of the terminal."""
_OF_PIXELS = "of pixels %"
_AROUND = 3
"""Characters beside the words of a column."""

Column = tuple[str, Figures]
"""A network's name and figures."""


def class_tables(
    promotions: Sequence[Promotion], tested: Mapping[str, Evaluation], width: int = WIDTH
) -> list[Table]:
    """IoU by class, a column for each full training of which it is known, in their order; as many
    tables as it takes for all to fit into the width."""
    every = ((each.name, figures(each, tested.get(each.name))) for each in promotions)
    known = [(name, found) for name, found in every if found is not None]
    alike = [column for column in known if column[1].classes == known[0][1].classes]
    if not alike:
        return []
    first = max(map(cell_len, (*alike[0][1].classes, "class"))) + len(_OF_PIXELS) + 2 * _AROUND
    return [_class_table(chunk) for chunk in _chunks(alike, width - first)]


def _chunks(columns: Sequence[Column], room: int) -> list[list[Column]]:
    """One at least in each."""
    chunks: list[list[Column]] = []
    left = 0
    for each in columns:
        wide = cell_len(_heading(*each)) + _AROUND
        if not chunks or wide > left:
            chunks.append([])
            left = room
        chunks[-1].append(each)
        left -= wide
    return chunks


def _class_table(columns: Sequence[Column]) -> Table:
    table = Table(
        title="IoU % by class", title_justify="left", header_style="bold", box=box.SIMPLE_HEAD
    )
    table.add_column("class", no_wrap=True)
    for heading in (_OF_PIXELS, *(_heading(*each) for each in columns)):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    _, first = columns[0]
    for place, name in enumerate(first.classes):
        share = f"{100 * first.shares[place]:.2f}" if first.shares else "–"
        table.add_row(Text(name), share, *(_cell(known, place) for _, known in columns))
    return table


def _heading(name: str, known: Figures) -> str:
    return f"{name} ({known.where})" if known.where else name


def _cell(known: Figures, place: int) -> Text:
    missed = known.classes[place] in known.learnt.missed
    return Text(percent(known.class_iou[place]), "bold red" if missed else "")
