"""Runs the finals between a search and full training: see nas.runs.finals.

They are a search without proposals, of the finalists alone, with a ledger of its own: so they
resume, and survive whatever dies, as a search does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from nas.config import Config
from nas.parts import build, machines, running
from nas.parts.baselines import Baseline
from nas.prediction.lessons import lessons
from nas.runs import events
from nas.runs.directory import RunDirectory
from nas.runs.finals import finalists
from nas.searching.search import Search
from nas.terminal.finals import finals_table
from nas.terminal.progress import Board, SearchProgress
from results.ledger import Ledger
from results.trial import Trial
from search_space.backbone import Backbone

PHASE = "finals"


def hold(
    run: RunDirectory, config: Config, trials: Sequence[Trial], console: Console
) -> list[Trial]:
    """Train the finalists that are not trained yet, and show them all; none where the config has no
    finals. It stops as a search does.

    Raises:
        UserError: for data that cannot be trained on.
        RunFailed: interrupted.
    """
    if not config.finals.candidates:
        return []
    chosen = finalists(trials, config)
    names = ", ".join(chosen)
    console.print(f"finals: {names}", markup=False, highlight=False, soft_wrap=True)
    events.tell("finals started", finalists=list(chosen))
    with _ledger(run, config) as ledger:
        _train(run, config, chosen, ledger, console)
        ended = ledger.trials()
    console.print(finals_table(ended, trials, config.proxy.score))
    return ended


def _ledger(run: RunDirectory, config: Config) -> Ledger:
    if run.finals.exists():
        return Ledger.open(run.finals)
    run.finals.parent.mkdir(exist_ok=True)
    facts = {"seed": config.seed, "label": PHASE}
    return Ledger.create(run.finals, PHASE, build.space(config).genes, facts)


def _train(
    run: RunDirectory,
    config: Config,
    chosen: Mapping[str, Backbone],
    ledger: Ledger,
    console: Console,
) -> None:
    training = build.finals(config)
    board = Board(console)
    source = Search(
        build.space(config),
        None,
        ledger,
        build.fidelity(training, config.data),
        tuple(Baseline(name, backbone) for name, backbone in chosen.items()),
        config.budget,
        SearchProgress(board, len(chosen), ledger.trials(), training.score, "baseline"),
        score=training.score,
    )
    data = build.packed(config, training, console)
    learnt = lessons(config, training, data, console, chosen)
    resources = machines.resources(config.engine)
    with board.shown():
        running.train(config, training, data, source, resources, run.path, PHASE, lessons=learnt)
