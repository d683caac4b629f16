"""The command line: parse, call, exit code. 0 done, 1 failed, 2 the user's mistake.

Commands are imported when they are called, so that every ``--help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from nas.cli import cluster, data, images, latency, networks, pretraining, runs, searches
from nas.failures import RunFailed, ending_at_the_second, no_access, no_memory
from nas.terminal.console import complain, plain_logs
from search_space.errors import UserError
from search_space.files import FULL
from search_space.printable import brief

_INTERRUPTED = 130
"""Typer's exit code, as a shell's, where a Ctrl-C reached nobody who could say more."""

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
    runs.runs,
    runs.status,
    runs.trust,
    runs.check,
    runs.compare,
    runs.report,
    runs.dashboard,
    pretraining.pretrain,
    runs.promote,
    networks.describe,
    searches.controllers,
    networks.export,
    images.predict,
    images.evaluate,
):
    app.command()(_command)
app.add_typer(cluster.app, name="cluster")
app.add_typer(latency.app, name="latency", help="Measure and predict how long networks take.")
app.add_typer(data.app, name="data", help="List the data sets, check yours, pack it.")


def main() -> None:
    """Run the command line. Mistakes get one line, never a traceback."""
    plain_logs()
    with ending_at_the_second():
        _run()


def _run() -> None:
    try:
        app(standalone_mode=True)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            complain("interrupted")
        raise
    except UserError as error:
        why = error.__context__
        _fail(brief(str(error)), 1 if isinstance(why, OSError) and why.errno in FULL else 2)
    except Exception as error:
        known = isinstance(error, RunFailed)
        line = str(error) if known else no_access(error) or no_memory(error)
        if line is None:
            raise
        _fail(line, 1)


def _fail(message: str, code: int) -> None:
    complain(message)
    raise SystemExit(code)
