"""A run as the page reads it: only what is new, and once for all visitors."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from results.trial import Trial, TrialState
from results.views.pages import VIEWS, first
from results.views.snapshot import Facts, FullTraining, Memo, Promoted, Snapshot
from results.views.style import Figure


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


class Run(Protocol):
    """Where the trials of one run come from; each call reads what is there by then.

    ``facts`` and ``trials`` raise UserError where a file is damaged.
    """

    def facts(self) -> Facts: ...

    def trials(self) -> Sequence[Trial]: ...

    def promoted(self) -> Sequence[Promoted]: ...

    def trainings(self) -> Sequence[FullTraining]: ...


class Source:
    """One run, read at most once at a time, and drawn once for all who look."""

    def __init__(self, run: Run, clock: Callable[[], datetime] = _now) -> None:
        self._run, self.clock = run, clock
        self._reading, self._drawing = threading.Lock(), threading.Lock()
        self._memo = Memo()
        self._drawn_from: object = None
        self._version = 0
        self._states: Counter[TrialState] = Counter()
        self._snapshot: Snapshot | None = None

    def read(self) -> tuple[int, Snapshot]:
        """(version, snapshot) as the run is now. The version rises from 1 whenever there is more
        to draw: a trial that starts or fails changes the snapshot alone.

        Raises:
            UserError: where the run cannot be read.
        """
        with self._reading:
            trials, promoted, facts = self._run.trials(), self._run.promoted(), self._run.facts()
            trainings = self._run.trainings()
            states = Counter(trial.state for trial in trials)
            drawn_from = (states[TrialState.COMPLETE], tuple(promoted), tuple(trainings), facts)
            same = drawn_from == self._drawn_from
            if not same:
                self._version, self._drawn_from = self._version + 1, drawn_from
            if self._snapshot is None or not same or states != self._states:
                worked = self._snapshot.worked if self._snapshot and same else {}
                moment, self._states = self.clock(), states
                self._snapshot = Snapshot(
                    facts, trials, promoted, moment, trainings, self._memo, worked
                )
            return self._version, self._snapshot

    def latest(self) -> Snapshot:
        """What was read last. UserError where nothing was, and the run cannot be read."""
        return self._snapshot or self.read()[1]

    def figure(self, view: str, *chosen: Any) -> Figure:
        """Of the latest snapshot. One after the other: most of their work is shared."""
        with self._drawing:
            now = self.latest()
            return now.once((view, *chosen), lambda: VIEWS[view].draw(now, *chosen))

    def warm(self) -> None:
        """Read all that is there and draw it, before somebody waits for it.

        Raises:
            UserError: where the run cannot be read.
        """
        _, now = self.read()
        for name in VIEWS:
            self.figure(name, *first(name, now.facts))


Sources = Mapping[str, Source]
"""Name of a run -> its source. A name that is not in here is not served, whatever it says."""
