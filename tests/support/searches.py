"""A search over trainings that take no time."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from nas.config import BudgetConfig
from nas.controllers.evolution import RegularizedEvolution
from nas.controllers.random import RandomSearch
from nas.engines.base import Resources
from nas.engines.inline import InlineEngine
from nas.parts.baselines import Baseline
from nas.searching.search import Search
from nas.terminal.progress import Board, SearchProgress
from proxy_tasks.objectives import Metric
from proxy_tasks.task import Fidelity, Job, Limit
from results.ledger import Ledger
from results.trial import TrialState
from search_space import catalog
from search_space.backbone import Backbone
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from tests.support.tasks import KeyTask

SPACE = ScalePermutedSpace()
FIDELITY = Fidelity(epochs=2, size=(32, 32), scale=Scale())
BASELINES = tuple(Baseline(n, catalog.load(n)) for n in ("deeplabv3-resnet-50-os8", "spinenet-49"))


class Harness:
    """A search over a ledger in a folder; made anew it is a resumed one."""

    def __init__(
        self,
        folder: Path,
        trials: int | None = 5,
        hours: float | None = None,
        space: ScalePermutedSpace = SPACE,
        evolve: bool = False,
        limits: tuple[Limit, ...] = (),
        score: Metric = "miou",
        figures: Callable[[Backbone], Mapping[str, float]] = lambda backbone: {},
    ) -> None:
        path = folder / "ledger.journal"
        self.ledger = (
            Ledger.open(path) if path.exists() else Ledger.create(path, "run", space.genes, {})
        )
        self.text = io.StringIO()
        known = self.ledger.trials()
        progress = SearchProgress(Board(Console(file=self.text, width=200)), trials, known, score)
        controller = RegularizedEvolution(space, 0, 4, 2) if evolve else RandomSearch(space, 0)
        budget = BudgetConfig(trials=trials, hours=hours)
        self.search = Search(
            space,
            controller,
            self.ledger,
            FIDELITY,
            BASELINES,
            budget,
            progress,
            limits,
            score,
            figures=figures,
        )

    def run(self) -> None:
        InlineEngine(Resources(1, 1, 0)).run(KeyTask(), self.search)

    def score(self, job: Job) -> None:
        self.search.finish(job, list(KeyTask().score(job))[-1])

    def states(self) -> list[TrialState]:
        return [trial.state for trial in self.ledger.trials()]


def take(search: Search) -> Job:
    job = search.next()
    assert job is not None
    return job
