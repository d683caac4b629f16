"""``nas data``: list, check and pack data sets, and empty the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.cli import completion
from nas.cli.options import Quiet, Settings
from nas.terminal.console import console as _console

app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})

DataConfigSource = Annotated[
    str | None,
    typer.Argument(
        metavar="CONFIG", help="A YAML file or a preset.", autocompletion=completion.configs
    ),
]


@app.command("list")
def data_list(
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List the data sets, and the files that each needs.

    nas data list
    """
    from nas.commands.data import list_datasets

    list_datasets(json, _console())


@app.command("check")
def data_check(
    config: DataConfigSource = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    set: Settings = None,
) -> None:
    """Read every file once; report sizes, class frequencies and every fault, by file name.

    The exit code is 1 if something is wrong.

    nas data check cityscapes --set data.root=DIR

    nas data check --set data.name=folder --set data.root=DIR --json
    """
    from nas.commands.data import check

    check(config, json, set or (), _console())


@app.command("pack")
def data_pack(config: DataConfigSource = None, set: Settings = None, quiet: Quiet = False) -> None:
    """Decode the images beforehand, at the resolutions of proxy and promotion.

    nas data pack cityscapes --set data.root=DIR --set data.cache=/fast/disk
    """
    from nas.commands.data import pack

    pack(config, set or (), _console(quiet))


@app.command("cache")
def data_cache(
    config: DataConfigSource = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove it.")] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            help="Only what was not used for so long.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    set: Settings = None,
) -> None:
    """Show what the cache holds: packed images, what teachers said, maps of encoders.

    With --clear it is removed, but for what a command that is under way uses. All of it is made
    again when it is needed.

    nas data cache

    nas data cache --clear --older-than 30

    nas data cache --set data.cache=/fast/disk --json
    """
    from nas.commands.cache import cache

    cache(config, clear, older_than, json, set or (), _console())
