"""The command line: parse, call, exit code. 0 done, 1 failed, 2 the user's mistake.

Commands are imported when they are called, so that every ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nas.cli import cluster, data, images, networks, runs, searches
from search_space.errors import UserError
from search_space.files import FULL

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


for _command in (
    searches.search,
    searches.plan,
    searches.audit,
    runs.status,
    runs.check,
    runs.report,
    runs.dashboard,
    runs.promote,
    networks.describe,
    searches.controllers,
    networks.export,
    images.predict,
    images.evaluate,
):
    app.command()(_command)
app.add_typer(cluster.app, name="cluster")
app.add_typer(data.app, name="data", help="The data sets: list them, check yours, pack it.")


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
