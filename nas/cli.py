"""The command line: parse, call, exit code. 0 done, 1 failed, 2 the user's mistake.

Commands are imported when they are called, so that every ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nas import completion
from nas.cluster import command_line
from nas.console import console as _console
from search_space.errors import UserError
from search_space.files import FULL

app = typer.Typer(
    name="nas",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(command_line.app, name="cluster")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Search scale-permuted backbones (SpineNet-Seg) for semantic segmentation."""
    if version:
        from importlib.metadata import version as installed

        print(f"nas {installed('spinenet-seg-nas')}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


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


@app.command()
def search(
    config: Annotated[
        str | None,
        typer.Argument(
            help="A YAML file, or a preset: quickstart (the default), camvid, ...",
            autocompletion=completion.configs,
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run.", show_default="runs/NAME-DATE")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --run.")] = False,
    begin: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="RUN|FILE",
            help="Networks to begin with: a run's ten best, a file, a folder of files; repeatable.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Your images: a folder in any layout that is read; the search is planned.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Candidates to score.")] = None,
    hours: Annotated[
        float | None,
        typer.Option(help="Wall time from now; of a planned search, to the export."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop after the plan, before anything is written.")
    ] = False,
    engine: Annotated[str | None, typer.Option(help="ray (the default) or inline.")] = None,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT|auto", help="A running Ray cluster to join.")
    ] = None,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Search, promote the best, export the winner.

    nas search

    nas search --data photos/ --hours 4 --run runs/mine

    nas search configs/camvid.yaml --set data.root=DIR --trials 100 --run runs/camvid

    nas search --run runs/camvid --resume --trials 200

    nas search camvid --set data.root=DIR --from runs/quick --set constraints.macs=1e9

    nas search camvid --set data.root=DIR --address 10.0.0.5:6379
    """
    from nas.commands.search import Asked, search

    settings = list(set or [])
    flags = {"budget.trials": trials, "engine.name": engine, "engine.address": address}
    settings += [f"{key}={value}" for key, value in flags.items() if value is not None]
    asked = Asked(config, data, hours, settings, dry_run)
    search(asked, run, resume, _console(quiet), begin or ())


@app.command()
def plan(
    data: Annotated[
        str,
        typer.Argument(
            help="A folder in any layout that is read, or a YAML file with a data section.",
            show_default=False,
        ),
    ],
    hours: Annotated[
        float | None,
        typer.Option(help="From reading images to the export.", show_default="1"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it as a config, to edit and run.")
    ] = None,
    set: Settings = None,
) -> None:
    """Decide how to search on your images: each value with its reason and its cost.

    nas plan photos/ --hours 4

    nas plan photos/ --hours 4 -o mine.yaml

    nas plan photos/ --set 'data.split.test=[Tile 7, Tile 8]'
    """
    from nas.commands.plan import plan

    plan(data, hours, output, set or (), _console())


@app.command()
def audit(
    config: Annotated[
        str | None,
        typer.Argument(
            help="A YAML file or a preset, as for a search.", autocompletion=completion.configs
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the audit.", show_default="runs/audit-...")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the audit in --run.")
    ] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="Compare the fidelities of audit.grid too.")
    ] = False,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """How far a proxy can be trusted: train random architectures shortly, twice, and long.

    nas audit camvid --set data.root=DIR --run runs/audit-camvid

    nas audit --run runs/audit-camvid --resume

    nas audit camvid --set data.root=DIR --grid --set 'audit.grid=[{epochs: 4}, {epochs: 16}]'
    """
    from nas.commands.audit import audit_command

    audit_command(config, run, resume, grid, set or (), _console(quiet))


@app.command()
def status(
    run: Run,
    json: Annotated[bool, typer.Option("--json", help="Every trial, for a program.")] = False,
) -> None:
    """How a run stands, also while it is running.

    nas status runs/camvid

    nas status runs/camvid --json
    """
    from nas.commands.status import status

    status(run, json, _console())


@app.command()
def report(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="HTML file.", show_default="RUN/report.html"),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Its figures as SVG too, in this folder.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """A run as one HTML file that needs nothing else.

    nas report runs/camvid -o camvid.html

    nas report runs/camvid --figures paper/figures
    """
    from nas.commands.report import report

    report(run, output, figures, _console(quiet))


@app.command()
def dashboard(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, or one that holds runs.",
            show_default=False,
            autocompletion=completion.runs,
        ),
    ] = Path("runs"),
    host: Annotated[str, typer.Option(help="Where to serve; elsewhere only with --token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8050,
    token: Annotated[
        str | None,
        typer.Option(envvar="NAS_DASHBOARD_TOKEN", help="What a visitor must know."),
    ] = None,
) -> None:
    """A live page of a run, also while it is running; reads, never writes.

    nas dashboard runs/camvid

    nas dashboard runs --port 8051

    NAS_DASHBOARD_TOKEN=SECRET nas dashboard runs/camvid --host 0.0.0.0
    """
    from nas.commands.dashboard import dashboard

    dashboard(run, host, port, token, _console())


@app.command()
def promote(
    run: Run,
    top: Annotated[
        int | None, typer.Option(min=1, help="The best candidates.", show_default="1")
    ] = None,
    trial: Annotated[
        list[int] | None, typer.Option(help="A trial by number, baselines too; repeatable.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="An entry of the catalogue, as `nas describe` lists them; repeatable.",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Train each so often, with seeds from the run's own up.")
    ] = 1,
    label: Annotated[
        str | None, typer.Option(help="Added to the names, to promote again with other settings.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from checkpoints.")] = False,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Train chosen trials fully, and baselines under the same recipe and scale.

    nas promote runs/camvid --top 2

    nas promote runs/camvid --trial 0 --set promotion.epochs=80

    nas promote runs/camvid --top 1 --baseline deeplabv3-resnet-50-os16 --seeds 3

    nas promote runs/camvid --top 1 --label wide --set promotion.scale.filters=0.375
    """
    from nas.commands.promote import promote

    if top is not None and trial:
        raise UserError("--top and --trial: give one of them")
    promote(run, top, trial or (), baseline or (), seeds, label, resume, set or (), _console(quiet))


