"""``nas search``: from a config to a leaderboard, a promoted network and its export."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from nas import config as configs
from nas import planning
from nas.commands.export import USUAL, export
from nas.commands.promote import promote
from nas.config import Config
from nas.failures import RunFailed, interruptible
from nas.parts import baselines, build, checks, machines, running, shared_ray, weights
from nas.planning import Made
from nas.prediction import encoder_source, teachers
from nas.prediction.lessons import lessons
from nas.runs import (
    audited,
    data_identity,
    encoder_identity,
    events,
    initial_weights,
    ledgers,
    promotion_records,
    rivals,
    teacher_identity,
)
from nas.runs.artifacts import write_artifacts
from nas.runs.directory import RunDirectory, default_path, placed
from nas.runs.resume import resumed
from nas.runs.selection import top
from nas.searching import finals, latency, warm_start
from nas.searching.diagrams import Leaders
from nas.searching.search import Search
from nas.terminal.progress import Board, SearchProgress
from nas.terminal.standings import leaderboard_table
from proxy_tasks.datasets.identity import identity
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.objectives import OBJECTIVES
from proxy_tasks.own_objective import OwnObjective
from results import units
from results.audit import lines
from results.ledger import Ledger
from results.trial import Trial
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.genes import SearchSpace

DEFAULT = configs.DEMONSTRATION
PLAN = "plan.yaml"
"""In a run's folder: the plan that it follows, with its reasons."""


@dataclass(frozen=True)
class Asked:
    """What the user asked for: ``source`` is a preset or a file, ``data`` the user's own images;
    with ``dry_run`` the search stops after the plan. An ``objective`` scores networks in place of
    a training: more is better."""

    source: str | None = None
    data: str | None = None
    hours: float | None = None
    settings: Sequence[str] = ()
    dry_run: bool = False
    objective: Callable[[Backbone], float] | None = None

    @property
    def values(self) -> dict[str, Any] | None:
        """What a plan starts from: the data, and what is said beside them. None where the config
        says itself how to train."""
        if self.data is not None:
            if self.source is not None:
                raise UserError(f"--data {self.data}: give it or {self.source}, not both")
            return planning.values_of(self.data)
        own = {} if self.source is None else configs.own(self.source)
        if self.source in configs.presets() or "extends" in own:
            return None
        whole = configs.over({}, own, self.settings)
        real = configs.parse(whole, self.source or "--set").data.name != "scenes"
        return own if real and configs.unplanned(whole) else None

    def config(self) -> Config:
        """Of a search that is not planned. UserError for one that cannot be."""
        if self.source is None:
            told = configs.over({}, {}, self.whole)
            if configs.parse(told, "--set").data.name != "scenes":
                return configs.parse(told, "--set")
        return configs.load_to_train(self.source or DEFAULT, self.whole)

    @property
    def named(self) -> str:
        """What a run is called after."""
        return self.source or (str(Path(self.data).resolve()) if self.data else DEFAULT)

    @property
    def whole(self) -> list[str]:
        """The settings of a search that is not planned: the hours are the search's own."""
        if self.hours is None:
            return list(self.settings)
        trials = any(setting.startswith("budget.trials=") for setting in self.settings)
        more = [] if trials else ["budget.trials=null"]
        return [*self.settings, f"budget.hours={self.hours}", *more]


