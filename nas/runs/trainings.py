"""Full trainings that are still running, from the files that they write as they go."""

from __future__ import annotations

import csv
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas.runs.begun import SETTINGS
from nas.runs.promotion_records import RECORD, read_json
from nas.runs.directory import RunDirectory
from search_space.errors import UserError


@dataclass(frozen=True)
class UnderWay:
    """``epochs`` of ``of`` are kept, so many ``seconds`` of training, the last of them ``ago``
    seconds ago (of the first: since it began); ``miou`` is the best so far. ``left`` is how many
    seconds it takes at this pace if nothing ends it early, None before the first epoch; ``curve`` has the
    mIoU of each epoch that was validated."""

    name: str
    epochs: int
    of: int
    seconds: float
    ago: float
    miou: float | None
    left: float | None
    curve: tuple[tuple[int, float | None], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def load_all(run: RunDirectory) -> list[UnderWay]:
    """By name. Whether somebody still works on them no file tells: see ``ago``. UserError for one
    whose files are damaged."""
    begun = sorted(run.promotions.glob(f"*/{SETTINGS}"))
    return [read(path) for path in begun if not (path.parent / RECORD).exists()]


def read(settings: Path) -> UnderWay:
    """That of a promotion's ``settings.json``. UserError where its files are damaged."""
    try:
        return _read(settings)
    except UserError:
        raise
    except (OSError, LookupError, TypeError, ValueError, csv.Error, OverflowError) as error:
        raise UserError(f"{settings.parent}: its settings or history are damaged ({error})") from error


def _read(settings: Path) -> UnderWay:
    history = settings.parent / "history.csv"
    rows = list(csv.DictReader(history.read_text("utf-8").splitlines())) if history.exists() else []
    of = int(read_json(settings)["epochs"])
    newest = (history if rows else settings).stat().st_mtime
    curve = tuple((int(row["epochs"]), float(row["miou"]) if row["miou"] else None) for row in rows)
    epochs, seconds = (int(rows[-1]["epochs"]), float(rows[-1]["seconds"])) if rows else (0, 0.0)
    return UnderWay(
        name=settings.parent.name,
        epochs=epochs,
        of=of,
        seconds=seconds,
        ago=max(0.0, time.time() - newest),
        miou=max((miou for _, miou in curve if miou is not None), default=None),
        left=seconds / epochs * (of - epochs) if epochs else None,
        curve=curve,
    )