ScaleName = Annotated[
    str | None,
    typer.Option("--scale", metavar="NAME", help="S49- to S143+, 49S to 190.", show_default="S49"),
]
SeenSize = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="HxW|own",
        help="What the network sees an image at, whatever its shape.",
        show_default="as it was trained to",
    ),
]
SeenScales = Annotated[
    list[str] | None,
    typer.Option(
        "--scales",
        metavar="SCALE...",
        help="Times the size; several are averaged.",
        show_default="1.0",
    ),
]
Flip = Annotated[bool, typer.Option("--flip", help="Average with mirror images.")]
Window = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="HxW",
        help="Look through a sliding window.",
        show_default="1024x1024 above 4 megapixels",
    ),
]
Stride = Annotated[
    str | None,
    typer.Option("--stride", metavar="HxW", help="Of the window.", show_default="two thirds of it"),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="HxW",
        help="Image, 224 or 512x1024.",
        show_default="512x1024; 49S...: 224",
    ),
]
ClassCount = Annotated[
    int | None,
    typer.Option("--classes", help="What to tell apart.", show_default="19; 49S to 190: 1000"),
]


@app.command()
def describe(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="An entry of the catalogue or an architecture file; none lists the catalogue.",
            show_default=False,
        ),
    ] = None,
    scale: ScaleName = None,
    size: ImageSize = None,
    classes: ClassCount = None,
    auxiliary: Annotated[
        bool, typer.Option("--auxiliary", help="With a ResNet's auxiliary head.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
    diagram: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Draw the blocks into an .svg or .png; repeatable."),
    ] = None,
) -> None:
    """What a network is made of and what it costs, block by block.

    nas describe

    nas describe spinenet-49 --scale 49

    nas describe runs/camvid/artifacts/best.yaml --size 360x480 --classes 11 --diagram best.svg
    """
    from nas.target import target

    built = target(scale, size, classes)
    if source is None:
        from nas.commands.catalogue import catalogue

        if auxiliary or diagram:
            raise UserError("--auxiliary and --diagram need a name or a file to describe")
        catalogue(built, json, _console())
        return
    from nas.commands.describe import describe

    describe(source, built, auxiliary, json, diagram or (), _console())


@app.command()
def controllers(
    json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
) -> None:
    """What may propose the candidates of a search, and its options.

    nas controllers

    nas search --set controller.name=ppo --set controller.batch=4
    """
    from nas.commands.controllers import controllers

    controllers(json, _console())


