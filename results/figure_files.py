"""The report's figures as SVG files in a folder, for a paper."""

from __future__ import annotations

from pathlib import Path

from results import drawing, plot, report
from results.views.snapshot import Snapshot
from search_space.architecture import Architecture
from search_space.errors import UserError


def write(now: Snapshot, folder: Path) -> list[Path]:
    """A file for every figure of the report, and the diagrams of its best candidates.

    Raises:
        UserError: where the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}") from None
    written = []
    for name, figure in report.figures_of(now).items():
        written.append(folder / f"{name}.svg")
        plot.save(figure, written[-1], report.title_of(name))
    for trial in report.best_candidates(now):
        if isinstance(trial.backbone, Architecture):
            written += drawing.draw(trial.backbone, folder / f"diagram-{trial.number:04d}.svg")
    return written
