"""Evaluations for people: the table of one by class, and a row for each of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas.runs.evaluations import Evaluation
from proxy_tasks.scores import BOUNDARY_TOLERANCE
from proxy_tasks.views import Size
from results import units

_BAR = 20


def report(found: Evaluation, title: str, console: Console) -> None:
    """What was measured and how, a table by class, and the figures of the whole."""
    data, scores = found.data, found.scores
    images = f"{data.images:,} {'image' if data.images == 1 else 'images'}"
    console.print(Text.assemble((title, "bold"), f"  on {data.name} {data.split}, {images}"))
    console.print(Text(f"seen {how(found)}; labels at their own size", "dim"))
    console.print(_by_class(found))
    for name, value in (
        ("mIoU", scores.miou),
        ("pixel accuracy", scores.pixel_accuracy),
        ("mean accuracy", scores.mean_accuracy),
        ("frequency-weighted IoU", scores.frequency_weighted_iou),
        (f"boundary F within {within(found.tolerance)}", scores.boundary_f),
    ):
        console.print(Text.assemble((f"{_percent(value):>5} %", "bold"), f"  {name}"))
    for note in notes(found):
        console.print(Text.assemble(("note   ", "yellow"), note), soft_wrap=True)


def notes(found: Evaluation) -> Iterator[str]:
    """What is not as it is where network and data set have the same classes."""
    if found.data.unknown:
        yield f"unknown to the network, so never predicted: {', '.join(found.data.unknown)}"
    if found.data.left_out:
        yield f"not in this data set, so not predicted: {', '.join(found.data.left_out)}"


def evaluations_table(evaluations: Iterable[tuple[str, Evaluation]]) -> Table:
    """A row for each, with the name of what was evaluated."""
    table = Table(title="evaluations", title_justify="left", header_style="bold")
    for heading in ("name", "on", "seen"):
        table.add_column(heading)
    for heading in ("mIoU %", "pixel accuracy %", "boundary F %"):
        table.add_column(heading, justify="right")
    for name, each in evaluations:
        scores = each.scores
        elsewhere = f" in {each.data.root}" if each.own is False and each.data.root else ""
        on = f"{each.data.name} {each.data.split}{elsewhere}"
        within_pixels = "" if each.tolerance is None else f" within {within(each.tolerance)}"
        figures = [_percent(value) for value in (scores.miou, scores.pixel_accuracy)]
        contour = f"{_percent(scores.boundary_f)}{within_pixels}"
        table.add_row(*(Text(cell) for cell in (name, on, how(each), *figures, contour)))
    return table


def how(found: Evaluation) -> str:
    """``at its own size, scales 0.75 1 1.25, flipped too, through 512x512 windows``."""
    views, parts = found.views, [str(found.sight)]
    if views.scales != (1.0,):
        parts.append(f"scales {' '.join(f'{scale:g}' for scale in views.scales)}")
    parts += ["flipped too"] if views.flip else []
    if views.window:
        apart = f", {_size(views.stride)} apart" if views.stride else ""
        parts.append(f"through {_size(views.window)} windows{apart}")
    return ", ".join(parts)


def within(tolerance: float | None) -> str:
    """The tolerance of the boundary F-score."""
    if tolerance is None:
        return f"{100 * BOUNDARY_TOLERANCE:g} % of the diagonal"
    return f"{tolerance:g} {'pixel' if tolerance == 1 else 'pixels'}"


def _by_class(found: Evaluation) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("class", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=_BAR)
    for heading in ("IoU %", "accuracy %", "boundary F %", "of pixels %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, known in found.scores.classes.items():
        bar = Text("█" * round(_BAR * (known.iou or 0.0)), "blue")
        figures = map(_percent, (known.iou, known.accuracy, known.boundary_f))
        table.add_row(Text(name), bar, *figures, f"{100 * known.share:.2f}")
    return table


def _percent(value: float | None) -> str:
    return "–" if value is None else units.percent(value)


def _size(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
