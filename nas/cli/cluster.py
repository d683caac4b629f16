"""The options of ``nas cluster``. Loads nothing heavy, so that its help answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.terminal.console import console as _console

app = typer.Typer(help="Start, use and end a Ray cluster, on this machine or on others.")

Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE|local", help="The cluster's YAML file, or local.", show_default=False
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@app.command()
def up(
    target: Target,
    nodes: Annotated[
        int | None, typer.Option(min=1, help="Number of raylets (local only).", show_default="2")
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="CPUs of each raylet (local only).", show_default="1")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option(min=0, help="GPUs of each raylet (local only).", show_default="0")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write and show the files, but start nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Write the cluster's files, show them, and start the cluster.

    nas cluster up local --nodes 2 --cpus 4

    nas cluster up cluster.yaml --dry-run

    nas cluster up cluster.yaml --yes
    """
    from nas.commands.cluster import up

    given = {"nodes": nodes, "cpus": cpus, "gpus": gpus}
    changes = {key: value for key, value in given.items() if value is not None}
    up(target, changes, dry_run, yes, _console())


@app.command()
def status(target: Target) -> None:
    """List the nodes, and whether they are alive.

    nas cluster status local
    """
    from nas.commands.cluster import status

    status(target, _console())


@app.command(context_settings={"ignore_unknown_options": True})
def submit(
    target: Target,
    words: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND ...", help="A command of nas, without the word nas."),
    ],
    upload: Annotated[
        list[Path] | None,
        typer.Option(help="File or folder to copy to the head first; repeatable."),
    ] = None,
) -> None:
    """Run a nas command on the cluster.

    nas cluster submit local -- search camvid --set data.root=DIR --run runs/camvid

    nas cluster submit cluster.yaml --upload mine.yaml --upload data -- search mine.yaml --hours 8
    """
    from nas.commands.cluster import submit

    submit(target, words, upload or (), _console())


@app.command()
def down(target: Target, yes: Yes = False) -> None:
    """End the cluster.

    nas cluster down local
    """
    from nas.commands.cluster import down

    down(target, yes, _console())
