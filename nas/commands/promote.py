"""``nas promote``: full training of chosen trials of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas import build, events, ledgers, lineage, promotion, tracking
from nas import config as configs
from nas.failures import RunFailed, interruptible
from nas.progress import Board, PromotionProgress
from nas.run import RunDirectory
from nas.selection import by_number, top
from nas.summary import promotions_table


def promote(
    path: Path,
    count: int | None,
    numbers: Sequence[int],
    resume: bool,
    settings: Sequence[str],
    console: Console,
) -> None:
    """Train the ``count`` best candidates, or the trials with these numbers (baselines too).

    Raises:
        UserError: no such run or trial, or a promotion that exists.
        RunFailed: when a training gave no result.
    """
    run = RunDirectory.open(path)
    allowed = ("promotion.", "engine.", "loggers")
    config = configs.with_settings(run.config(), settings, allowed)
    trials = ledgers.trials(run)
    chosen = by_number(trials, numbers) if numbers else top(trials, count or 1)
    wanted = promotion.settings(config.promotion)
    fidelity = build.fidelity(config.promotion)
    build.check_batch(config, config.promotion)
    tracking.check(config)
    data = build.packed(config, config.promotion, console)
    promotion.prepare(run, chosen, wanted, resume)
    board = Board(console)
    waiting = promotion.jobs(chosen, fidelity)
    progress = PromotionProgress(board, waiting)
    resources = build.resources(config.engine, jobs=len(chosen))
    resources = build.spread(config.engine, resources)
    queue = promotion.PromotionQueue(run, chosen, fidelity, config.seed, wanted, progress)
    again = f"nas promote {run.path} ... --resume"
    with interruptible(again), events.logged(run.path, "promote"), board.shown():
        build.train(
            config,
            config.promotion,
            data,
            queue,
            resources,
            run.path,
            "promotion",
            folder=run.promotions,
        )
    console.print(promotions_table(lineage.load_all(run)))
    if queue.failed:
        raise RunFailed("; ".join(f"{name}: {why}" for name, why in queue.failed.items()))
