"""``nas pretrain``: weights to start full trainings from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nas.cli.options import Quiet, ScaleName, Settings
from nas.terminal.console import console as _console


class EngineName(StrEnum):
    ray = "ray"
    inline = "inline"


def pretrain(
    network: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE|RUN]",
            help="An entry of the catalogue, an architecture file, or a run, whose best it is.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Images: a folder for each class; with --teacher at any depth.",
            show_default=False,
        ),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Images to validate on.",
            show_default="FOLDER/val, or a tenth of each folder",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="ENCODER|FILE",
            help="Learn its features, without labels: a pretrained encoder, such as"
            " efficientnet-lite0, or weights of ours.",
            show_default=False,
        ),
    ] = None,
    teacher_weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of an encoder that comes in no package, such as torchvision's resnet50.pth.",
            show_default=False,
        ),
    ] = None,
    scale: ScaleName = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="Size of the crops in pixels.", show_default="128x128"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs, one crop of each image.", show_default="30")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(help="Instead of epochs: as many as fit.", show_default=False)
    ] = None,
    engine: Annotated[
        EngineName | None,
        typer.Option(help="What runs it.", show_default="ray for several processes"),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Share each batch among so many.", show_default="1"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="New folder.", show_default="runs/pretrained-NAME"
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on in the folder of -o, with its settings.")
    ] = False,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Pretrain a backbone on classes of images, or on a teacher's features without labels.

    nas pretrain spinenet-49 --data imagenet/ --size 224 --epochs 90 -o pretrained/

    nas pretrain runs/camvid --data photos/ --teacher efficientnet-lite0 --hours 8 -o pretrained/

    nas pretrain --resume -o pretrained/

    nas promote runs/camvid --label warm --set promotion.weights=pretrained/weights.safetensors
    """
    from nas.commands.pretrain import Asked, pretrain
    from results.build_options import parse_size

    given = {
        "data": data and str(data),
        "val": val and str(val),
        "teacher": teacher,
        "teacher_weights": teacher_weights and str(teacher_weights),
        "size": size and list(parse_size(size)),
        "epochs": epochs,
        "hours": hours,
        "engine": engine and engine.value,
        "processes": processes,
    }
    values = {key: value for key, value in given.items() if value is not None}
    pretrain(Asked(network, values, set or (), scale, output, resume), _console(quiet))