def search(
    asked: Asked,
    path: Path | None,
    resume: bool,
    console: Console,
    begin: Sequence[str] = (),
) -> None:
    """Run or resume a search, promote its best, export the winner.

    Args:
        begin: runs, folders and files of the networks to begin with; see ``warm_start``.

    Raises:
        UserError: before anything is written, for every mistake that can be seen by then.
        RunFailed: interrupted, or no candidate got a score.
    """
    if resume and begin:
        raise UserError("--from is for a new run; --resume uses those that the run started from")
    started = time.monotonic()
    run: RunDirectory | None = None
    made: Made | None = None
    if resume:
        allowed = ("budget.", "engine.", "loggers", "data.root", "data.cache")
        given = asked.source or asked.data
        run, config = resumed(given, path, asked.whole, allowed, console)
    else:
        config, made = _fresh(asked, console)
        if asked.dry_run:
            return
        config = encoder_source.described(config)
        config = config if asked.objective else config.of_a_new_run()
    table = made.table if made else None
    with latency.held(config, run, table, console) as config, shared_ray.connected(config.engine):
        space = build.space(config)
        checks.check(config, space, own=asked.objective is not None)
        if not asked.objective:
            teachers.check(config)
            weights.tell_encoder(config, console)
        starts = warm_start.gather(begin, space, config.space.whole().settled, console)
        data = None if asked.objective else build.packed(config, config.proxy, console)
        if run is None:
            path = path or default_path(asked.named)
            ledgers.check_free(path.resolve().name, config)
            held, teacher = data_identity.of(config).to_dict(), teacher_identity.record(config)
            run = RunDirectory.create(path, config, starts, held, teacher)
            encoder_identity.hold(run, config)
            if made:
                (run.path / PLAN).write_text(made.text, "utf-8")
        console.print(f"run {run.path}", markup=False, highlight=False)
        if data:
            _tell_trust(run, config, data, console)
        with _going_on(run, config, resume), ExitStack() as ray:
            with _ledger(run, config, space, resume) as ledger:
                if said := initial_weights.warning(
                    run, ledger.trials(), ledger.earlier, resumed=True
                ):
                    console.print(f"warning: {said}", markup=False, soft_wrap=True)
                if config.engine.name == "ray" and not config.engine.address:
                    console.print("starting Ray, which takes some seconds", highlight=False)
                ray.enter_context(
                    shared_ray.one_ray(
                        config.engine, config.promotion if config.promotion.top else None
                    )
                )
                trials = _run(run, config, space, ledger, data or asked.objective, console)
            deadline = started + 3600 * config.plan.hours if config.plan and not resume else None
            _conclude(run, config, trials, deadline, console)


@contextmanager
def _going_on(run: RunDirectory, config: Config, resume: bool) -> Iterator[None]:
    """Whatever ends the search inside leaves a run that can be resumed; the log has the reason."""
    again = f"nas search --run {shlex.quote(str(run.path))} --resume"
    told = config.budget.model_dump() | {
        "resumed": resume,
        "seed": config.seed,
        "controller": config.controller.name,
        "engine": config.engine.name,
    }
    logged = events.logged(run.path, "search", again, **told)
    with interruptible(again), logged, ledgers.kept(again):
        yield


def _fresh(asked: Asked, console: Console) -> tuple[Config, Made | None]:
    """The config, by a plan if the data are the user's own and nothing says how to train."""
    if (values := asked.values) is not None:
        hours = planning.HOURS if asked.hours is None else asked.hours
        made = planning.make(values, hours, asked.settings, console)
        planning.show(made, hours, console)
        return made.config, made
    if asked.dry_run:
        raise UserError("--dry-run: shows the plan of a search on your images; give --data")
    config = asked.config()
    if config.plan and asked.hours is not None:
        raise UserError(
            f"--hours {asked.hours:g}: {asked.source} is a plan for {config.plan.hours:g} hours;"
            " leave --hours out, or make a new plan: nas plan DATA --hours H -o FILE"
        )
    if config.budget.trials is None and config.budget.hours is None:
        raise UserError("budget: give trials or hours, else the search never ends")
    return config, None


def _fit(
    run: RunDirectory,
    config: Config,
    best: list[Trial],
    rivals: int,
    seconds: float,
    console: Console,
) -> None:
    """Shorten or lengthen full training where other time is left than was planned; the run keeps
    that, so that a resume goes on with it."""
    if settings := planning.fitted(config, best, rivals, seconds):
        fitting = configs.with_settings(config, settings, ("promotion.",))
        run.write_config(placed(fitting))
        console.print(
            f"full training gets {fitting.promotion.epochs} epochs instead of"
            f" {config.promotion.epochs}: {units.duration(max(0.0, seconds))} are left of the hours"
            f" for {units.counted(len(best) + rivals, 'network')}",
            highlight=False,
        )


