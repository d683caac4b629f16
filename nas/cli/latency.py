"""``nas latency``: what exported networks take in the runtime that they run in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.options import ClassCount, ImageSize, Quiet, ScaleName
from nas.terminal.console import console as _console

app = typer.Typer(no_args_is_help=True)


@app.command()
def measure(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Where to write the table.")
    ] = Path("latency.csv"),
    runtime: Annotated[
        str, typer.Option(help="onnxruntime, on the processor of this device.")
    ] = "onnxruntime",
    threads: Annotated[int, typer.Option(help="That a network runs on.")] = 1,
    seconds: Annotated[float, typer.Option(help="How long to measure, about.")] = 90.0,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="HxW",
            help="Measure for images of this size only: closer there.",
            show_default="many, of 128 to 352 pixels a side",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure on this device what the operators of networks take, and write a table.

    nas latency measure -o desk.csv

    nas latency measure -o camera.csv --threads 4 --size 480x640 --seconds 120
    """
    from nas.commands.latency_table import measure

    measure(output, runtime, threads, seconds, size, _console(quiet))


@app.command()
def show(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE|RUN",
            help="An entry of the catalogue, an architecture file, a run or one of its promotions.",
            show_default=False,
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The table.", show_default="the run's, or latency.csv"),
    ] = None,
    trial: Annotated[
        str | None,
        typer.Option(help="Trial of a run: best, or a number.", show_default="best"),
    ] = None,
    scale: ScaleName = None,
    size: ImageSize = None,
    classes: ClassCount = None,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Also export the network and time it on this device."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Predict the latency of a network from a table, part by part.

    nas latency show spinenet-49 --scale S49- --size 256x512 --table desk.csv

    nas latency show runs/mine --measure
    """
    from nas.commands.latency import show
    from results.build_options import build_options

    show(source, table, trial, build_options(scale, size, classes), measure, json, _console())
