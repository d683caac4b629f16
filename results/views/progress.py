"""How far a run is, how fast it goes, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from results.order import in_order_of_ending
from results.trial import Trial, TrialState
from results.views.snapshot import Snapshot

RECENT = 50
"""Endings that the pace is taken from: a pause of last night is forgotten after these."""
LATELY = 10 * RECENT
SILENCE = 5
"""Times the usual training time without news after which running trials may be lost."""


@dataclass(frozen=True)
class Progress:
    """``done`` counts ended candidates of ``budget``; ``rate`` is endings an hour; ``left`` and
    ``quiet`` are seconds, the latter since the last sign of life; ``failures`` by kind."""

    done: int
    budget: int | None
    running: tuple[str, ...]
    rate: float | None
    left: float | None
    quiet: float | None
    silent: bool
    stopped: int
    failures: Mapping[str, int]
    best: Trial | None
    interrupted: str | None = None


def progress(now: Snapshot, at: datetime | None = None) -> Progress:
    """The figures of the page's head at a moment; without one, at the snapshot's."""
    known, patience = now.once_here("progress", lambda: _progress(now))
    quiet = _quiet(now, at or now.at)
    silent = bool(known.running) and quiet is not None and quiet > patience
    return replace(known, quiet=quiet, silent=silent)


def _progress(now: Snapshot) -> tuple[Progress, float]:
    """All but what depends on the moment, and after how many seconds silence is remarkable."""
    ended, running = list[Trial](), list[Trial]()
    for trial in now.trials:
        (running if trial.state is TrialState.RUNNING else ended).append(trial)
    done = sum(t.kind == "candidate" for t in ended)
    # Endings come nearly in the order of numbers: the latest are among the last of these.
    recent = in_order_of_ending(ended[-LATELY:])
    rate, budget = _rate(recent[-RECENT:]), now.facts.budget
    interrupted = now.facts.interrupted is not None
    going = bool(running) and rate is not None and budget is not None and not interrupted
    known = Progress(
        done=done,
        budget=budget,
        running=tuple(t.name for t in running),
        rate=rate,
        left=max(0, (budget or 0) - done) / (rate or 1) * 3600 if going else None,
        quiet=None,
        silent=False,
        stopped=sum(t.state is TrialState.STOPPED for t in ended),
        failures=failures(ended),
        best=_best(now),
        interrupted=now.facts.interrupted,
    )
    return known, _patience(ended)


def failures(trials: Sequence[Trial]) -> Mapping[str, int]:
    """Kind -> count, most frequent first: ``infeasible: diverged``, ``failed: worker lost``."""
    kinds: Counter[str] = Counter()
    for trial in trials:
        if trial.state is TrialState.INFEASIBLE:
            failure = trial.measurement.failure if trial.measurement else None
            kinds[f"infeasible: {failure.value if failure else 'unknown'}"] += 1
        elif trial.state is TrialState.FAILED:
            kinds[f"failed: {(trial.error or 'unknown').strip().splitlines()[-1][:80]}"] += 1
    return dict(kinds.most_common())


def _rate(recent: Sequence[Trial]) -> float | None:
    """Endings an hour, from trials in the order of ending. Where the clock was set back between two
    of them, their times say nothing of the pace."""
    times = [t.finished for t in recent if t.finished]
    gaps = [after - before for before, after in pairwise(times) if after >= before]
    seconds = sum(gaps, timedelta()).total_seconds()
    return 3600 * len(gaps) / seconds if seconds else None


def _quiet(now: Snapshot, at: datetime) -> float | None:
    moment = _last_sign(now.trials[-RECENT:])
    return max(0.0, (at - moment).total_seconds()) if moment else None


def _last_sign(recent: Sequence[Trial]) -> datetime | None:
    """When the last of these began or ended, by their counts."""
    if not recent:
        return None
    begun, ended = recent[-1], in_order_of_ending(recent)
    if ended and (ended[-1].ending or 0) >= (begun.after or 0):
        return ended[-1].finished
    return begun.started


def _patience(ended: Sequence[Trial]) -> float:
    seconds = [t.seconds for t in ended[-RECENT:] if t.seconds]
    return max(120.0, SILENCE * median(seconds)) if seconds else 3600.0


def _best(now: Snapshot) -> Trial | None:
    number = now.once("best", lambda: _best_number(now))
    if number is None:
        return None
    return now.by_number[number]


def _best_number(now: Snapshot) -> int | None:
    ranked = now.ranked
    candidates = ranked.loc[ranked["kind"] == "candidate", "trial"]
    return None if candidates.empty else int(candidates.iloc[0])
