"""``nas search``: from a config to a leaderboard, a promoted network and its export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas import build
from nas import config as configs
from nas.commands.export import export
from nas.commands.promote import promote
from nas.config import Config
from nas.failures import RunFailed
from nas.progress import Board, SearchProgress
from nas.run import RunDirectory, default_path
from nas.search import Search
from nas.summary import leaderboard_table, write_artifacts
from results.ledger import Ledger
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace


def search(
    source: str | None,
    path: Path | None,
    resume: bool,
    settings: Sequence[str],
    console: Console,
) -> None:
    """Run or resume a search, promote its best, export the winner.

    Raises:
        UserError: before anything is written, for every mistake that can be seen by then.
    """
    run, config = _resumed(source, path, settings) if resume else (None, _fresh(source, settings))
    space = build.space(config)
    controller = build.controller(config, space)
    baselines = build.baselines(config)
    resources = build.resources(config.engine)
    data = build.packed(config, config.proxy.size, console)
    if run is None:
        run = RunDirectory.create(path or default_path(source or DEFAULT), config)
    console.print(f"run {run.path}", markup=False, highlight=False)
    with _ledger(run, config, space) as ledger:
        board = Board(console)
        progress = SearchProgress(board, config.budget.trials, ledger.trials())
        fidelity = build.fidelity(config.proxy)
        source_of_jobs = Search(
            space, controller, ledger, fidelity, baselines, config.budget, progress
        )
        task = build.task(config, config.proxy, data, resources)
        try:
            with board.shown():
                build.engine(config.engine, resources).run(task, source_of_jobs)
        except KeyboardInterrupt as stop:
            raise RunFailed(
                f"interrupted; `nas search --run {run.path} --resume` goes on"
            ) from stop
        trials = ledger.trials()
    if source_of_jobs.exhausted:
        console.print(f"the space is exhausted: {source_of_jobs.exhausted}")
    _conclude(run, config, trials, console)


DEFAULT = "quickstart"


def _fresh(source: str | None, settings: Sequence[str]) -> Config:
    config = configs.load(source or DEFAULT, settings)
    if config.budget.trials is None and config.budget.hours is None:
        raise UserError("budget: give trials or hours, else the search never ends")
    return config


def _resumed(
    source: str | None, path: Path | None, settings: Sequence[str]
) -> tuple[RunDirectory, Config]:
    """The run and its own config, with a new budget if one is given."""
    if path is None:
        raise UserError("--resume needs --run DIR, the run to go on with")
    if source is not None:
        raise UserError(f"--resume goes on with the run's own config; leave {source} out")
    run = RunDirectory.open(path)
    config = configs.with_settings(run.config(), settings, allowed=("budget.", "engine."))
    run.write_config(config)
    return run, config


def _ledger(run: RunDirectory, config: Config, space: ScalePermutedSpace) -> Ledger:
    if run.ledger.exists():
        return Ledger.open(run.ledger)
    facts = {"seed": config.seed, "controller": config.controller.name, "data": config.data.name}
    return Ledger.create(run.ledger, run.path.name, space.genes, facts)


def _conclude(run: RunDirectory, config: Config, trials: list, console: Console) -> None:
    """Leaderboard and pictures; then, if the config says so, promotion and export."""
    console.print(leaderboard_table(trials))
    if not any(t.score is not None for t in trials if t.kind == "candidate"):
        raise RunFailed("no candidate got a score; `nas status` tells why each failed")
    for path in write_artifacts(run, trials):
        console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
    if config.promotion.top == 0:
        return
    promote(run.path, config.promotion.top, (), True, (), console)
    export(str(run.path), "best", ("spec", "python"), run.path / "export", console)
