"""Promotion: full training of chosen trials, each with its lineage.

``promotions/NAME/`` holds the settings that it was begun with, with the format that says what they
mean, a checkpoint, the history, the best weights, and at the end ``promotion.json``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nas.config import PromotionConfig
from nas.runs import events, teacher_identity
from nas.runs.begun import FORMAT, SETTINGS, Begun
from nas.runs.directory import RunDirectory
from nas.runs.inside import check_writable
from nas.runs.learnt import Truth, figures, flaw
from nas.runs.promotion_records import RECORD, Promotion, load, write_json
from nas.searching.queue import TrainingQueue
from nas.terminal.progress import PromotionProgress
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.task import Fidelity, Job, Measurement
from results import units
from results.trial import Trial
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.files import named_sha256, sha256

LABEL = r"[A-Za-z0-9][A-Za-z0-9._-]*"


@dataclass(frozen=True)
class Subject:
    """What is trained fully: a trial of the run, or (``trial`` None) a baseline that the run never
    scored. ``key`` is canonical; ``seed`` is of the order of images, their augmentation and the
    initial weights; ``proxy_class_iou`` is what the proxy had of each class; ``final_miou`` is of
    the finals."""

    name: str
    backbone: Backbone
    key: str
    trial: int | None = None
    proxy_miou: float | None = None
    seed: int = 0
    proxy_class_iou: tuple[float | None, ...] = ()
    final_miou: float | None = None

    @classmethod
    def of_trial(cls, trial: Trial) -> Subject:
        known = () if trial.measurement is None else trial.measurement.class_iou
        found = cls(trial.folder, trial.backbone, trial.key, trial.number, trial.miou)
        return replace(found, proxy_class_iou=known)

    @classmethod
    def of_network(cls, name: str, backbone: Backbone) -> Subject:
        """That the run never scored."""
        return cls(name, backbone, canonical_key(backbone))

    def labelled(self, label: str) -> Subject:
        """UserError for a label that makes no plain folder name."""
        if not re.fullmatch(LABEL, label):
            raise UserError(f"--label {label!r}: write letters, digits, '.', '_' and '-'")
        return replace(self, name=f"{self.name}-{label}")

    def seeded(self, first: int, count: int) -> list[Subject]:
        """Once for each seed from ``first`` up; all but the first say theirs in their names."""
        beyond = range(first + 1, first + count)
        others = [replace(self, name=f"{self.name}-seed{seed}", seed=seed) for seed in beyond]
        return [replace(self, seed=first), *others]


class PromotionQueue(TrainingQueue):
    """A source of jobs: one full training for each subject, numbered by its place."""

    kind = "promotion"

    def __init__(
        self,
        run: RunDirectory,
        subjects: Sequence[Subject],
        fidelity: Fidelity,
        settings: dict[str, Any],
        progress: PromotionProgress,
        truth: Truth,
    ) -> None:
        super().__init__(jobs(subjects, fidelity), progress)
        self._run, self._settings, self._truth = run, settings, truth
        self._subjects = tuple(subjects)
        self._progress = progress

    def _close(self, job: Job, last: Measurement) -> None:
        if last.failure is not None:
            self.failed[job.name] = last.failure.value
        subject, folder = self._subjects[job.number], self._run.promotions / job.name
        write_json(folder / RECORD, _record(folder, subject, last, self._settings, self._truth))
        ended = load(folder)
        self._progress.ended(job, f"{job.name}  promoted: {_outcome(ended, job)}")
        told: dict[str, Any] = {"miou": ended.miou, "epoch": ended.epoch, "failure": last.failure}
        told["flaw"] = flaw(figures(ended)) or None
        events.tell("promotion finished", **self._named(job), **told)

    def _named(self, job: Job) -> dict[str, Any]:
        return {"trial": self._subjects[job.number].trial, "name": job.name}

    def _fail(self, job: Job, why: str) -> None:
        self.failed[job.name] = why
        self._progress.ended(job, f"{job.name}  failed: {why}")


def jobs(subjects: Sequence[Subject], fidelity: Fidelity) -> list[Job]:
    """A full training for each."""
    return [
        Job(place, s.name, s.backbone, fidelity, seed=s.seed) for place, s in enumerate(subjects)
    ]


def settings(config: PromotionConfig) -> dict[str, Any]:
    """What a promotion is begun with, and must be resumed with. By how many processes it is trained
    is the machines' affair: they come to the same, up to rounding. Of a file of weights and of a
    teacher it is the digest, wherever they lie. UserError where one cannot be read."""
    leave_out = ("top", "rivals", "processes", "threads", "weights")
    used = config.identity(*leave_out, teacher=teacher_identity.digests(config))
    if config.weights is None:
        return used
    return used | {"weights": named_sha256("promotion.weights", config.weights)}


def prepare(
    run: RunDirectory, subjects: Sequence[Subject], wanted: dict[str, Any], resume: bool
) -> None:
    """Make the folders, all or none.

    Raises:
        UserError: when one exists and ``resume`` is off, was started with other settings, or holds
            a damaged checkpoint or other weights than its training ended with; or where a link
            leads out of the run.
    """
    check_writable(run.path)
    found = [Begun.at(run.promotions / subject.name) for subject in subjects]
    for begun in found:
        folder = begun.folder
        if folder.exists() and not resume:
            raise UserError(
                f"{folder}: exists already; give --resume to continue it, or another trial"
            )
        if (kept := begun.settings) and kept != wanted:
            changed = ", ".join(sorted(k for k in kept | wanted if kept.get(k) != wanted.get(k)))
            raise UserError(
                f"{folder}: was started with other settings ({changed}); give the same ones"
            )
        Checkpoint(folder).check()
        if begun.ended:
            load(folder).check_weights()
    for begun in found:
        begun.folder.mkdir(parents=True, exist_ok=True)
        if not begun.trained:
            write_json(begun.folder / SETTINGS, {"format": FORMAT, **wanted})
        elif not begun.settings:
            write_json(begun.folder / SETTINGS, wanted)


def _outcome(ended: Promotion, job: Job) -> str:
    """What a full training came to, and what its network misses, in one line."""
    last = ended.last
    if last.failure is not None and ended.miou is None:
        return last.failure.value
    best = ended.note or f"best mIoU {units.percent(ended.miou or 0.0)} %"
    early = f", stopped early after epoch {last.epochs}" if job.stops_early(last) else ""
    said = flaw(figures(ended))
    return f"{best}{early}" + (f"; it {said}" if said else "")


def _record(
    folder: Path, subject: Subject, last: Measurement, used: dict[str, Any], truth: Truth
) -> dict[str, Any]:
    checkpoint = Checkpoint(folder)
    kept = checkpoint.load()
    scored = [m for m in (kept[1] if kept else []) if m.miou is not None]
    best = max(scored, key=lambda m: m.miou or 0.0, default=None)
    weights = checkpoint.weights
    return {
        "trial": subject.trial,
        "key": subject.key,
        "seed": subject.seed,
        "proxy_miou": subject.proxy_miou,
        "miou": best.miou if best else None,
        "epoch": best.epochs if best else None,
        "last": last.to_dict(),
        "weights": weights.name if weights.exists() else None,
        "digest": sha256(weights) if weights.exists() else None,
        "settings": used,
        "classes": truth.classes,
        "class_iou": best.class_iou if best else (),
        "shares": truth.shares,
        "proxy_class_iou": subject.proxy_class_iou,
        "folds": truth.folds,
    } | ({} if subject.final_miou is None else {"final_miou": subject.final_miou})
