"""Block diagrams of those that led, as artifacts of their Optuna trials, for optuna-dashboard.

An Optuna trial takes no artifact once it has ended, and at 10,000 trials a diagram of each would
cost an hour of the driver and a gigabyte. So whoever ends among the three best until then gets one:
about 3 (1 + ln(N / 3)) of N trials, 27 of 10,000, and the three best of the run are among them.
"""

from __future__ import annotations

import heapq
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from proxy_tasks.task import Job, Measurement
from results.ledger import Ledger
from results.store import StorageFailed
from search_space.architecture import Architecture

COUNT = 3


class Leaders:
    """The diagrams of a run whose ledger is open for writing; the files go into ``folder``."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self._ledger, self._folder = ledger, folder
        known = [t.score for t in ledger.trials() if t.kind == "candidate" and t.score is not None]
        self._best = heapq.nlargest(COUNT, known)
        heapq.heapify(self._best)

    def ending(self, job: Job, outcome: Measurement) -> None:
        """Call before the end of a job is written. A diagram that cannot be kept is left out: what
        matters of a full disk is told by the ledger's own next line."""
        score = outcome.miou if outcome.score is None else outcome.score
        if outcome.failure is not None or score is None or not self._enters(score):
            return
        if isinstance(job.backbone, Architecture):
            with suppress(OSError, StorageFailed):
                self._attach(job, job.backbone)

    def _enters(self, score: float) -> bool:
        if len(self._best) < COUNT:
            heapq.heappush(self._best, score)
            return True
        return heapq.heappushpop(self._best, score) != score

    def _attach(self, job: Job, architecture: Architecture) -> None:
        # matplotlib takes half a second to import: only where something is drawn.
        from results.drawing import svg

        with TemporaryDirectory() as folder:
            file = Path(folder) / f"{job.name}.svg"
            file.write_bytes(svg(architecture))
            self._ledger.attach(job.number, file, self._folder)
