"""The command line: parse, call, exit code. 0 done, 1 failed, 2 the user's mistake.

Commands are imported when they are called, so that every ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from search_space.errors import UserError

app = typer.Typer(
    name="nas",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


Run = Annotated[Path, typer.Argument(help="The run's folder, as in runs/NAME.", show_default=False)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one value of the config; repeatable."),
]


@app.command()
def search(
    config: Annotated[
        str | None,
        typer.Argument(help="A YAML file or a preset: quickstart (the default), camvid."),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Folder of the run. [runs/NAME-DATE]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --run.")] = False,
    trials: Annotated[int | None, typer.Option(help="Candidates to score.")] = None,
    hours: Annotated[float | None, typer.Option(help="Wall time from now.")] = None,
    engine: Annotated[str | None, typer.Option(help="ray (the default) or inline.")] = None,
    address: Annotated[str | None, typer.Option(help="A running Ray cluster to join.")] = None,
    set: Settings = None,
) -> None:
    """Search, promote the best, export the winner.

    nas search

    nas search configs/camvid.yaml --set data.root=DIR --trials 100 --run runs/camvid

    nas search --run runs/camvid --resume --trials 200
    """
    from nas.commands.search import search

    settings = list(set or [])
    flags = {
        "budget.trials": trials,
        "budget.hours": hours,
        "engine.name": engine,
        "engine.address": address,
    }
    settings += [f"{key}={value}" for key, value in flags.items() if value is not None]
    if hours is not None and trials is None:
        settings.append("budget.trials=null")
    search(config, run, resume, settings, _console())


@app.command()
def status(
    run: Run,
    json: Annotated[bool, typer.Option("--json", help="Every trial, for a program.")] = False,
) -> None:
    """How a run stands, also while it is running."""
    from nas.commands.status import status

    status(run, json, _console())


@app.command()
def promote(
    run: Run,
    top: Annotated[int | None, typer.Option(min=1, help="The best candidates. [1]")] = None,
    trial: Annotated[
        list[int] | None, typer.Option(help="A trial by number, baselines too; repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from checkpoints.")] = False,
    set: Settings = None,
) -> None:
    """Train chosen trials fully.

    nas promote runs/camvid --top 2

    nas promote runs/camvid --trial 0 --set promotion.epochs=80
    """
    from nas.commands.promote import promote

    if top is not None and trial:
        raise UserError("--top and --trial: give one of them")
    promote(run, top, trial or (), resume, set or (), _console())


@app.command()
def export(
    source: Annotated[str, typer.Argument(metavar="RUN|FILE", help="A run, or a spec.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write to.")],
    trial: Annotated[str, typer.Option(help="best, front, or a number.")] = "best",
    format: Annotated[
        list[str] | None, typer.Option(help="spec, python, diagram; several may follow.")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True, metavar="[FORMAT]")] = None,
) -> None:
    """Take an architecture away: as a spec, as Python code with weights.

    nas export runs/camvid --trial best --format spec python -o found/
    """
    from nas.commands.export import export

    formats = [*(format or []), *(more or [])] or ["spec"]
    export(source, trial, formats, output, _console())


def main() -> None:
    """Run the command line. Mistakes get one line, never a traceback."""
    try:
        app(standalone_mode=True)
    except UserError as error:
        _fail(str(error), 2)
    except Exception as error:
        from nas.failures import RunFailed

        if not isinstance(error, RunFailed):
            raise
        _fail(str(error), 1)


def _fail(message: str, code: int) -> None:
    print(f"nas: {message}", file=sys.stderr)
    raise SystemExit(code)


def _console():  # type: ignore[no-untyped-def]
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=140, no_color=True)
