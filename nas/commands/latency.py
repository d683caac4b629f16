"""``nas latency show``: what a table predicts, and what the exported network takes on this device.

``--json`` prints one object; latencies are milliseconds of one image:

    name, size ([height, width]), classes
    table                 {file, device, runtime, threads, date}, null without one
    predicted             {ms: from the image to logits of its size, low_ms: to logits of the
                          network's own size, measured: the share of ms by operators whose very
                          shape is in the table, parts: {name: ms}}, null without a table
    measured              {ms, device, runtime, threads}, null without --measure
    error                 of the prediction, relative to what was measured; null without both
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas.runs.built_as import built_as
from nas.runs.directory import RunDirectory, around
from results import description, units
from results.build_options import BuildOptions
from results.latency import measure as measuring
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.latency.model import Latency, LatencyModel
from search_space.latency.operators import LOGITS
from search_space.latency.table import LatencyTable, Measured, load
from search_space.nodes import Size
from search_space.scales import Scale

DEFAULT = Path("latency.csv")
"""Where a table is looked for that nobody names."""


@dataclass(frozen=True)
class Shown:
    """A network to predict for images of ``size``; ``trained`` on images of that size; ``run``: the
    folder that it lies in."""

    name: str
    backbone: Backbone
    scale: Scale
    classes: int
    size: Size
    trained: Size
    run: RunDirectory | None = None

    def predicted(self, table: LatencyTable) -> Latency:
        """What the table says."""
        model = LatencyModel(table)
        return model.of(self.backbone, self.scale, self.classes, self.size, self.trained)

    def measured(self, threads: int) -> tuple[float, Measured]:
        """Milliseconds of what is exported, on this device. UserError where there is no ONNX."""
        measuring.check(threads=threads)
        from results.export.latency import exported_ms

        names = tuple(f"class {number}" for number in range(self.classes))
        taken = exported_ms(self.backbone, self.scale, names, self.trained, self.size, threads)
        return taken, measuring.here(threads)


def show(
    named: str,
    file: Path | None,
    trial: str | None,
    options: BuildOptions,
    measure: bool,
    as_json: bool,
    console: Console,
) -> None:
    """Print what the table predicts, and with ``measure`` what the exported network takes here.

    Raises:
        UserError: for nothing of that name, no table, or where nothing can be measured.
    """
    subject = _subject(named, trial, options)
    file = file or _found(subject)
    table = None if file is None else load(file)
    if table is None and not measure:
        raise UserError(
            f"no latency table: give --table FILE; nas latency measure -o {DEFAULT} writes one"
        )
    predicted = None if table is None else subject.predicted(table)
    with console.status("exporting and measuring" if measure else "predicting"):
        taken = subject.measured(table.measured.threads if table else 1) if measure else None
    if as_json:
        told = _as_dict(subject, file, table, predicted, taken)
        console.file.write(json.dumps(told, indent=2) + "\n")
        return
    for line in _lines(subject, file, table, predicted, taken):
        console.print(line, soft_wrap=isinstance(line, Text))


def _found(subject: Shown) -> Path | None:
    """The table of its run, or the one in this folder."""
    places = [DEFAULT] if subject.run is None else [subject.run.latency, DEFAULT]
    return next((each for each in places if each.is_file()), None)


def _subject(named: str, trial: str | None, options: BuildOptions) -> Shown:
    path = Path(named)
    if path.is_dir() or path.suffix == ".safetensors":
        return _of_run(named, trial, options)
    if trial is not None:
        raise UserError(f"--trial {trial}: {named} is no run; leave it out")
    found = description.load(named, built_as(named, options))
    unsized = replace(options, given=tuple(name for name in options.given if name != "size"))
    of_run = built_as(named, unsized)
    target = found.target
    trained = of_run.size if "size" in of_run.given else target.size
    run = around(path) if path.is_file() else None
    return Shown(
        found.name, found.backbone, target.scale, target.classes, target.size, trained, run
    )


def _of_run(named: str, trial: str | None, options: BuildOptions) -> Shown:
    """One trial of a run, or a promotion."""
    if trial == "front":
        raise UserError("--trial front: name one trial, best or a number")
    from nas.prediction.given_weights import NONE
    from nas.prediction.subjects import resolve

    (subject,) = resolve(named, trial, options, NONE)
    size = options.size if "size" in options.given else subject.size
    network = subject.backbone, subject.scale, len(subject.classes), size, subject.size
    return Shown(subject.name, *network, around(Path(named) / "network"))


def _lines(
    subject: Shown,
    file: Path | None,
    table: LatencyTable | None,
    predicted: Latency | None,
    taken: tuple[float, Measured] | None,
) -> Iterator[Text | Table]:
    height, width = subject.size
    yield Text.assemble((subject.name, "bold"), f"  one image of {height}×{width} pixels (h×w)")
    if table and predicted:
        yield Text(f"predicted from {file}: {_where(table.measured)}, {table.measured.date}")
        yield Text()
        yield _parts(predicted)
        yield Text()
        yield Text(
            f"{_ms(predicted.ms)} to logits of the image's size, {_ms(predicted.low_ms)} to the"
            f" network's own; {100 * predicted.measured / predicted.ms:.0f} % of it by operators"
            " that were measured, the rest by the law of their kind"
        )
        if predicted.foreign:
            share = 100 * predicted.foreign / predicted.ms
            yield Text(f"warning: {share:.0f} % by kinds that the table has none of", "yellow")
    if taken:
        yield Text(f"measured  {_ms(taken[0])} on {_where(taken[1])}")
    if predicted and taken:
        yield Text(f"error     {100 * (predicted.ms / taken[0] - 1):+.1f} % of what was measured")


def _parts(predicted: Latency) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", style="dim", no_wrap=True)
    for name, ms in predicted.parts.items():
        shown = "up-sampled logits" if name == LOGITS else name
        table.add_row(shown, _ms(ms), f"{100 * ms / predicted.ms:.1f} %")
    return table


def _ms(value: float) -> str:
    return f"{units.three_digits(value)} ms"


def _where(measured: Measured) -> str:
    threads = units.counted(measured.threads, "thread")
    return f"{measured.device}, {measured.runtime}, {threads}"


def _as_dict(
    subject: Shown,
    file: Path | None,
    table: LatencyTable | None,
    predicted: Latency | None,
    taken: tuple[float, Measured] | None,
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": subject.name,
        "size": list(subject.size),
        "classes": subject.classes,
        "table": {"file": str(file), **vars(table.measured)} if table else None,
        "predicted": None,
        "measured": {"ms": taken[0], **vars(taken[1])} if taken else None,
        "error": predicted.ms / taken[0] - 1 if predicted and taken else None,
    }
    if predicted:
        told["predicted"] = {
            "ms": predicted.ms,
            "low_ms": predicted.low_ms,
            "measured": predicted.measured / predicted.ms,
            "parts": dict(predicted.parts),
        }
    return told
