"""Scores a network by training it: briefly for a search, fully for a promotion."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from proxy_tasks import memory
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.datasets.packed import PackedData, is_whole, open_packed
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.distillation import Lessons
from proxy_tasks.networks import Segmenter, build_segmenter, channels_last
from proxy_tasks.networks.frozen_features import FrozenFeatures, features_of
from proxy_tasks.objectives import OBJECTIVES, Measured, costs, kept
from proxy_tasks.processes import Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.room import check_room
from proxy_tasks.start import USUAL, Start
from proxy_tasks.task import Failure, Job, Measurement
from proxy_tasks.training import Training
from proxy_tasks.validation import Evaluation, Validation
from search_space.canonical import canonical_key
from search_space.cost import cost
from search_space.errors import UserError
from search_space.seeds import derive_seed


@dataclass(frozen=True)
class TrainingTask:
    """Trains DeepLabv3 on a job's backbone and measures it on the validation split, or on folds.

    ``data`` is a packed data set. With a ``folder``, each job keeps
    checkpoints and best weights in ``folder/NAME`` and resumes from them.
    Initial weights derive from (seed, canonical key): a network gets the same score twice.
    In a group of processes, each of which scores the same job, all measure the same, and the
    leading one keeps the files. ``again`` makes the pack at ``data`` where it is gone; ``start``
    says what weights a network starts from. With ``features`` the maps of a frozen encoder are kept
    beside the pack, for the jobs that follow. With ``lessons`` every network learns from a teacher.
    """

    data: Path
    recipe: Recipe
    seed: int
    device: str = "auto"
    folder: Path | None = None
    again: Callable[[Path], None] | None = None
    features: bool = False
    lessons: Lessons | None = None
    start: Start = USUAL

    def score(self, job: Job) -> Iterator[Measurement]:
        """One measurement per epoch; see ProxyTask.

        Raises:
            torch.OutOfMemoryError: on a GPU that the job shares; alone it is a measurement,
                TOO_LARGE.
        """
        if self.again and not is_whole(self.data):
            self.again(self.data)
        if self.lessons:
            self.lessons.restore()
        data, device = open_packed(self.data), find_device(self.device)
        try:
            if not _has_room(job, len(data.classes)):
                yield replace(_untrained(job, len(data.classes)), failure=Failure.TOO_LARGE)
                return
            if beyond := _beyond_limits(job, len(data.classes), device):
                yield beyond
                return
            yield from _Run(self, job, data, device)
        except torch.OutOfMemoryError:
            if 0 < job.gpu < 1:
                raise
            torch.cuda.empty_cache()
            yield replace(_untrained(job, len(data.classes)), failure=Failure.TOO_LARGE)


def find_device(name: str) -> torch.device:
    """``auto`` takes a CUDA GPU where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