def _tell_trust(run: RunDirectory, config: Config, data: Path, console: Console) -> None:
    """What an audit of this proxy found, where a folder beside the run or the preset has one; it
    is kept with the run, whose leaderboard marks what noise cannot tell apart."""
    beside = sorted(path.parent for path in run.path.parent.glob(f"*/{audited.FILE}"))
    known = identity(open_packed(build.still_packed(config, config.proxy, data)))
    if (found := audited.find(config, known, [*beside, *audited.published()])) is None:
        return
    path, record = found
    record.save(run.path)
    if (verdict := record.verdict(config.proxy.score)) is None:
        return
    name = OBJECTIVES[config.proxy.score].score_name
    console.print(f"audited in {path.parent}, by {name}:", markup=False, highlight=False)
    for line in lines(verdict, name):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _ledger(run: RunDirectory, config: Config, space: SearchSpace, resume: bool) -> Ledger:
    facts = {"seed": config.seed, "controller": config.controller.name, "data": config.data.name}
    open_ledger = ledgers.resume if resume else ledgers.make
    return open_ledger(run, config, space.genes, facts)


def _run(
    run: RunDirectory,
    config: Config,
    space: SearchSpace,
    ledger: Ledger,
    by: Path | Callable[[Backbone], float] | None,
    console: Console,
) -> list[Trial]:
    """Score networks until the budget is used, ``by`` trainings on packed data or by an objective;
    returns every trial of the run."""
    board = Board(console)
    learnt = None
    if isinstance(by, Path):
        compared = {each.name: each.backbone for each in baselines.baselines(config)}
        learnt = lessons(config, config.proxy, by, console, compared)
    source = Search(
        space,
        build.controller(config, space, warm_start.genotypes(run, space)),
        ledger,
        build.fidelity(config.proxy, config.data),
        baselines.baselines(config),
        config.budget,
        SearchProgress(board, config.budget.trials, ledger.trials(), config.proxy.score),
        build.measured_limits(config),
        config.proxy.score,
        Leaders(ledger, run.artifacts / "diagrams"),
        latency.figures(config),
    )
    resources = machines.resources(config.engine)
    halving = running.halving(config.proxy, ledger.trials())
    with board.shown():
        if isinstance(by, Path):
            running.train(
                config,
                config.proxy,
                by,
                source,
                resources,
                run.path,
                "search",
                halving,
                lessons=learnt,
            )
        elif by:
            classes = len(build.dataset(config, config.proxy.size).classes)
            running.engine(config.engine, resources).run(OwnObjective(by, classes), source)
    if source.exhausted:
        console.print(f"the space is exhausted: {source.exhausted}")
    return ledger.trials()


def _conclude(
    run: RunDirectory,
    config: Config,
    trials: list[Trial],
    deadline: float | None,
    console: Console,
) -> None:
    """Leaderboard and pictures; then, if the config says so, promotion and export. A planned search
    promotes within what is left of its hours."""
    noise = audited.noise(run.path, config)
    taught = config.proxy.teacher is not None
    console.print(leaderboard_table(trials, config.proxy.score, noise, console.width, taught))
    if not any(trial.score is not None for trial in trials if trial.kind == "candidate"):
        raise RunFailed("no candidate got a score; `nas status` shows why each failed")
    for path in write_artifacts(run, trials, config.proxy.score):
        console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
    if config.promotion.top == 0:
        return
    decided = finals.hold(run, config, trials, console)
    chosen = top(trials, config.promotion.top, decided)
    others = rivals.others(config, chosen)
    for name in sorted(set(config.promotion.rivals) - set(others)):
        console.print(f"the search found {name} itself: no block paid for what it costs")
    if deadline is not None:
        _fit(run, config, chosen, len(others), deadline - time.monotonic(), console)
    promote(run.path, config.promotion.top, (), others, 1, None, True, (), console)
    named, selected = _handed_over(run, config, trials, decided, console)
    export(named, selected, USUAL, run.path / "export", console)


def _handed_over(
    run: RunDirectory,
    config: Config,
    trials: list[Trial],
    decided: list[Trial],
    console: Console,
) -> tuple[str, str | None]:
    """What is exported, as ``export`` takes it: the run's best, unless a rival is ahead of it."""
    promoted = promotion_records.load_all(run)
    if not (found := rivals.ahead(trials, promoted, config, decided)):
        return str(run.path), "best"
    ours, rival = found
    line = f"{rival.name} has a higher mIoU on the validation part than {ours}: it is exported"
    console.print(line, markup=False, highlight=False, soft_wrap=True)
    return str(run.promotions / rival.name), None
