"""``nas report``: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from nas.runs import reading
from nas.runs.inside import check_writable
from results import report as pages


def report(run: Path, output: Path | None, figures: Path | None, console: Console) -> None:
    """Write the report, by default into the run's folder; its figures as SVG into ``figures``.

    Raises:
        UserError: when no run is there, a link leads out of it, or a file cannot be written.
    """
    now = reading.snapshot(run)
    if output is None:
        check_writable(run)
    path = pages.write(now, output or run / "report.html")
    size = path.stat().st_size / 1e6
    console.print(f"{path}: {len(now.trials)} trials, {size:.1f} MB", markup=False)
    if figures is None:
        return
    from results.figure_files import write  # with matplotlib

    console.print(f"{figures}: {len(write(now, figures))} figures", markup=False)
