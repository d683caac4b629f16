"""How well a table of operators predicts the latency of networks that were never measured.

A table is measured as `nas latency measure` does it. Networks of both spaces, from scratch and on
EfficientNet-Lite0, are drawn with another seed, exported by the product's own exporter and timed in
ONNX Runtime, each at two sizes of image. Both count the least of many passes, by the time of the
thread that runs them, so that other programs on the machine tell little; even so it is best quiet:
what interrupts every pass of a long operator is taken for the operator's own.

The table takes a minute and a half, and an export one to four on one core: with --exports they are
kept, and made once.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from results.export.latency import graph_timer
from results.export.onnx_model import save_model
from results.export.subject import Subject
from results.latency.measure import measured
from results.latency.sample import usual
from search_space.architecture import Architecture
from search_space.encoders import ENCODERS
from search_space.latency import LatencyModel, load
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.spine import SpineSpace

SEED = 2021
CLASSES = 11
WIDTHS = (0.25, 0.375, 0.5)
HEADS = ("deeplabv3", "deeplabv3+")
SIZES = ((192, 256), (320, 320))
OTHER = (256, 384)
"""The second size at which each is timed."""
SECONDS, ROUNDS = 0.5, 4
"""For which each is timed, so many times."""


@dataclass(frozen=True)
class Drawn:
    """A network that nobody measured."""

    name: str
    backbone: Architecture
    scale: Scale
    size: tuple[int, int]


def drawn(count: int) -> Iterator[Drawn]:
    """By turns of both spaces, over widths, heads and sizes."""
    rng = np.random.default_rng(SEED)
    spaces: dict[str, ScalePermutedSpace | SpineSpace] = {
        "scratch": ScalePermutedSpace(),
        "spine": SpineSpace(ENCODERS["efficientnet-lite0"], 6),
    }
    for number in range(count):
        kind = tuple(spaces)[number % 2]
        width = WIDTHS[number // 2 % 3]
        filters = max(32, round(256 * width / 16) * 16)
        head = HEADS[number // 2 % 2]
        backbone = spaces[kind].decode(spaces[kind].sample(rng))
        scale = Scale(width, endpoint_filters=filters, aspp_filters=filters, head=head)
        yield Drawn(f"{kind}-{number:02d}", backbone, scale, SIZES[number // 6 % 2])


def exported(one: Drawn, folder: Path) -> Path:
    """Its graph, as the product writes it; written once."""
    path = folder / f"{one.name}.onnx"
    if not path.exists():
        names = tuple(f"class {number}" for number in range(CLASSES))
        save_model(Subject(one.backbone, one.scale, names, one.size, one.name), path)
    return path


@dataclass(frozen=True)
class Found:
    """Milliseconds, and the share of what is predicted by operators of measured shapes."""

    name: str
    size: tuple[int, int]
    predicted: float
    taken: float
    known: float

    @property
    def error(self) -> float:
        """Relative."""
        return self.predicted / self.taken - 1


def compared(model: LatencyModel, count: int, folder: Path) -> list[Found]:
    """Each network at its own size and at OTHER, by turns: what slows the machine down for a while
    meets all of them."""
    threads = model.table.measured.threads
    runs: dict[tuple[Drawn, tuple[int, int]], Callable[[], float]] = {}
    for one in drawn(count):
        timed = graph_timer(exported(one, folder), one.scale.channels, threads)
        for size in (one.size, OTHER):
            runs[one, size] = partial(timed, size, SECONDS)
    taken = [[run() for run in runs.values()] for _ in range(ROUNDS)]
    found = []
    for (one, size), times in zip(runs, zip(*taken, strict=True), strict=True):
        told = model.of(one.backbone, one.scale, CLASSES, size, one.size)
        found.append(Found(one.name, size, told.ms, min(times), told.measured / told.ms))
    return found


def summary(found: Sequence[Found]) -> str:
    """Of a kind of networks, in a line of a table."""
    errors = np.array([each.error for each in found])
    middle, most = np.quantile(np.abs(errors), (0.5, 0.9))
    words = (len(found), *(f"{100 * each:.1f} %" for each in (middle, most, np.median(errors))))
    return " | ".join(map(str, words))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=90.0, help="of measuring the table")
    parser.add_argument("--table", type=Path, help="a table that was measured before")
    parser.add_argument("--exports", type=Path, help="folder to keep the exports in")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.exports:
        given.exports.mkdir(parents=True, exist_ok=True)
    kept = nullcontext(given.exports) if given.exports else tempfile.TemporaryDirectory()
    with kept as folder:
        table = load(given.table) if given.table else measured(usual(), given.seconds)
        model = LatencyModel(table)
        print(f"{len(table.rows):,} operators, {table.measured}")
        print("| network | size | predicted ms | measured ms | error |\n|---|---|---:|---:|---:|")
        found = compared(model, given.networks, Path(folder))
        for each in found:
            size = "x".join(map(str, each.size))
            row = (each.name, size, f"{each.predicted:.2f}", f"{each.taken:.2f}")
            print(f"| {' | '.join(row)} | {100 * each.error:+.1f} % |")
    print(
        "\n| networks | timings | median error | 90 % | median, signed |\n|---|---:|---:|---:|---:|"
    )
    for name in ("scratch", "spine", ""):
        chosen = [each for each in found if each.name.startswith(name)]
        if chosen:
            print(f"| {name or 'all'} | {summary(chosen)} |")


if __name__ == "__main__":
    main()
