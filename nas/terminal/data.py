"""What ``nas data check`` found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy_tasks.datasets.base import PARTS, Split
from proxy_tasks.datasets.traits import Fingerprint, PartTraits, Place, Thickness

_SIZES_SHOWN = 3
_BAR = 12
_VERDICTS = {
    True: "structures grow with the image: cameras differ",
    False: "structures do not grow with the image: a pixel has one size in the world",
    None: "it is not clear whether structures grow with the image",
}


def report(found: Fingerprint, console: Console) -> None:
    """What there is, what was measured, then notes and faults, all of them, a line each."""
    console.print(Text(found.name, "bold"))
    for part in _shown(found):
        console.print(Text(f"  {part:5}  {_summary(found.parts[part])}"), soft_wrap=True)
    console.print(_classes_table(found, console.width))
    console.print(_measured(found))
    for note in found.notes:
        console.print(Text.assemble(("note   ", "yellow"), note), soft_wrap=True)
    for fault in found.wrong:
        console.print(Text.assemble(("wrong  ", "red"), str(fault)), soft_wrap=True)
    if not found.faults:
        console.print(Text("nothing is wrong", "green"))


def as_dict(found: Fingerprint) -> dict[str, Any]:
    """As described in nas.commands.data."""

    def by_class(entries: tuple[Place, ...] | tuple[Thickness, ...]) -> dict[str, Any]:
        return dict(zip(found.classes, map(asdict, entries), strict=True))

    return {
        "name": found.name,
        "classes": list(found.classes),
        "splits": {part: _part_dict(found, found.parts[part]) for part in PARTS},
        "folded": found.folded,
        "channels": [asdict(channel) for channel in found.brightness],
        "depth": found.depth,
        "bits": found.bits,
        "thickness": by_class(found.thickness),
        "growth": asdict(found.growth) if found.growth else None,
        "upright": found.upright,
        "sided": found.sided,
        "vertical": by_class(found.vertical),
        "horizontal": by_class(found.horizontal),
        "twins": [asdict(twin) for twin in found.twins],
        "faults": [
            {"file": str(fault.path), "what": fault.what, "kind": fault.kind}
            for fault in found.faults
        ],
        "wrong": list(map(str, found.wrong)),
        "notes": list(found.notes),
    }


def _part_dict(found: Fingerprint, part: PartTraits) -> dict[str, Any]:
    classes = zip(found.classes, part.shares, part.pixels, part.images, strict=True)
    return {
        "number": part.number,
        "groups": part.groups,
        "sizes": [{"size": list(size), "images": n} for size, n in part.sizes.most_common()],
        "void": part.void_share,
        "unlabelled": list(part.unlabelled),
        "classes": {
            name: {"share": share, "pixels": pixels, "images": images}
            for name, share, pixels, images in classes
        },
    }


def _shown(found: Fingerprint) -> list[Split]:
    return [part for part in PARTS if part != "test" or found.parts[part].number]


def _summary(part: PartTraits) -> str:
    images = f"{part.number:,} {'image' if part.number == 1 else 'images'}"
    scenes = f" of {part.groups} {'scene' if part.groups == 1 else 'scenes'}" if part.groups else ""
    return f"{images}{scenes}  {_sizes(part.sizes)}  {100 * part.void_share:.1f} % void"


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


def _classes_table(found: Fingerprint, width: int) -> Table:
    """With bars where they fit."""
    parts = _shown(found)
    plain = max(map(len, found.classes)) + 1 + 16 * len(parts) + 13
    bars = plain + (_BAR + 1) * len(parts) <= width
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("class", no_wrap=True)
    for part in parts:
        if bars:
            table.add_column("", no_wrap=True, min_width=_BAR)
        table.add_column(part, justify="right", no_wrap=True)
        table.add_column("images", justify="right", no_wrap=True)
    table.add_column("thickness", justify="right", no_wrap=True)
    for index, name in enumerate(found.classes):
        cells = [cell for part in parts for cell in _cells(found.parts[part], index, bars)]
        table.add_row(name, *cells, _pixels(found.thickness[index].lower))
    return table


def _cells(part: PartTraits, index: int, bars: bool) -> list[Text | str]:
    share = part.shares[index]
    bar = "█" * round(_BAR * share / max(1e-9, *part.shares))
    precise = f"{100 * share:.2f} %" if share < 0.0995 else f"{100 * share:.1f} %"
    cells = [precise if share else "none", f"{part.images[index]:,}"]
    return [Text(bar, "blue"), *cells] if bars else [*cells]


def _pixels(thickness: float | None) -> str:
    if thickness is None:
        return ""
    return f"{thickness:.1f} px" if thickness < 10 else f"{thickness:,.0f} px"


def _measured(found: Fingerprint) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, text in _lines(found):
        table.add_row(f"  {name}", Text(text))
    return table


def _lines(found: Fingerprint) -> Iterator[tuple[str, str]]:
    yield "columns", "share of the labelled pixels, and number of images that show the class"
    if thin := _thinnest(found):
        yield "thickness", thin
    if found.brightness:
        yield "values", _values(found)
    if found.parts["train"].read:
        yield "sizes", _growth(found)
        yield "up", _up(found)
    if found.folded:
        yield "folds", "images of train are validated on in turn"
    if found.parts["val"].number or found.parts["test"].number:
        yield "alike", _alike(found)


def _thinnest(found: Fingerprint) -> str:
    """Empty where no class shows an edge."""
    known = [
        (each.lower, each.images, name)
        for name, each in zip(found.classes, found.thickness, strict=True)
        if each.lower is not None
    ]
    if not known:
        return ""
    lower, images, name = min(known)
    return (
        f"lower quartile of the training images; thinnest is {name}: {_pixels(lower)}"
        f" ({images:,} images)"
    )


def _values(found: Fingerprint) -> str:
    means = " ".join(f"{100 * each.mean:.0f}" for each in found.brightness)
    spreads = " ".join(f"{100 * each.std:.0f}" for each in found.brightness)
    dark = min(each.dark for each in found.brightness)
    bright = max(each.bright for each in found.brightness)
    return (
        f"{found.channels} channels of {found.depth} bits: mean {means} %, spread {spreads} %,"
        f" nearly all between {100 * dark:.0f} and {100 * bright:.0f} %"
    )


def _growth(found: Fingerprint) -> str:
    sides = found.parts["train"].short_sides
    if sides[0] == sides[-1]:
        return f"every short side is {sides[0]:,} pixels"
    short = f"short sides are {sides[0]:,} to {sides[-1]:,} pixels"
    if found.growth is None:
        return f"{short}: too little data to tell whether structures grow with the image"
    growth = found.growth
    power = f"(thickness ~ short side to the power {growth.slope:.2f} ± {growth.error:.2f})"
    return f"{short}; {_VERDICTS[growth.grows]} {power}"


def _up(found: Fingerprint) -> str:
    high = _aside(found, found.vertical, "the height, from the top")
    side = _aside(found, found.horizontal, "the width, from the left")
    up = f"images have an up: {high}" if high else "images have no up: no class tends up or down"
    return up + (f"; and a left: {side}" if side else "; no class tends to a side")


def _aside(found: Fingerprint, places: tuple[Place, ...], where: str) -> str:
    """The class that stands farthest off the middle; empty where none does."""
    far = [
        (abs(place.mean - 0.5), name, place.mean)
        for name, place in zip(found.classes, places, strict=True)
        if place.aside and place.mean is not None
    ]
    if not far:
        return ""
    _, name, mean = max(far)
    return f"{name} is at {100 * mean:.0f} % of {where}"


def _alike(found: Fingerprint) -> str:
    number = len(found.twins)
    are = "image is" if number <= 1 else "images are"
    return f"{number or 'no'} {are} there twice" + ("" if found.folded else ", in two parts")
