"""``nas search``, ``plan``, ``audit`` and ``controllers``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli import completion
from nas.cli.options import Latency, LatencyTableFile, Quiet, Settings, Teacher, taught_by, within
from nas.terminal.console import console as _console


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
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --run.")] = False,
    begin: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="RUN|FILE",
            help="Networks to start from: a run's ten best, a file, a folder of files; repeatable.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Your images: a folder in any supported layout. The search is planned.",
            show_default=False,
        ),
    ] = None,
    teacher: Teacher = None,
    latency: Latency = None,
    latency_table: LatencyTableFile = None,
    trials: Annotated[int | None, typer.Option(help="Number of candidates to score.")] = None,
    hours: Annotated[
        float | None,
        typer.Option(help="Wall time from now; a planned search includes the export."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop after the plan, before anything is written.")
    ] = False,
    engine: Annotated[
        str | None, typer.Option(help="ray (the default), or inline: without Ray.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT|auto", help="A running Ray cluster to join.")
    ] = None,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Search, promote the best, export the winner.

    nas search

    nas search --data photos/ --hours 4 --run runs/mine

    nas search --data photos/ --hours 4 --latency 10ms

    nas search configs/camvid.yaml --set data.root=DIR --trials 100 --run runs/camvid

    nas search --run runs/camvid --resume --trials 200

    nas search camvid --set data.root=DIR --from runs/quick --set constraints.macs=1e9

    nas search camvid --set data.root=DIR --teacher runs/first/promotions/trial-0012

    nas search camvid --set data.root=DIR --address 10.0.0.5:6379
    """
    from nas.commands.search import Asked, search

    settings = [*(set or []), *taught_by(teacher, "proxy", "promotion")]
    settings += within(latency, latency_table)
    flags = {"budget.trials": trials, "engine.name": engine, "engine.address": address}
    settings += [f"{key}={value}" for key, value in flags.items() if value is not None]
    asked = Asked(config, data, hours, settings, dry_run)
    search(asked, run, resume, _console(quiet), begin or ())


def plan(
    data: Annotated[
        str,
        typer.Argument(
            help="A folder in any supported layout, or a YAML file with a data section.",
            show_default=False,
        ),
    ],
    hours: Annotated[
        float | None,
        typer.Option(
            help="Time for everything, from reading the images to the export.", show_default="1"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write the plan as a config, to edit and run."),
    ] = None,
    latency: Latency = None,
    latency_table: LatencyTableFile = None,
    set: Settings = None,
) -> None:
    """Plan a search on your images, with a reason and a cost for each value.

    nas plan photos/ --hours 4

    nas plan photos/ --hours 4 -o mine.yaml

    nas plan photos/ --latency 10ms --latency-table camera.csv

    nas plan photos/ --set 'data.split.test=[Tile 7, Tile 8]'
    """
    from nas.commands.plan import plan

    plan(data, hours, output, [*(set or ()), *within(latency, latency_table)], _console())


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
    resume: Annotated[bool, typer.Option("--resume", help="Resume the audit in --run.")] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="Also compare the fidelities of audit.grid.")
    ] = False,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Measure how far a proxy can be trusted, by training random architectures briefly and longer.

    nas audit camvid --set data.root=DIR --run runs/audit-camvid

    nas audit --run runs/audit-camvid --resume

    nas audit camvid --set data.root=DIR --grid --set 'audit.grid=[{epochs: 4}, {epochs: 16}]'
    """
    from nas.commands.audit import audit_command

    audit_command(config, run, resume, grid, set or (), _console(quiet))


def controllers(
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the controllers, which propose the candidates, with their options.

    nas controllers

    nas search --set controller.name=ppo --set controller.batch=4
    """
    from nas.commands.controllers import controllers

    controllers(json, _console())
