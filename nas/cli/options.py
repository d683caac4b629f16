"""Options that several commands take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nas.cli import completion

Run = Annotated[
    Path,
    typer.Argument(
        help="The run's folder, as in runs/NAME.",
        show_default=False,
        autocompletion=completion.runs,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the config; repeatable."),
]


Teacher = Annotated[
    list[Path] | None,
    typer.Option(
        "--teacher",
        metavar="PATH",
        help="Learn from this trained network too: a promotion's folder, a .safetensors or .onnx"
        " file, or an encoder's name, for its features; repeatable, for an ensemble.",
        show_default=False,
    ),
]


def taught_by(teacher: list[Path] | None, *sections: str) -> list[str]:
    """``--teacher`` as settings of these trainings."""
    named = json.dumps([str(path) for path in teacher or ()])
    return [f"{section}.teacher.from={named}" for section in sections if teacher]


Latency = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="What the exported network may take for one image, as in 10ms.",
        show_default=False,
    ),
]
LatencyTableFile = Annotated[
    Path | None,
    typer.Option(
        "--latency-table",
        metavar="FILE",
        help="Predict latencies from this table, of nas latency measure.",
        show_default="measured on this machine",
    ),
]


def within(latency: str | None, table: Path | None) -> list[str]:
    """``--latency`` and ``--latency-table`` as settings."""
    given = {"latency": latency, "latency_table": table and str(table)}
    told = {key: json.dumps(value) for key, value in given.items() if value}
    return [f"constraints.{key}={value}" for key, value in told.items()]


ScaleName = Annotated[
    str | None,
    typer.Option("--scale", metavar="NAME", help="S49- to S143+, 49S to 190.", show_default="S49"),
]
SeenSize = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="HxW|own",
        help="Resize every image to this before the network sees it.",
        show_default="as in training",
    ),
]
SeenScales = Annotated[
    list[str] | None,
    typer.Option(
        "--scales",
        metavar="SCALE...",
        help="Multiples of the size; several are averaged.",
        show_default="1.0",
    ),
]
Flip = Annotated[bool, typer.Option("--flip", help="Average with the mirror image.")]
Window = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="HxW",
        help="Use a sliding window.",
        show_default="1024x1024 above 4 megapixels",
    ),
]
Stride = Annotated[
    str | None,
    typer.Option(
        "--stride",
        metavar="HxW",
        help="Stride of the window.",
        show_default="two thirds of the window",
    ),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="HxW",
        help="Image size, such as 224 or 512x1024.",
        show_default="512x1024; 49S...: 224",
    ),
]
ClassCount = Annotated[
    int | None,
    typer.Option("--classes", help="Number of classes.", show_default="19; 49S to 190: 1000"),
]
