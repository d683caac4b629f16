"""A run as the report and the dashboard read it: nothing is locked, nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from nas.runs import (
    at_work,
    audited,
    evaluations,
    finals,
    ledgers,
    promotion_records,
    rivals,
    selection,
    trainings,
)
from nas.config import Config
from nas.runs.begun import SETTINGS
from nas.runs.evaluations import Evaluation
from nas.runs.learnt import figures, warning
from nas.runs.promotion_records import Promotion
from nas.runs.directory import RunDirectory, runs_in
from nas.runs.tested import evaluation
from proxy_tasks.objectives import Metric
from results.dashboard.source import Source
from results.ledger import Ledger
from results.trial import Trial
from results.views.snapshot import Facts, FullTraining, Promoted, Snapshot
from search_space.errors import UserError
from search_space.printable import one_line

_BROKEN = (ValueError, LookupError, TypeError, AttributeError, AssertionError, OSError)
"""What Optuna raises on lines that it did not write."""


class ObservedRun:
    """Implements results.dashboard.source.Run. The ledger stays open: only what is new is read."""

    def __init__(self, path: Path) -> None:
        self._run = RunDirectory.open(path)
        self._ledger: Ledger | None = None
        self._facts: tuple[object, Facts] | None = None
        self._promoted: tuple[object, tuple[Promoted, ...]] = (None, ())
        self._trainings: tuple[object, tuple[FullTraining, ...]] = (None, ())

    def trials(self) -> Sequence[Trial]:
        """In the order of their numbers; none before there is a ledger.

        Raises:
            UserError: where the ledger is damaged.
        """
        try:
            if self._ledger is None:
                self._ledger = ledgers.observed(self._run)
            return [] if self._ledger is None else self._ledger.trials()
        except UserError:
            raise
        except _BROKEN as error:
            raise UserError(f"{self._run.path}: its ledger cannot be read ({error})") from None

    def facts(self) -> Facts:
        """From the config and the audit's record, read again when either has changed."""
        audit = self._run.path / audited.FILE
        seen = (_stamp(self._run.config_file), _stamp(audit), self._ledger is None)
        if self._facts is None or self._facts[0] != seen:
            self._facts = (seen, self._read_facts(self._run.config()))
        worked = at_work.found(self._run.path)
        stopped = worked.command if worked and not worked.working else None
        return replace(self._facts[1], interrupted=stopped)

    def trainings(self) -> Sequence[FullTraining]:
        """Full trainings, by name; one whose files are damaged is passed over."""
        begun = sorted(self._run.promotions.glob(f"*/{SETTINGS}"))
        beside = ("history.csv", promotion_records.RECORD)
        seen = tuple((file, *(_stamp(file.with_name(name)) for name in beside)) for file in begun)
        if seen != self._trainings[0]:
            self._trainings = (seen, tuple(each for file in begun if (each := _training(file))))
        return self._trainings[1]

    def promoted(self) -> Sequence[Promoted]:
        """Full trainings that have ended; a record that is damaged is passed over."""
        files = sorted(self._run.promotions.glob(f"*/{promotion_records.RECORD}"))
        beside = (promotion_records.LABELS, evaluations.FILE)
        others = [file.with_name(name) for file in files for name in beside]
        seen = tuple((file, _stamp(file)) for file in (*files, *others))
        if seen != self._promoted[0]:
            found = {file.parent: each for file in files if (each := _loaded(file.parent))}
            self._promoted = (seen, self._shown(found))
        return self._promoted[1]

    def _against(self, found: Sequence[Promotion]) -> Mapping[str, tuple[str, ...]]:
        """Name -> how the best came to be chosen in the finals, and how it stands against each of
        its rivals; a record that is damaged is passed over."""
        try:
            config, decided = self._run.config(), finals.load(self._run)
            known = rivals.comparisons(self.trials(), found, config, decided)
            (first,) = selection.top(self.trials(), 1, decided)
        except UserError:
            return {}
        name = known[0].best if known else next((p.name for p in found if p.trial == first.number), "")
        chosen = finals.told(decided, config.proxy.score)
        return {name: (*([chosen] if chosen else ()), *map(str, known))}

    def _shown(self, found: Mapping[Path, Promotion]) -> tuple[Promoted, ...]:
        against = self._against(list(found.values()))
        plain = [_plain(each, self._picture(folder)) for folder, each in found.items()]
        told = [tuple(map(one_line, against.get(each.name, ()))) for each in found.values()]
        return tuple(replace(each, compared=said) for each, said in zip(plain, told, strict=True))

    def _picture(self, folder: Path) -> Path | None:
        """A file of this run, not reached by a link that leads out of it."""
        real = (folder / promotion_records.LABELS).resolve()
        inside = real.is_relative_to(self._run.path.resolve())
        return real if inside and real.is_file() else None

    def _read_facts(self, config: Config) -> Facts:
        metric: Metric = config.proxy.score
        return Facts(
            name=one_line(self._run.name),
            data=config.data.name,
            controller=config.controller.name,
            metric=metric,
            budget=config.budget.trials,
            noise=audited.noise(self._run.path, config),
            scale=config.proxy.scale,
            size=config.proxy.size,
            epochs=config.proxy.epochs,
            taught=config.proxy.teacher is not None,
            genes=tuple(g.name for g in self._ledger.genes) if self._ledger else (),
        )


def snapshot(path: Path) -> Snapshot:
    """The run as it is now. UserError where there is none, or it is damaged."""
    run = ObservedRun(path)
    trials = run.trials()
    moment = datetime.now(UTC).astimezone()
    return Snapshot(run.facts(), trials, run.promoted(), moment, run.trainings())


class Shown:
    """What a dashboard of this path shows: the one run, or every run of the folder."""

    def __init__(self, path: Path) -> None:
        """UserError where no run is."""
        self.path, self._sources = path, dict[Path, Source]()
        if not runs_in(path):
            raise UserError(f"{path}: no run is here; give a run's folder, or a folder of runs")

    def __call__(self) -> Mapping[str, Source]:
        """Name -> run, by name. New runs of the folder are found, removed ones are gone."""
        return {run.path.resolve().name: self._source(run.path) for run in runs_in(self.path)}

    def _source(self, path: Path) -> Source:
        if path not in self._sources:
            self._sources[path] = Source(ObservedRun(path))
        return self._sources[path]


def _loaded(folder: Path) -> Promotion | None:
    try:
        return promotion_records.load(folder)
    except UserError:
        return None


def _training(settings: Path) -> FullTraining | None:
    try:
        known = trainings.read(settings)
    except UserError:
        return None
    ended = settings.with_name(promotion_records.RECORD).exists()
    left = None if ended else known.left
    return FullTraining(one_line(known.name), known.epochs, known.of, left, ended, known.curve)


def _plain(each: Promotion, picture: Path | None) -> Promoted:
    last, test = each.last, _tested(each)
    known = figures(each, test)
    name, classes = one_line(each.name), tuple(map(one_line, known.classes)) if known else ()
    said = warning(each, test)
    return Promoted(
        name, each.trial, each.miou, last.epochs, last.macs, last.parameters, last.seconds,
        picture, each.recipe, classes, known.class_iou if known else (),
        one_line(known.where) if known else "", said and one_line(said), each.note,
        test.scores.miou if test else None, each.taught,
    )  # fmt: skip


def _tested(each: Promotion) -> Evaluation | None:
    """A record of evaluations that is damaged is passed over."""
    try:
        return evaluation(each)
    except UserError:
        return None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size)
