"""What a person sees while a search or a promotion runs: a live table on a terminal, else lines."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nas.terminal.console import is_live
from proxy_tasks.objectives import OBJECTIVES, OF_SPEC, SCORES, Metric, Shown, shown
from proxy_tasks.task import Job, Measurement
from results import units
from results.trial import Kind, Trial, TrialState


class Board:
    """The jobs that are running, each with its last epoch; below a summary line. ``figure`` is the
    one that is shown of each, under its ``title``."""

    def __init__(self, console: Console, title: str = "mIoU %", figure: str = "miou") -> None:
        self.console = console
        self._title, self._figure = title, figure
        self._live: Live | None = None
        self._running: dict[str, tuple[Job, Measurement] | None] = {}
        self._summary = ""

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Live while inside, where the console is a terminal or a notebook's."""
        if not is_live(self.console):
            yield
            return
        with Live(
            self._render(), console=self.console, refresh_per_second=4, transient=True
        ) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def start(self, name: str, summary: str) -> None:
        """Show a job without an epoch yet."""
        self._running[name], self._summary = None, summary
        self._refresh()

    def epoch(self, job: Job, measurement: Measurement) -> None:
        """Show how far a job is."""
        if job.name in self._running:
            self._running[job.name] = (job, measurement)
        self._refresh()

    def stop(self, name: str) -> None:
        """Forget a job."""
        self._running.pop(name, None)

    def say(self, line: str, summary: str) -> None:
        """A line that stays, and the summary as it is now."""
        self._summary = summary
        plain = self._live is None
        self.console.print(f"{line}  [{summary}]" if plain else line, markup=False, soft_wrap=True)
        self._refresh()

    def _refresh(self) -> None:
        if self._live:
            self._live.update(self._render())

    def _render(self) -> Group:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("running", "epoch", "train loss", self._title, "seconds", "left"):
            table.add_column(column, justify="left" if column == "running" else "right")
        for name, known in self._running.items():
            table.add_row(name, *_cells(known, self._figure))
        return Group(table, Text(self._summary, style="bold"))


def _cells(known: tuple[Job, Measurement] | None, figure: str) -> tuple[str, ...]:
    if known is None:
        return ("–",) * 5
    job, now = known
    value = now.figure(figure)
    return (
        f"{now.epochs}/{job.fidelity.total_epochs}",
        "–" if now.train_loss is None else f"{now.train_loss:.3f}",
        "–" if value is None else units.cell(value, OBJECTIVES[figure].unit),
        f"{now.seconds:.0f}",
        units.duration(epoch_seconds(now) * (job.fidelity.total_epochs - now.epochs)),
    )


def epoch_seconds(now: Measurement) -> float:
    """Wall time of an epoch, its share of the validations included."""
    return now.seconds / max(1, now.epochs)


class SearchProgress:
    """Counts of a search that goes ``by`` a metric, kept as trials end: a summary costs the same
    after ten thousand. ``budget`` is its number of trials of the ``kind`` that is counted, where it
    has one."""

    def __init__(
        self,
        board: Board,
        budget: int | None,
        known: list[Trial],
        by: Metric = "miou",
        kind: Kind = "candidate",
    ) -> None:
        self._board, self._budget, self._by, self._kind = board, budget, by, kind
        self._since, self._here = time.monotonic(), 0
        self._states: Counter[TrialState] = Counter()
        self._counted = 0
        self._best: tuple[float, Trial] | None = None
        self._running: set[int] = set()
        for trial in known:
            if trial.state is not TrialState.RUNNING:
                self._count(trial)

    def mended(self, ledger: str) -> None:
        self._board.say(ledger, self.summary())

    def started(self, trial: Trial) -> None:
        self._running.add(trial.number)
        self._board.start(trial.name, self.summary())

    def epoch(self, job: Job, measurement: Measurement) -> None:
        self._board.epoch(job, measurement)

    def retried(self, trial: Trial, error: str) -> None:
        self._running.discard(trial.number)
        self._board.stop(trial.name)
        self._board.say(f"{trial.name}  runs again: {error}", self.summary())

    def ended(self, trial: Trial) -> None:
        self._running.discard(trial.number)
        self._count(trial)
        self._here += 1
        self._board.stop(trial.name)
        self._board.say(outcome_line(trial, self._by), self.summary())

    def _count(self, trial: Trial) -> None:
        self._states[trial.state] += 1
        if trial.kind != self._kind:
            return
        self._counted += 1
        score = trial.score
        if score is not None and (self._best is None or score > self._best[0]):
            self._best = score, trial

    def summary(self) -> str:
        """Done, running, failed, best so far, trials an hour, time left."""
        failed, infeasible = self._states[TrialState.FAILED], self._states[TrialState.INFEASIBLE]
        stopped = self._states[TrialState.STOPPED]
        of = f"/{self._budget}" if self._budget else ""
        parts = [f"{self._counted}{of} done", f"{len(self._running)} running"]
        parts += [f"{stopped} stopped early"] if stopped else []
        parts += [f"{failed} failed"] + ([f"{infeasible} infeasible"] if infeasible else [])
        if self._best is not None:
            _, best = self._best
            parts.append(f"best {_quality(best, self._by)} ({best.name})")
        return " · ".join(parts + self._pace(self._counted))

    def _pace(self, done: int) -> list[str]:
        if not self._here:
            return []
        rate = self._here / (time.monotonic() - self._since)
        parts = [f"{rate * 3600:.0f} trials/h"]
        if self._budget:
            parts.append(f"{units.duration(max(0, self._budget - done) / rate)} left")
        return parts


