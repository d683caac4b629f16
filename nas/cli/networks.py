"""``nas describe`` and ``nas export``: show one network, and write it for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.options import ClassCount, ImageSize, Quiet, ScaleName
from nas.terminal.console import console as _console
from results.export import FORMATS
from search_space.errors import UserError


def describe(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="An entry of the catalogue or an architecture file. Without it, the catalogue is"
            " listed.",
            show_default=False,
        ),
    ] = None,
    scale: ScaleName = None,
    size: ImageSize = None,
    classes: ClassCount = None,
    auxiliary: Annotated[
        bool, typer.Option("--auxiliary", help="Include a ResNet's auxiliary head.")
    ] = False,
    latency_table: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Predict the latency from a table of nas latency."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    diagram: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Draw the blocks to an .svg or .png; repeatable."),
    ] = None,
) -> None:
    """Show what a network is made of and what it costs, block by block.

    nas describe

    nas describe spinenet-49 --scale 49

    nas describe runs/camvid/artifacts/best.yaml --size 360x480 --diagram best.svg
    """
    from results.build_options import build_options

    built = build_options(scale, size, classes)
    if source is None:
        from nas.commands.catalogue import catalogue

        if auxiliary or diagram or latency_table:
            options = "--auxiliary, --diagram and --latency-table"
            raise UserError(f"{options} need a name or a file to describe")
        catalogue(built, json, _console())
        return
    from nas.commands.describe import describe

    describe(source, built, auxiliary, json, diagram or (), _console(), latency_table)


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|NAME|FILE",
            help="A run, a promotion, weights, an entry of the catalogue, or an architecture file.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")],
    trial: Annotated[
        str | None,
        typer.Option(help="Trial of a run: best, front, or a number.", show_default="best"),
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(FORMATS)}; one or several.",
            show_default="spec; python too where it is trained",
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[FORMAT]")] = None,
    scale: ScaleName = None,
    size: ImageSize = None,
    classes: ClassCount = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Weights for a catalogue entry: torchvision's DeepLabv3 (.pth), or ours.",
            show_default=False,
        ),
    ] = None,
    class_names: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME...",
            help="Of the classes of torchvision's weights, in their order.",
            show_default="those of Pascal VOC if there are 21",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Export an architecture as a spec, as code with weights, or for other tools.

    --scale, --size and --classes are for catalogue entries and files; trials keep their own.

    nas export runs/camvid --trial best --format spec python -o found/

    nas export runs/camvid --format onnx huggingface -o found/

    nas export runs/camvid/promotions/trial-0042-wide --format python -o wide/

    nas export results/published/camvid/trial-0060/192x256.safetensors --format onnx -o found/

    nas export spinenet-49 --scale S96 --classes 11 --size 360x480 --format python -o spinenet/

    nas export deeplabv3-resnet-50-os8 --weights deeplabv3_resnet50.pth --format onnx -o deeplab/
    """
    from nas.commands.export import export
    from results.build_options import build_options

    formats = [*(format or []), *(more or [])]
    names = [name.strip() for name in class_names.split(",")] if class_names else ()
    built = build_options(scale, size, classes)
    export(source, trial, formats, output, _console(quiet), built, weights, names)
