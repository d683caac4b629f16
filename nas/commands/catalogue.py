"""``nas describe`` without a name: the catalogue, and the scales that networks are built at."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from results import description as descriptions
from results import units
from results.build_options import OPTIONS, BuildOptions
from results.description import Description
from search_space import catalog
from search_space.architecture import Architecture
from search_space.heads import HEADS
from search_space.scales import SCALES


def catalogue(target: BuildOptions, as_json: bool, console: Console) -> None:
    """Print the catalogue's entries with their costs at the target, and the scales."""
    alike = replace(target, given=OPTIONS)  # one size and number of classes for all entries
    entries = [descriptions.load(name, alike) for name in catalog.names()]
    if as_json:
        console.file.write(json.dumps(_as_dict(entries), indent=2) + "\n")
        return
    height, width = target.size
    at = f"{target.scale_name}, {height}×{width} pixels, {target.classes} classes"
    console.print(_entries_table(entries, f"catalogue, costs at {at}"))
    console.print(_scales_table())
    console.print(
        Text("nas describe NAME|FILE shows one of them, or your own file, in full.", "dim")
    )


def _as_dict(entries: list[Description]) -> dict[str, Any]:
    listed = [descriptions.summary(each) for each in entries]
    scales = [{"name": name, **asdict(scale)} for name, scale in SCALES.items()]
    return {"catalogue": listed, "scales": scales}


def _entries_table(entries: list[Description], title: str) -> Table:
    table = _table(title, left=("name", "made of"), right=("params", "MACs"))
    for each in entries:
        macs, parameters = units.giga(each.cost.macs), units.mega(each.cost.parameters)
        table.add_row(each.name, _made_of(each), parameters, macs)
    return table


def _made_of(described: Description) -> str:
    backbone = described.backbone
    if not isinstance(backbone, Architecture):
        return f"ResNet {'-'.join(map(str, backbone.stages))}, stride {backbone.output_stride}"
    levels = backbone.output_levels
    named = f"P{levels[0]}" if len(levels) == 1 else f"P{levels[0]}–P{levels[-1]}"
    blocks = len(backbone.alive)
    if backbone.encoder_spec:
        blocks = sum(index >= len(backbone.stem) for index in backbone.alive)
        named = f"{backbone.encoder_spec.title}, {named}"
    return f"{blocks} blocks, {named}" if blocks else named


def _scales_table() -> Table:
    right = ("filters", "stem", "alpha", "repeats", "endpoints", "ASPP")
    table = _table("scales (--scale)", left=("name", "head"), right=right)
    for name, scale in SCALES.items():
        head = HEADS[scale.head]
        aspp = str(scale.aspp_filters) if head.pixels else ""
        values = (scale.alpha, scale.repeats, scale.endpoint_filters, aspp)
        filters = (f"×{scale.filters:g}", str(scale.first_filters))
        table.add_row(name, head.title, *filters, *map(str, values))
    return table


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in left:
        table.add_column(heading, no_wrap=True)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
