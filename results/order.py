"""In which order trials ended, and what had ended when one began: by count, never by the clock.

A clock is set back, and at the end of summer time an hour comes twice. So a ledger counts (see
``Trial.after`` and ``Trial.ending``). Those of formats 1 and 2 did not: their times stand in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, filterfalse

from results.trial import Trial, TrialState

_UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""The time of an ending that has none: before all others."""


def is_told(trial: Trial) -> bool:
    """Whether a trial says itself where it stands among the others."""
    return trial.after is not None and (_runs(trial) or trial.ending is not None)


def next_ending(trials: Iterable[Trial]) -> int:
    """How many have ended, and so the place of the one that ends next."""
    return sum(not _runs(trial) for trial in trials)


def by_times(untold: Collection[Trial], taken: Collection[int]) -> Iterator[Trial]:
    """Trials of earlier formats in the order of their numbers, placed by their times: what was
    counted later has ``taken`` its places."""
    ended = sorted((t for t in untold if not _runs(t) and t.ending is None), key=_by_time)
    free = filterfalse(frozenset(taken).__contains__, count())
    places = {trial.number: place for trial, place in zip(ended, free, strict=False)}
    times = [_time(trial) for trial in ended]
    for trial in sorted(untold, key=lambda trial: trial.number):
        after = len(times) if trial.started is None else bisect_right(times, trial.started)
        yield replace(
            trial,
            after=after if trial.after is None else trial.after,
            ending=places.get(trial.number, trial.ending),
        )


def in_order_of_ending(trials: Iterable[Trial]) -> list[Trial]:
    """Those that have ended."""
    return sorted((t for t in trials if t.ending is not None), key=lambda trial: trial.ending or 0)


def _runs(trial: Trial) -> bool:
    return trial.state is TrialState.RUNNING


def _time(trial: Trial) -> datetime:
    return trial.finished or _UNKNOWN


def _by_time(trial: Trial) -> tuple[datetime, int]:
    return _time(trial), trial.number
