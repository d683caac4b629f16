"""How far a proxy can be trusted: the same random architectures, trained in several ways.

An audit is made of legs: every architecture trained once, at one fidelity, with one seed. A leg is
a search by random sampling with a ledger of its own, so that an audit resumes as a search does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from nas.config import BudgetConfig, Config, ProxyConfig
from nas.controllers.random import RandomSearch
from nas.failures import RunFailed
from nas.parts import build, machines, running
from nas.prediction.lessons import lessons
from nas.runs import events
from nas.runs.directory import RunDirectory
from nas.searching.search import Search
from nas.terminal.progress import Board, SearchProgress
from proxy_tasks.objectives import OBJECTIVES, SCORES, Metric
from proxy_tasks.task import Measurement
from results.audit import Audited
from results.ledger import Ledger
from search_space.genes import SearchSpace

PROXY, REFERENCE = "proxy", "reference"
"""Labels of the two fidelities that every audit has."""

Leg = dict[str, Measurement]
"""Canonical key -> what the training gave."""


@dataclass(frozen=True)
class Plan:
    """``fidelities`` are the proxies by label, the config's own first; each is trained with
    ``seeds`` seeds, the reference with ``references`` more, that no proxy has: initial weights in
    common would make them agree."""

    fidelities: Mapping[str, ProxyConfig]
    reference: ProxyConfig
    seeds: int
    references: int = 1

    @classmethod
    def of(cls, config: Config, grid: bool) -> Plan:
        """The config's ``audit`` section. UserError where a grid entry makes no proxy."""
        fidelities = {PROXY: config.proxy}
        if grid:
            fidelities |= config.audit.varied(config.proxy)
        wanted = config.audit
        return cls(fidelities, wanted.longer_than(config.proxy), wanted.seeds, wanted.references)

    def legs(self) -> list[tuple[str, ProxyConfig, int]]:
        """(label, training, seed), the cheap ones first."""
        proxies = [
            (label, training, seed)
            for label, training in self.fidelities.items()
            for seed in range(self.seeds)
        ]
        beyond = range(self.seeds, self.seeds + self.references)
        return [*proxies, *((REFERENCE, self.reference, seed) for seed in beyond)]


def train(run: RunDirectory, config: Config, plan: Plan, console: Console) -> dict[str, list[Leg]]:
    """Train what is not trained yet; the legs of each label, by seed. It stops as a search does."""
    space = build.space(config)
    found: dict[str, list[Leg]] = {}
    for label, training, seed in plan.legs():
        console.print(f"{label}, seed {seed}: {training.epochs} epochs", highlight=False)
        events.tell("leg started", label=label, seed=seed, epochs=training.epochs)
        changed = {"proxy": training, "seed": config.seed + seed}
        leg = _train_leg(run, config, config.model_copy(update=changed), space, label, console)
        found.setdefault(label, []).append(leg)
    return found


def audited(proxy: list[Leg], reference: list[Leg], metric: Metric) -> Audited:
    """The architectures that every leg has a score of, judged by one metric of the proxy against
    the reference's mIoU, which is what a search is for.

    Raises:
        RunFailed: where too few are left to compare.
    """
    keys = [key for key in reference[0] if all(key in leg for leg in [*proxy, *reference])]
    if len(keys) < 3:
        raise RunFailed(
            f"{len(keys)} architectures were trained at every fidelity; at least 3 are needed"
        )
    scores = [[leg[key].figure(metric) for key in keys] for leg in proxy]
    return Audited(
        tuple(keys),
        OBJECTIVES[metric].sign * np.array(scores, dtype=float),
        np.array([[leg[key].miou for key in keys] for leg in reference]),
        *(
            float(np.mean([leg[key].seconds for leg in legs for key in keys]))
            for legs in (proxy, reference)
        ),
    )


def told(legs: list[Leg]) -> list[Metric]:
    """What a search may go by, as far as every training says it: an older one may not know all."""
    measured = [each for leg in legs for each in leg.values()]
    return [name for name in SCORES if all(m.figure(name) is not None for m in measured)]


def leg_ledger(run: RunDirectory, label: str, seed: int) -> Path:
    """Where the trials of a leg are; ``seed`` counts from the config's."""
    return run.path / "legs" / f"{label.replace(' ', '_')}-seed{seed}.journal"


def _train_leg(
    run: RunDirectory,
    config: Config,
    changed: Config,
    space: SearchSpace,
    label: str,
    console: Console,
) -> Leg:
    """Every leg samples with the audit's own seed: the same architectures."""
    path = leg_ledger(run, label, changed.seed - config.seed)
    path.parent.mkdir(exist_ok=True)
    facts: dict[str, Any] = {"seed": changed.seed, "label": label}
    with (
        Ledger.open(path)
        if path.exists()
        else Ledger.create(path, path.stem, space.genes, facts) as ledger
    ):
        count = config.audit.architectures
        if sum(trial.score is not None for trial in ledger.trials()) < count:
            _score(run, changed, space, RandomSearch(space, config.seed), ledger, count, console)
        return {
            trial.key: trial.measurement
            for trial in ledger.trials()
            if trial.score is not None and trial.measurement is not None
        }


def _score(
    run: RunDirectory,
    config: Config,
    space: SearchSpace,
    controller: RandomSearch,
    ledger: Ledger,
    count: int,
    console: Console,
) -> None:
    board = Board(console)
    source = Search(
        space,
        controller,
        ledger,
        build.fidelity(config.proxy, config.data),
        (),
        BudgetConfig(trials=count),
        SearchProgress(board, count, ledger.trials()),
    )
    data = build.packed(config, config.proxy, console)
    learnt = lessons(config, config.proxy, data, console)
    resources = machines.resources(config.engine)
    with board.shown():
        running.train(
            config,
            config.proxy,
            data,
            source,
            resources,
            run.path,
            ledger.name,
            lessons=learnt,
        )
