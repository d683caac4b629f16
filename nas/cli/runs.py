"""What is done with a run: ``nas status``, ``check``, ``trust``, ``report``, ``promote`` ..."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nas.cli import completion
from nas.cli.options import Quiet, Run, Settings, Teacher, taught_by
from nas.terminal.console import console as _console
from search_space.errors import UserError


def runs(
    folder: Annotated[Path, typer.Argument(help="A folder of runs.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the runs of a folder: data, date, state, best, promoted.

    nas runs

    nas runs results/published --json
    """
    from nas.commands.runs import runs

    runs(folder, json, _console())


def status(
    run: Run,
    json: Annotated[bool, typer.Option("--json", help="Print every trial as JSON.")] = False,
) -> None:
    """Show the state of a run, also while it is running.

    nas status runs/camvid

    nas status runs/camvid --json
    """
    from nas.commands.status import status

    status(run, json, _console())


def check(
    run: Run,
    json: Annotated[bool, typer.Option("--json", help="Print every part as JSON.")] = False,
    set: Settings = None,
) -> None:
    """Check that a run is intact: read its ledger, records, weights, artifacts, data and packs.

    nas check runs/camvid

    nas check runs/camvid --json

    nas check runs/camvid --set data.root=DIR
    """
    from nas.commands.check import check

    check(run, json, set or (), _console())


def trust(run: Run) -> None:
    """Let commands connect to the database that somebody else's run names.

    nas trust shared/camvid
    """
    from nas.commands.trust import trust

    trust(run, _console())


def compare(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="A run (its best), or RUN/promotions/NAME.")
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="What it is compared with.")],
    split: Annotated[
        str | None,
        typer.Option(help="Part of the data.", show_default="test, else val"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Compare two trained networks: difference in mIoU with interval and p, paired by image.

    nas compare runs/a runs/b

    nas compare runs/a/promotions/trial-0012 runs/a/promotions/efficientnet-lite0
    """
    from nas.commands.compare import compare

    compare(first, second, split, json, _console())


def report(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="HTML file.", show_default="RUN/report.html"),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also write its figures as SVG, to this folder."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a run as one self-contained HTML file.

    nas report runs/camvid -o camvid.html

    nas report runs/camvid --figures paper/figures
    """
    from nas.commands.report import report

    report(run, output, figures, _console(quiet))


def dashboard(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, or a folder of runs.",
            show_default=False,
            autocompletion=completion.runs,
        ),
    ] = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to serve on; other machines need --token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to serve on; 0: any free one.")
    ] = 8050,
    token: Annotated[
        str | None,
        typer.Option(envvar="NAS_DASHBOARD_TOKEN", help="Secret that visitors must give."),
    ] = None,
) -> None:
    """Serve a live page of a run. It reads the run and never writes to it.

    nas dashboard runs/camvid

    nas dashboard runs --port 8051

    NAS_DASHBOARD_TOKEN=SECRET nas dashboard runs/camvid --host 0.0.0.0
    """
    from nas.commands.dashboard import dashboard

    dashboard(run, host, port, token, _console())


def promote(
    run: Run,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="Promote this many of the best candidates.", show_default="1"),
    ] = None,
    trial: Annotated[
        list[int] | None,
        typer.Option(help="Promote the trial of this number, also a baseline's; repeatable."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Promote an entry of the catalogue (see `nas describe`); repeatable.",
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            min=1, help="Train each network with this many seeds, starting at the run's own."
        ),
    ] = 1,
    teacher: Teacher = None,
    label: Annotated[
        str | None, typer.Option(help="Suffix of the names, to promote again with other settings.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from checkpoints.")] = False,
    set: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Fully train chosen trials, and baselines under the same recipe and scale.

    nas promote runs/camvid --top 2

    nas promote runs/camvid --trial 0 --set promotion.epochs=80

    nas promote runs/camvid --top 1 --baseline deeplabv3-resnet-50-os16 --seeds 3

    nas promote runs/camvid --top 1 --label wide --set promotion.scale.filters=0.375

    nas promote runs/camvid --top 1 --label taught --teacher runs/camvid/promotions/trial-0012
    """
    from nas.commands.promote import promote

    if top is not None and trial:
        raise UserError("--top and --trial: give one of them")
    settings = [*(set or []), *taught_by(teacher, "promotion")]
    promote(run, top, trial or (), baseline or (), seeds, label, resume, settings, _console(quiet))