def outcome_line(trial: Trial, by: Metric = "miou") -> str:
    """One ended trial of a search by a metric, in one line."""
    measured = trial.measurement
    if trial.state is TrialState.FAILED or measured is None:
        return f"{trial.name}  failed: {trial.error}"
    cost = _cost(measured)
    if measured.failure is not None:
        return f"{trial.name}  infeasible: {measured.failure.value}  {cost}"
    if trial.state is TrialState.STOPPED:
        return f"{trial.name}  stopped after {measured.epochs} epochs  {cost}"
    return f"{trial.name}  {_quality(trial, by)}  {cost}  {units.duration(measured.seconds)}"


def _cost(measured: Measurement) -> str:
    known = ((measured.figure(each.name), each) for each in shown(Shown.TABLE, *OF_SPEC))
    return "  ".join(units.said(value, each) for value, each in known if value is not None)


def _quality(trial: Trial, by: Metric) -> str:
    """What is told of every trial, mIoU and loss; before them the score that is searched for, where
    it is another."""
    measured = trial.measurement
    assert measured is not None  # a trial with a score has one
    told = [each for each in SCORES.values() if each.shown >= Shown.TABLE]
    known = [(each, measured.figure(each.name)) for each in told]
    said = [f"{e.short or e.label} {units.shown(v, e.unit)}" for e, v in known if v is not None]
    if OBJECTIVES[by] not in told and trial.score is not None:
        said.insert(0, f"{OBJECTIVES[by].score_name} {units.score(trial.score, by)}")
    return "  ".join(said)


class PromotionProgress:
    """Validations of full trainings, as they come, and the time that is left."""

    def __init__(self, board: Board, jobs: list[Job]) -> None:
        self._board = board
        self._left = {job.name: job.fidelity.total_epochs for job in jobs}
        """Epochs to come, of trainings that have not ended."""
        self._pace: dict[str, float] = {}
        """Seconds of an epoch, also of those that have ended."""
        self._running: set[str] = set()

    def started(self, job: Job) -> None:
        self._running.add(job.name)
        self._board.start(job.name, self._summary())

    def epoch(self, job: Job, now: Measurement) -> None:
        self._board.epoch(job, now)
        self._left[job.name] = job.fidelity.total_epochs - now.epochs
        self._pace[job.name] = epoch_seconds(now)
        if now.miou is None:
            return
        left = self._pace[job.name] * self._left[job.name]
        self._board.say(
            f"{job.name}  epoch {now.epochs}/{job.fidelity.total_epochs}"
            f"  mIoU {units.percent(now.miou)} %  loss {now.loss:.4f}  {units.duration(left)} left",
            self._summary(),
        )

    def retried(self, job: Job, error: str) -> None:
        self._running.discard(job.name)
        self._board.stop(job.name)
        self._board.say(f"{job.name}  runs again: {error}", self._summary())

    def ended(self, job: Job, line: str) -> None:
        self._running.discard(job.name)
        self._left.pop(job.name, None)
        self._board.stop(job.name)
        self._board.say(line, self._summary())

    def _summary(self) -> str:
        """How many are to go, and how long they take: of one whose pace is not known yet, as much
        as the others on average; as many side by side as there are now."""
        parts = [f"{len(self._left)} to go"]
        if self._pace and self._left:
            usual = sum(self._pace.values()) / len(self._pace)
            work = sum(n * self._pace.get(name, usual) for name, n in self._left.items())
            parts.append(f"{units.duration(work / max(1, len(self._running)))} left")
        return " · ".join(parts)
