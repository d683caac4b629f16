"""``nas describe``: a network and what it costs, computed at once and without torch.

``--json`` prints one object; numbers are plain counts, bytes and pixels, sizes [height, width]:

    name, kind ("scale-permuted", "encoder" or "dilated ResNet"), key (canonical)
    scale                 {name, filters, alpha, repeats, endpoint_filters, aspp_filters, head,
                          channels, stem_filters (null: multiplied by filters too)}
    head, auxiliary, size, classes
    parameters, macs      of all parts
    exported_latency      seconds for one image, predicted from a table, where one is given
    activation_bytes      peak of one image in a training step
    training_bytes        {"1": ..., "16": ...}: batch size -> all of a training step
    aspp_rates            empty for a head without that pyramid
    receptive_fields      {level: pixels}, one for each output level
    smallest_side         pixels of an image's shorter side from which on no dilation is dead
    dead                  those that are at this size, whose outer taps read nothing but padding:
        {part, level, reach (the dilation)}
    output_levels, network {head, head_width, zoom, ...: what it decides of itself},
    blocks of a searched backbone; blocks that are never built are listed too:
        {id, level, stride, type, dilation, inputs, absorbed, stem, read_out, built},
        inputs: {block, resampled ("up", "down" or "same")}; attributes that are added to a
        block follow its dilation
    output_stride, stages of a ResNet:
        {level, filters, blocks, stride, first_dilation, dilation, output_stride}
    parts                 row by row, blocks by rising id; the part of a block is named by its id:
        {name, level, channels, size, parameters, macs, activation_bytes}
    provenance            as in the file

Without a name it is {"catalogue": [...], "scales": [...]}: of every entry what stands above
``output_levels``, and every scale as above.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from nas.runs.built_as import built_as
from proxy_tasks.objectives import EXPORTED_LATENCY, OBJECTIVES
from results import description as descriptions
from results import text_diagram, units
from results.build_options import BuildOptions
from results.cost_table import cost_table
from results.description import BATCH, Description
from search_space.architecture import Architecture
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.heads import HEADS
from search_space.latency import load
from search_space.printable import one_line
from search_space.shapes import level_size


def describe(
    name_or_path: str,
    target: BuildOptions,
    auxiliary: bool,
    as_json: bool,
    diagrams: Sequence[Path],
    console: Console,
    latency_table: Path | None = None,
) -> None:
    """Print totals, diagram and the table of parts; with ``as_json`` one object instead. A file in
    a run's folder is described as the run builds it.

    Raises:
        UserError: nothing of that name, a target that it cannot be built for, or a diagram that
            cannot be drawn or written.
    """
    table = load(latency_table) if latency_table else None
    described = descriptions.load(name_or_path, built_as(name_or_path, target), auxiliary, table)
    written = _draw(described, diagrams) if diagrams else []
    if as_json:
        console.file.write(json.dumps(descriptions.as_dict(described), indent=2) + "\n")
        return
    for block in _blocks(described, console.width):
        console.print(block, soft_wrap=isinstance(block, Text))
    for path in written:
        console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)


def _draw(described: Description, paths: Sequence[Path]) -> list[Path]:
    if not isinstance(described.backbone, Architecture):
        raise UserError(f"--diagram: {described.name} is a ResNet, which has no block diagram")
    from results.drawing import draw  # matplotlib takes half a second to import

    return draw(described.backbone, paths, title=described.name)


def _blocks(described: Description, width: int) -> Iterator[RenderableType]:
    backbone = described.backbone
    yield _headline(described)
    yield Text()
    yield _facts(described)
    yield Text()
    if isinstance(backbone, Architecture):
        yield text_diagram.text_diagram(backbone, width)
        yield Text()
        yield text_diagram.legend(backbone, width)
        yield Text()
    yield cost_table(backbone, described.parts, described.cost, width)


def _headline(described: Description) -> Text:
    what = f"{described.kind} backbone"
    return Text.assemble(
        (described.name, "bold"), f"  {what}  ", (canonical_key(described.backbone), "dim")
    )


def _facts(described: Description) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _fact_lines(described):
        table.add_row(name, Text(value))
    return table


def _fact_lines(described: Description) -> Iterator[tuple[str, str]]:
    target, total = described.target, described.cost
    height, width = target.size
    head = HEADS[described.head].title + ", auxiliary FCN" * described.auxiliary
    yield "built as", f"{target.scale_name}, {head}, {target.classes} classes"
    yield "image", f"{height}×{width} pixels (h×w)"
    if target.assumed:
        yield "assumed", " ".join(_assumed(target))
    yield "parameters", f"{units.mega(total.parameters)}  {total.parameters:,}"
    yield "MACs", f"{units.giga(total.macs)}  {total.macs:,}"
    if described.latency is not None:
        known = OBJECTIVES[EXPORTED_LATENCY]
        yield known.label, units.shown(described.latency, known.unit)
    yield "memory", _memory(total.activations, total.training_bytes(BATCH))
    if described.rates:
        rates = ", ".join(map(str, described.rates))
        yield "ASPP rates", f"{rates} at stride {2**described.finest}"
    fields = total.receptive_fields.items()
    yield "receptive field", ", ".join(f"P{level} {pixels:,} px" for level, pixels in fields)
    if described.dead:
        yield "dead taps", _dead(described)
    yield from _provenance(described.provenance)


def _dead(described: Description) -> str:
    """Dilations that do nothing at this size, and the size at which all do something."""
    size = described.target.size
    maps = (level_size(size, each.level) for each in described.dead)
    parts = (
        f"{each.part} (d{each.reach} on {height}×{width})"
        for each, (height, width) in zip(described.dead, maps, strict=True)
    )
    return (
        f"{', '.join(parts)} read nothing but padding; all are alive from"
        f" {described.smallest_side} px of the shorter side on"
    )


def _memory(image: int, batch: int) -> str:
    return f"{_bytes(image)} an image, {_bytes(batch)} to train with batches of {BATCH} (fp32)"


def _bytes(count: int) -> str:
    if count >= 1e9:
        return f"{units.three_digits(count / 1e9)} GB"
    return f"{units.three_digits(count / 1e6)} MB"


def _assumed(target: BuildOptions) -> list[str]:
    """What was not given, as the options that would give it."""
    height, width = target.size
    size = f"{height}x{width}"
    values = {"scale": target.scale_name, "size": size, "classes": target.classes}
    return [f"--{option} {values[option]}" for option in target.assumed]


def _provenance(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A line for what the file says itself, one for each group in it, such as the scores."""
    groups = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    alone = {key: value for key, value in values.items() if key not in groups}
    for name, group in {"provenance": alone, **groups}.items():
        if group:
            said = "; ".join(_said(key, value) for key, value in group.items())
            yield one_line(str(name)), one_line(said)


def _said(key: Any, value: Any) -> str:
    """Scores in per cent as elsewhere, counts with separators, the beginning of a long hash; the
    rest as the file has it."""
    name = str(key).replace("_", " ").replace("miou", "mIoU").replace("macs", "MACs")
    if isinstance(value, float) and name.endswith("mIoU"):
        return f"{name} {units.percent(value)} %"
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{32,}", value):
        return f"{name} {value[:12]}"
    return f"{name} {value:,}" if type(value) is int else f"{name} {value}"
