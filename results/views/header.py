"""The words and numbers on top of a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from results import units
from results.views.progress import Progress, progress
from results.views.snapshot import Facts, Snapshot


@dataclass(frozen=True)
class Tile:
    """A figure with its name above and a remark below."""

    name: str
    value: str
    remark: str = ""
    warn: bool = False


def subtitle(facts: Facts) -> str:
    """What the run is, in one line."""
    height, width = facts.size
    said = [facts.data, f"{facts.controller} controller" if facts.controller else ""]
    epochs = units.counted(facts.epochs, "epoch")
    teacher = ", with a teacher" if facts.taught else ""
    said += [f"proxy of {epochs} at {height}×{width}{teacher}, by {facts.score_name}"]
    return " · ".join(part for part in said if part)


def share_done(now: Snapshot) -> float | None:
    """In [0, 1]; None without a budget of trials."""
    known = progress(now)
    return min(1.0, known.done / known.budget) if known.budget else None


def tiles(now: Snapshot, at: datetime | None = None) -> list[Tile]:
    """At a moment, see ``progress``: progress, pace, time left, workers, failures, best."""
    known = progress(now, at)
    of = f" / {known.budget}" if known.budget else ""
    stopped = f"{known.stopped} stopped early" if known.stopped else ""
    rate = "–" if known.rate is None else f"{units.three_digits(known.rate)} / h"
    found = [
        Tile("candidates", f"{known.done}{of}", stopped),
        Tile("pace", rate, "of the last trials" if known.rate else ""),
        Tile("time left", "–" if known.left is None else units.duration(known.left)),
        _running(known),
        _failures(known),
    ]
    if known.best is not None and known.best.score is not None:
        found.append(
            Tile(f"best {now.facts.score_name}", now.facts.shown(known.best.score), known.best.name)
        )
    return found


def _running(known: Progress) -> Tile:
    names = ", ".join(known.running[:3]) + (" …" if len(known.running) > 3 else "")
    quiet = "" if known.quiet is None else units.duration(known.quiet)
    if known.interrupted is not None:
        return Tile("interrupted", f"{len(known.running)} unfinished", known.interrupted, warn=True)
    if known.silent:
        return Tile("running", str(len(known.running)), f"no news for {quiet}", warn=True)
    if not known.running:
        return Tile("running", "0", f"last news {quiet} ago" if quiet else "")
    return Tile("running", str(len(known.running)), names)


def _failures(known: Progress) -> Tile:
    said = [f"{count} × {kind}" for kind, count in known.failures.items()]
    return Tile("failures", str(sum(known.failures.values())), "; ".join(said[:3]), bool(said))
