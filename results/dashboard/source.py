"""A run as the page reads it: whatever is new, once for all who look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from results.trial import Trial, TrialState
from results.views.snapshot import Facts, Memo, Promoted, Snapshot


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


class Run(Protocol):
    """Where the trials of one run come from; each call reads what is there by then.

    ``facts`` and ``trials`` raise UserError where a file is damaged.
    """

    def facts(self) -> Facts: ...

    def trials(self) -> Sequence[Trial]: ...

    def promoted(self) -> Sequence[Promoted]: ...


class Source:
    """One run, read at most once at a time. ``read`` gives the same snapshot and version until
    something has changed, so that views are worked out once for all who look."""

    def __init__(self, run: Run, clock: Callable[[], datetime] = _now) -> None:
        self._run, self.clock = run, clock
        self._lock = threading.Lock()
        self._memo = Memo()
        self._seen: object = None
        self._version = 0
        self._snapshot: Snapshot | None = None

    def read(self) -> tuple[int, Snapshot]:
        """(version, snapshot). Versions rise with every change, from 1.

        Raises:
            UserError: where the run cannot be read.
        """
        with self._lock:
            trials, promoted, facts = self._run.trials(), self._run.promoted(), self._run.facts()
            ended = sum(t.state is not TrialState.RUNNING for t in trials)
            seen = (len(trials), ended, tuple(promoted), facts)
            if self._snapshot is None or seen != self._seen:
                self._version, self._seen = self._version + 1, seen
                self._snapshot = Snapshot(facts, trials, promoted, self.clock(), self._memo)
            return self._version, self._snapshot

    def warm(self) -> None:
        """Read all that is there and work out what takes long, before somebody waits for it.

        Raises:
            UserError: where the run cannot be read.
        """
        now = self.read()[1]
        for number in now.candidates["trial"]:
            now.choices(number)
            now.genotype(number)


Sources = Mapping[str, Source]
"""Name of a run -> its source. A name that is not in here is not served, whatever it says."""