class _Run:
    """The epochs of one job, from its checkpoint where there is one; with folds, of one fold after
    the other."""

    def __init__(
        self, task: TrainingTask, job: Job, data: PackedData, device: torch.device
    ) -> None:
        self.job, self.data, self.device = job, data, device
        self.recipe, self.lessons, self.start = task.recipe, task.lessons, task.start
        self.features = FrozenFeatures(features_of(task.data)) if task.features else None
        self.intensities = self.start.intensities(job.backbone, data.intensities)
        self.group = Group.joined()
        self.train = DeviceSplit(data.train, device)
        self.val = DeviceSplit(data.val, device, resident=False)
        self.seed = task.seed if job.seed is None else job.seed
        self.base = _untrained(job, len(data.classes))
        self.history: list[Measurement] = []
        self.checkpoint = Checkpoint(task.folder / job.name) if task.folder else None
        kept = self._kept(self.checkpoint) if self.checkpoint else None
        if kept:
            self.history = kept[1]
        self.turn = self._current_turn()
        self.training = self._training(self.turn)
        self.validation = self._new_validation()
        if kept:
            self.training.load_state_dict(kept[0])
            if "validation" in kept[0]:  # of this release and later ones
                self.validation.load_state_dict(kept[0]["validation"])

    def __iter__(self) -> Iterator[Measurement]:
        memory.reset_peak(self.device)
        before = self.history[-1].seconds if self.history else 0.0
        started = time.perf_counter()
        if self.history and self.job.ends_with(self.history[-1]):
            yield self.history[-1]
            return
        begun = self.turn
        for turn in range(begun, len(self.job.fidelity.turns)):
            if turn > begun:
                self.training = self._training(turn)
            while self.training.epoch < self.job.fidelity.epochs:
                measured = self._epoch(turn)
                measured = replace(measured, seconds=before + time.perf_counter() - started)
                self._keep(measured)
                yield measured
                if self.job.ends_with(measured):
                    return

    def _current_turn(self) -> int:
        """That of the last epoch that was kept."""
        if not self.history or self.job.fidelity.folds < 2:
            return 0
        return max(0, self.history[-1].epochs - 1) // self.job.fidelity.epochs

    def _training(self, turn: int) -> Training:
        """On what ``_chosen`` says."""
        fidelity = self.job.fidelity
        return Training(
            _initial_network(self.seed, self.job, len(self.data.classes), self.recipe, self.start),
            self.train,
            self.recipe,
            fidelity.epochs,
            self.seed,
            fidelity.size,
            images=fidelity.images,
            chosen=self._chosen(self.job.fidelity.turns[turn]),
            intensities=self.intensities,
            group=self.group,
            lessons=self.lessons,
        )

    def _chosen(self, fold: int) -> list[int]:
        """The images outside of the fold; without folds, the first ``share`` of all. As large a
        share of those without labels."""
        labelled = len(self.train) - self.data.unlabelled
        numbers = [n for n, held in enumerate(self.data.folds) if held != fold]
        if self.job.fidelity.folds < 2:
            numbers = list(range(labelled))
        share = self.job.fidelity.share
        more = round(self.data.unlabelled * share)
        return [*numbers[: max(1, round(len(numbers) * share))], *range(labelled, labelled + more)]

    def _new_validation(self) -> Validation:
        data = self.data
        return Validation(len(data.classes), self.device, self.intensities, data.sight.window)

    def _kept(self, checkpoint: Checkpoint) -> tuple[dict[str, Any], list[Measurement]] | None:
        """What the leading process finds: the others may be on machines without its disk."""
        return self.group.told(checkpoint.load() if self.group.leads else None)

    def _epoch(self, turn: int) -> Measurement:
        """Train an epoch, and validate when it is time to."""
        with self.features.kept() if self.features else nullcontext():
            measured = self._learnt(turn)
        ends = measured.failure is None and self.job.ends_with(measured)
        return measured.with_figures(self._measured()) if ends else measured

    def _learnt(self, turn: int) -> Measurement:
        train_loss = self.training.run_epoch()
        done = turn * self.job.fidelity.epochs + self.training.epoch
        measured = replace(self.base, epochs=done, peak_memory=memory.peak(self.device))
        if not math.isfinite(train_loss):
            return replace(measured, failure=Failure.DIVERGED)
        measured = replace(measured, train_loss=train_loss)
        if (found := self._validated(turn)) is not None:
            if not math.isfinite(found.loss):
                return replace(measured, failure=Failure.DIVERGED)
            measured = replace(measured.with_figures(found.figures), class_iou=found.class_iou)
            measured = replace(measured, stale=self._stale(found.miou))
        return measured

    def _measured(self) -> dict[str, float]:
        """What needs a measurement of its own, of the trained network."""
        network, fidelity = self.training.average.module, self.job.fidelity
        return {
            name: measure(network, fidelity.size, fidelity.scale.channels)
            for name, measure in kept(Measured)
        }

    def _validated(self, turn: int) -> Evaluation | None:
        """What the averaged weights find, if it is time to look. Of the folds that are held out,
        all together after the last; of a training on all images, nothing."""
        fidelity, done = self.job.fidelity, self.training.epoch
        last, every = done == fidelity.epochs, fidelity.evaluate_every
        between = fidelity.folds == 1 and every and not done % every
        if fidelity.folds == 0 or not (last or between):
            return None
        if fidelity.folds == 1:
            self.validation = self._new_validation()
        fold = fidelity.turns[turn]
        numbers = [n for n, held in enumerate(self.data.folds) if held == fold]
        batch = self.recipe.micro_batch // self.group.size
        self.validation.add(
            self.training.average.module,
            self.val,
            batch,
            numbers if fidelity.folds > 1 else None,
            self.group,
        )
        if fidelity.folds > 1 and turn + 1 < len(fidelity.turns):
            return None
        return self.validation.result()

    def _stale(self, miou: float) -> int | None:
        """How many validations ago the best mIoU was, once this one is counted."""
        if not self.job.fidelity.patience:
            return None
        before = [m for m in self.history if m.miou is not None]
        return 0 if miou > self._best() or not before else (before[-1].stale or 0) + 1

    def _best(self) -> float:
        return max((m.miou for m in self.history if m.miou is not None), default=-1.0)

    def _keep(self, measurement: Measurement) -> None:
        best = self._best()
        self.history.append(measurement)
        if self.checkpoint is None or not self.group.leads:
            return
        # Where nothing is validated on, nothing tells which epoch is the best: the last one is.
        unseen = self.job.fidelity.folds == 0 and measurement.failure is None
        if unseen or (measurement.miou is not None and measurement.miou > best):
            network = self.training.average.module
            self.checkpoint.save_weights(network, self.job, self.data, self.intensities)
        state = self.training.state_dict() | {"validation": self.validation.state_dict()}
        self.checkpoint.save(state, self.history)


def _untrained(job: Job, classes: int) -> Measurement:
    """What is known of a network before it is built."""
    known = cost(job.backbone, job.fidelity.scale, classes, job.fidelity.size)
    empty = Measurement(0, known.macs, known.parameters, 0.0)
    return empty.with_figures(costs(known))


def _has_room(job: Job, classes: int) -> bool:
    """Whether this machine can hold the weights at all."""
    fidelity = job.fidelity
    try:
        check_room(job.backbone, fidelity.scale, classes, fidelity.size)
    except UserError:
        return False
    return True


def _beyond_limits(job: Job, classes: int, device: torch.device) -> Measurement | None:
    """What is measured of a network beyond one of its job's limits, None within all."""
    for limit in job.limits:
        measure = OBJECTIVES[limit.objective].source
        assert isinstance(measure, Measured)  # others are known without a network
        network = build_segmenter(job.backbone, limit.scale, classes, limit.size)
        network = channels_last(network.to(device))
        found = measure(network, limit.size, limit.scale.channels)
        if found > limit.most:
            known = _untrained(job, classes).with_figures({limit.objective: found})
            return replace(known, failure=Failure(measure.failure))
    return None


def _initial_network(seed: int, job: Job, classes: int, recipe: Recipe, start: Start) -> Segmenter:
    torch.manual_seed(derive_seed(seed, "weights", canonical_key(job.backbone)))
    network = build_segmenter(job.backbone, job.fidelity.scale, classes, job.fidelity.size)
    start.begin(network, job.backbone, recipe)
    return network
