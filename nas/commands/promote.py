"""``nas promote``: full training of chosen trials of a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from nas.commands.evaluate import Options, measured
from nas.config import Config
from nas.engines import tracking
from nas.failures import RunFailed, interruptible
from nas.parts import build, checks, machines, running, weights
from nas.parts.baselines import named
from nas.prediction.lessons import lessons
from nas.runs import (
    begun,
    data_identity,
    events,
    finals,
    ledgers,
    promotion_records,
    rivals,
    tested,
)
from nas.runs.directory import RunDirectory
from nas.runs.learnt import Truth
from nas.runs.resume import changed
from nas.runs.selection import by_number, top
from nas.searching import promotion
from nas.searching.promotion import Subject
from nas.terminal.progress import Board, PromotionProgress
from nas.terminal.standings import show_promotions
from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.packed import open_packed
from results.trial import Trial
from search_space.errors import UserError


def promote(
    path: Path,
    count: int | None,
    numbers: Sequence[int],
    baselines: Sequence[str],
    seeds: int,
    label: str | None,
    resume: bool,
    settings: Sequence[str],
    console: Console,
) -> None:
    """Train the ``count`` best candidates (None: one where nothing else is named), the trials with
    these numbers, and these entries of the catalogue: all under the run's recipe and scale, each
    with this many ``seeds``, starting at the run's own. A ``label`` in their names sets them apart
    from promotions of the same networks under other settings.

    Where the data have a test part, those that have ended are scored on it once. Where the data lie
    may be said in ``settings`` too.

    Raises:
        UserError: no such run, trial or entry, a promotion that exists, or other data than those
            that the run began with.
        RunFailed: when a training gave no result.
    """
    run = RunDirectory.open(path)
    config = changed(run, settings, ("promotion.", "engine.", "loggers"), console)
    trials = ledgers.trials(run)
    decided = finals.load(run)
    asked = _chosen(config, trials, count, numbers, baselines, decided)
    if label is not None:
        asked = [subject.labelled(label) for subject in asked]
    chosen = [one for subject in asked for one in subject.seeded(config.seed, seeds)]
    wanted = promotion.settings(config.promotion)
    fidelity = build.fidelity(config.promotion, config.data)
    checks.check_promotion(config)
    backbones = [subject.backbone for subject in chosen]
    if config.promotion.weights is None:
        checks.check_encoders(config, *backbones)
    weights.tell_weights(config, backbones, console)
    tracking.check(config)
    data = build.packed(config, config.promotion, console)
    networks = {subject.name: subject.backbone for subject in asked}
    learnt = lessons(config, config.promotion, data, console, networks)
    promotion.prepare(run, chosen, wanted, resume)
    if said := begun.warning(run, [subject.name for subject in chosen]):
        console.print(f"warning: {said}", markup=False, highlight=False, soft_wrap=True)
    board = Board(console)
    waiting = promotion.jobs(chosen, fidelity)
    progress = PromotionProgress(board, waiting)
    resources = machines.promotion_resources(config, len(chosen))
    truth = Truth.of(open_packed(build.still_packed(config, config.promotion, data)))
    queue = promotion.PromotionQueue(run, chosen, fidelity, wanted, progress, truth)
    again = _again(run, count, numbers, baselines, seeds, label, settings)
    with interruptible(again), events.logged(run.path, "promote", again), board.shown():
        running.train(
            config,
            config.promotion,
            data,
            queue,
            resources,
            run.path,
            "promotion",
            folder=run.promotions,
            lessons=learnt,
        )
    _draw(run, config, data, console)
    _score(
        run,
        config,
        settings,
        bool(config.promotion.rivals) or not rivals.names(config).isdisjoint(baselines),
        console,
    )
    ended = promotion_records.load_all(run)
    show_promotions(ended, console)
    for line in rivals.lines(trials, ended, config, shlex.quote(str(path)), decided):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if queue.failed:
        raise RunFailed("; ".join(f"{name}: {why}" for name, why in queue.failed.items()))


def _again(
    run: RunDirectory,
    count: int | None,
    numbers: Sequence[int],
    baselines: Sequence[str],
    seeds: int,
    label: str | None,
    settings: Sequence[str],
) -> str:
    """The command that goes on with it."""
    words = ["nas", "promote", str(run.path)]
    words += ["--top", str(count)] if count is not None else []
    words += [word for number in numbers for word in ("--trial", str(number))]
    words += [word for name in baselines for word in ("--baseline", name)]
    words += ["--seeds", str(seeds)] if seeds != 1 else []
    words += ["--label", label] if label is not None else []
    words += [word for each in settings for word in ("--set", each)]
    return shlex.join([*words, "--resume"])


def _chosen(
    config: Config,
    trials: Sequence[Trial],
    count: int | None,
    numbers: Sequence[int],
    baselines: Sequence[str],
    decided: Sequence[Trial] = (),
) -> list[Subject]:
    """The subjects, each once even where it is named twice. ``decided``: the run's finals."""
    if count is None and not numbers and not baselines:
        count = 1
    found = [*by_number(trials, numbers), *(top(trials, count, decided) if count else ())]
    subjects = [Subject.of_trial(trial) for trial in found]
    subjects += [_baseline(name, config, trials) for name in baselines]
    final = {trial.key: trial.miou for trial in decided}
    subjects = [replace(each, final_miou=final.get(each.key)) for each in subjects]
    return list({subject.name: subject for subject in subjects}.values())


def _baseline(name: str, config: Config, trials: Sequence[Trial]) -> Subject:
    """As the search scored it, where it did."""
    scored = [trial for trial in trials if trial.kind == "baseline" and trial.name == name]
    if scored:
        return Subject.of_trial(scored[0])
    return Subject.of_network(name, named(name, config))


def _draw(run: RunDirectory, config: Config, data: Path, console: Console) -> None:
    """Without data there are no pictures, which is told there: the trainings have ended."""
    from nas.prediction.pictures import (
        draw_missing,  # with matplotlib: when there is something to draw
    )

    with suppress(UserError):
        build.still_packed(config, config.promotion, data)
    draw_missing(run, data, console)


def _score(
    run: RunDirectory, config: Config, settings: Sequence[str], compared: bool, console: Console
) -> None:
    """Score every full training once on the test part, if there is one; else, where they are
    ``compared`` with rivals, on the validation part. If one cannot be scored, a line says so: its
    training has ended all the same."""
    data = build.dataset(config, config.promotion.size)
    part: Split = tested.SPLIT if data.count(tested.SPLIT) else "val"
    if part == "val" and (data.folds or not compared):
        return
    where = [each for each in settings if each.startswith((*data_identity.MOVABLE, "engine."))]
    for each in promotion_records.load_all(run):
        done = tested.by_image if compared else tested.evaluation
        if each.weights is None or done(each, part) is not None:
            continue
        try:
            measured(each.weights, Options(settings=where, split=part), console)
        except UserError as error:
            console.print(f"{each.name}: not scored on {part} ({error})", markup=False)
