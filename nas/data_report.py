"""What ``nas data check`` found, for a person and for a program."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy_tasks.datasets.base import SPLITS
from proxy_tasks.datasets.survey import SplitSurvey, Survey

_SIZES_SHOWN = 3
_BAR = 12


def report(found: Survey, console: Console) -> None:
    """Sizes and classes of both splits, then notes and faults, all of them, a line each."""
    console.print(Text(found.name, "bold"))
    for split in SPLITS:
        console.print(Text(f"  {split:5}  {_summary(found.splits[split])}"), soft_wrap=True)
    console.print(_classes_table(found))
    for note in found.notes:
        console.print(Text.assemble(("note   ", "yellow"), note), soft_wrap=True)
    for fault in found.faults:
        console.print(Text.assemble(("wrong  ", "red"), str(fault)), soft_wrap=True)
    if not found.faults:
        console.print(Text("nothing is wrong", "green"))


def as_dict(found: Survey) -> dict[str, Any]:
    """As described in nas.commands.data."""
    return {
        "name": found.name,
        "classes": list(found.classes),
        "splits": {split: _split_dict(found, found.splits[split]) for split in SPLITS},
        "faults": [{"file": str(fault.path), "what": fault.what} for fault in found.faults],
        "notes": list(found.notes),
    }


def _split_dict(found: Survey, split: SplitSurvey) -> dict[str, Any]:
    classes = zip(found.classes, split.shares, split.images, strict=True)
    return {
        "number": split.number,
        "sizes": [{"size": list(size), "images": n} for size, n in split.sizes.most_common()],
        "void": split.void_share,
        "classes": {name: {"share": float(s), "images": int(n)} for name, s, n in classes},
    }


def _summary(split: SplitSurvey) -> str:
    images = f"{split.number:,} {'image' if split.number == 1 else 'images'}"
    return f"{images}  {_sizes(split.sizes)}  {100 * split.void_share:.1f} % void"


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    """All of a few; of many, the most usual and the range."""
    if len(sizes) == 1:
        return _size(next(iter(sizes)))
    usual = sizes.most_common(_SIZES_SHOWN if len(sizes) <= _SIZES_SHOWN else 1)
    text = ", ".join(f"{_size(size)} ({number:,})" for size, number in usual)
    if len(sizes) <= _SIZES_SHOWN:
        return text
    heights, widths = zip(*sizes, strict=True)
    low, high = _size((min(heights), min(widths))), _size((max(heights), max(widths)))
    return f"{len(sizes):,} sizes within {low} to {high}, most often {text}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def _classes_table(found: Survey) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("class", no_wrap=True)
    for split in SPLITS:
        table.add_column("", no_wrap=True, min_width=_BAR)
        table.add_column(f"{split} pixels", justify="right", no_wrap=True)
        table.add_column("images", justify="right", no_wrap=True)
    for index, name in enumerate(found.classes):
        table.add_row(name, *(cell for s in SPLITS for cell in _cells(found.splits[s], index)))
    return table


def _cells(split: SplitSurvey, index: int) -> tuple[Text, str, str]:
    share = float(split.shares[index])
    bar = "█" * round(_BAR * share / max(1e-9, float(split.shares.max())))
    precise = f"{100 * share:.2f} %" if share < 0.0995 else f"{100 * share:.1f} %"
    return Text(bar, "blue"), precise if share else "none", f"{split.images[index]:,}"
