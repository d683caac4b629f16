"""``nas predict`` and ``nas evaluate``: label images, and score the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli.options import Flip, Quiet, SeenScales, SeenSize, Settings, Stride, Window
from nas.terminal.console import console as _console
from search_space.errors import UserError


def predict(
    weights: Annotated[
        Path,
        typer.Argument(
            metavar="WEIGHTS",
            help="A promotion's best.safetensors or folder, or the folder of a python or"
            " huggingface export. A python export's network.py is executed.",
            show_default=False,
        ),
    ],
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE...", help="Images, or folders of them.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")],
    size: SeenSize = None,
    scales: SeenScales = None,
    flip: Flip = False,
    window: Window = None,
    stride: Stride = None,
    quiet: Quiet = False,
) -> None:
    """Label images: each gets a label map (PNG with a palette) and an overlay to look at.

    nas predict runs/camvid/promotions/trial-0028/best.safetensors street.jpg -o labelled/

    nas predict found/ photos/ -o labelled/ --flip --scales 0.75 1.0 1.25
    """
    from nas.commands.predict import predict
    from nas.prediction.viewing import Asked, told_apart

    images, scales = told_apart(images, scales or ())
    predict(weights, images, output, Asked(size, scales, flip, window, stride), _console(quiet))


def evaluate(
    weights: Annotated[
        Path,
        typer.Argument(
            metavar="WEIGHTS",
            help="A promotion's folder or its best.safetensors, or the folder of a python or"
            " huggingface export. A python export's network.py is executed.",
            show_default=False,
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|CONFIG",
            help="Data to score on.",
            show_default="those of the training",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Part of the data: train, val or test.",
            show_default="val; test where folds left no val",
        ),
    ] = None,
    size: SeenSize = None,
    scales: SeenScales = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[SCALE]")] = None,
    flip: Flip = False,
    window: Window = None,
    stride: Stride = None,
    boundary: Annotated[
        float | None,
        typer.Option(
            metavar="PIXELS", help="Tolerance of boundary F.", show_default="0.75 % of the diagonal"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="New folder for colour maps and figures.")
    ] = None,
    submission: Annotated[
        bool,
        typer.Option(
            "--submission", help="Also write the files that the benchmark's server takes."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep evaluation.yaml beside the weights.")
    ] = True,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Score weights as papers do: IoU by class, accuracies and boundary F at the labels' own size.

    nas evaluate runs/camvid/promotions/trial-0028

    nas evaluate runs/camvid/promotions/trial-0028 --flip --scales 0.75 1.0 1.25

    nas evaluate found/ --data cityscapes --set data.root=DIR --window 512x1024 --submission -o out/
    """
    from nas.commands.evaluate import Options, evaluate
    from nas.prediction.viewing import Asked

    if more and not scales:
        raise UserError(f"{more[0]}: one network at a time; scales follow --scales")
    asked = Asked(size, [*(scales or []), *(more or [])], flip, window, stride)
    options = Options(data, set or (), split, asked, boundary, output, submission, json, keep)
    evaluate(weights, options, _console(quiet))