@app.command()
def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|NAME|FILE",
            help="A run or a promotion, a catalogue entry, or a spec.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")],
    trial: Annotated[
        str | None, typer.Option(help="Of a run: best, front, or a number.", show_default="best")
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(
            help="spec, python, onnx, torch-export, huggingface, timm, mmseg, diagram, tf-vision,"
            " tf-vision-dilated; several may follow."
        ),
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[FORMAT]")] = None,
    scale: ScaleName = None,
    size: ImageSize = None,
    classes: ClassCount = None,
    quiet: Quiet = False,
) -> None:
    """Take an architecture away: as a spec, as code with weights, or as other tools load it.

    A run's trials are built as they were trained; --scale, --size and --classes are for the rest.

    nas export runs/camvid --trial best --format spec python -o found/

    nas export runs/camvid --format onnx huggingface -o found/

    nas export runs/camvid/promotions/trial-0042-wide --format python -o wide/

    nas export spinenet-49 --scale S96 --classes 11 --size 360x480 --format python -o spinenet/
    """
    from nas.commands.export import export
    from nas.target import target

    formats = [*(format or []), *(more or [])] or ["spec"]
    export(source, trial, formats, output, _console(quiet), target(scale, size, classes))


@app.command()
def predict(
    weights: Annotated[
        Path,
        typer.Argument(
            metavar="WEIGHTS",
            help="A promotion's best.safetensors or folder, or the folder of a python or"
            " huggingface export. Of a python export, network.py is run.",
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
    """Label images: for each a label map (PNG with a palette) and a picture to look at.

    nas predict runs/camvid/promotions/trial-0028/best.safetensors street.jpg -o labelled/

    nas predict found/ photos/ -o labelled/ --flip --scales 0.75 1.0 1.25
    """
    from nas.commands.predict import predict
    from nas.viewing import Asked, told_apart

    images, scales = told_apart(images, scales or ())
    predict(weights, images, output, Asked(size, scales, flip, window, stride), _console(quiet))


@app.command()
def evaluate(
    weights: Annotated[
        Path,
        typer.Argument(
            metavar="WEIGHTS",
            help="A promotion's folder or its best.safetensors, or the folder of a python or"
            " huggingface export. A python export's network.py is run.",
            show_default=False,
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|CONFIG",
            help="What to score it on.",
            show_default="what it was trained on",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="train, val or test.",
            show_default="val; test where folds left nothing to hold out",
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
        Path | None, typer.Option("-o", "--output", help="New folder for colour maps.")
    ] = None,
    submission: Annotated[
        bool, typer.Option("--submission", help="Write the benchmark's own files there too.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """IoU by class, accuracies and boundary F at the labels' own size, as papers report them.

    nas evaluate runs/camvid/promotions/trial-0028

    nas evaluate runs/camvid/promotions/trial-0028 --flip --scales 0.75 1.0 1.25

    nas evaluate found/ --data cityscapes --set data.root=DIR --window 512x1024 --submission -o out/
    """
    from nas.commands.evaluate import Options, evaluate
    from nas.viewing import Asked

    if more and not scales:
        raise UserError(f"{more[0]}: one network at a time; scales follow --scales")
    asked = Asked(size, [*(scales or []), *(more or [])], flip, window, stride)
    options = Options(data, set or (), split, asked, boundary, output, submission, json)
    evaluate(weights, options, _console(quiet))


data_app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
app.add_typer(data_app, name="data", help="The data sets: list them, check yours, pack it.")

DataConfigSource = Annotated[
    str | None,
    typer.Argument(
        metavar="CONFIG", help="A YAML file or a preset.", autocompletion=completion.configs
    ),
]


@data_app.command("list")
def data_list(
    json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
) -> None:
    """What can be trained on, and the files that each needs.

    nas data list
    """
    from nas.commands.data import list_datasets

    list_datasets(json, _console())


@data_app.command("check")
def data_check(
    config: DataConfigSource = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, for a program.")] = False,
    set: Settings = None,
) -> None:
    """Read everything once: sizes, class frequencies, and all that is wrong, by file name.

    Exit code 1 when something is wrong.

    nas data check cityscapes --set data.root=DIR

    nas data check --set data.name=folder --set data.root=DIR --json
    """
    from nas.commands.data import check

    check(config, json, set or (), _console())


@data_app.command("pack")
def data_pack(config: DataConfigSource = None, set: Settings = None, quiet: Quiet = False) -> None:
    """Decode the images beforehand, at the sizes of proxy and promotion.

    nas data pack cityscapes --set data.root=DIR --set data.cache=/fast/disk
    """
    from nas.commands.data import pack

    pack(config, set or (), _console(quiet))


def main() -> None:
    """Run the command line. Mistakes get one line, never a traceback."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        why = error.__context__
        _fail(str(error), 1 if isinstance(why, OSError) and why.errno in FULL else 2)
    except Exception as error:
        from nas.failures import RunFailed, no_room

        line = str(error) if isinstance(error, RunFailed) else no_room(error)
        if line is None:
            raise
        _fail(line, 1)


def _fail(message: str, code: int) -> None:
    print(f"nas: {message}", file=sys.stderr)
    raise SystemExit(code)
