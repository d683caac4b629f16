"""Pretrains the backbone of a job, resumable after every epoch; what an engine runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch

from proxy_tasks import memory
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.datasets.packed import PackedData, is_whole, open_packed
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import Segmenter
from proxy_tasks.pretraining.classes import Classes
from proxy_tasks.pretraining.features import FeatureMaps
from proxy_tasks.pretraining.goal import LOSS, Goal
from proxy_tasks.pretraining.loop import Pretraining
from proxy_tasks.processes import Group
from proxy_tasks.proxy import find_device
from proxy_tasks.recipe import Recipe
from proxy_tasks.start import USUAL, Start
from proxy_tasks.task import Failure, Job, Measurement
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.cost import cost
from search_space.scales import CLASSIFIER
from search_space.seeds import derive_seed

COLUMNS = ("epochs", "seconds", "train_loss", LOSS)
"""Of history.csv, before the goal's figures."""


@dataclass(frozen=True)
class Labels:
    """Of whole images: the names of the classes, and the class of each image by number."""

    names: tuple[str, ...]
    train: tuple[int, ...]
    val: tuple[int, ...]


@dataclass(frozen=True)
class PretrainingTask:
    """Learns ``labels`` where there are any, else the maps of ``teacher`` at ``levels``.

    ``data`` is a pack (see proxy_tasks.datasets.image_folders), made ``again`` where it is gone;
    ``folder/NAME`` keeps a job's checkpoint; ``start`` says what weights a backbone begins with.
    In a group of processes all measure the same, and the leading one keeps the files.
    """

    data: Path
    folder: Path
    recipe: Recipe
    device: str = "auto"
    labels: Labels | None = None
    teacher: FeatureTeacher | None = None
    levels: tuple[int, ...] = ()
    start: Start = USUAL
    again: Callable[[Path], None] | None = None

    def score(self, job: Job) -> Iterator[Measurement]:
        """One measurement per epoch, with the goal's figures where it was validated.

        Raises:
            UserError: for a teacher or a pack that is gone, or a damaged checkpoint.
            torch.OutOfMemoryError: on a GPU that the job shares; alone it is a measurement,
                TOO_LARGE.
        """
        if self.again and not is_whole(self.data):
            self.again(self.data)
        data, device = open_packed(self.data), find_device(self.device)
        try:
            yield from _Run(self, job, data, device)
        except torch.OutOfMemoryError:
            if 0 < job.gpu < 1:
                raise
            torch.cuda.empty_cache()
            yield replace(_untrained(job), failure=Failure.TOO_LARGE)

    def intensities(self, backbone: Backbone, data: PackedData) -> Intensities:
        """How images are normalised: as the weights to start from expect them, else as measured."""
        return self.start.intensities(backbone, data.intensities)

    def goal(self, job: Job, data: PackedData, device: torch.device) -> Goal:
        """What is learnt, with its network at its beginning, on no device yet."""
        torch.manual_seed(derive_seed(job.seed or 0, "weights", canonical_key(job.backbone)))
        scale, intensities = job.fidelity.scale, self.intensities(job.backbone, data)
        if self.labels is not None:
            count = len(self.labels.names)
            labels = self.labels
            return Classes(
                job.backbone, scale, intensities, device, count, labels.train, labels.val
            )
        assert self.teacher is not None
        channels = self.teacher.levels()
        goal = FeatureMaps(
            job.backbone,
            scale,
            intensities,
            self.teacher.open(device),
            {level: channels[level] for level in self.levels},
        )
        goal.student.to(device)
        return goal


class _Run:
    """The epochs of one job, from its checkpoint where there is one."""

    def __init__(
        self, task: PretrainingTask, job: Job, data: PackedData, device: torch.device
    ) -> None:
        self.job, self.device, self.recipe = job, device, task.recipe
        self.group = Group.joined()
        self.train = DeviceSplit(data.train, device, resident=_fits(data, device))
        self.val = DeviceSplit(data.val, device, resident=False)
        self.goal = task.goal(job, data, device)
        network = cast(Segmenter, self.goal.network)  # no more is asked of than of the backbone
        task.start.begin(network, job.backbone, task.recipe)
        self.checkpoint = Checkpoint(task.folder / job.name)
        kept = self.group.told(self.checkpoint.load() if self.group.leads else None)
        if kept is None and isinstance(self.goal, FeatureMaps):
            self.goal.measure(self.train, self.group)
        fidelity = job.fidelity
        self.training = Pretraining(
            self.goal,
            self.train,
            task.recipe,
            fidelity.epochs,
            job.seed or 0,
            fidelity.size,
            images=fidelity.images,
            intensities=task.intensities(job.backbone, data),
            group=self.group,
        )
        self.history: list[Measurement] = []
        if kept is not None:
            state, self.history = kept
            self.training.load_state_dict(state)
        self.base = _untrained(job)

    def __iter__(self) -> Iterator[Measurement]:
        memory.reset_peak(self.device)
        before = self.history[-1].seconds if self.history else 0.0
        started = time.perf_counter()
        if self.history and self.job.ends_with(self.history[-1]):
            yield self.history[-1]
            return
        while self.training.epoch < self.job.fidelity.epochs:
            measured = self._epoch()
            measured = replace(measured, seconds=before + time.perf_counter() - started)
            self._keep(measured)
            yield measured
            if self.job.ends_with(measured):
                return

    def _epoch(self) -> Measurement:
        train_loss = self.training.run_epoch()
        measured = replace(
            self.base, epochs=self.training.epoch, peak_memory=memory.peak(self.device)
        )
        if not math.isfinite(train_loss):
            return replace(measured, failure=Failure.DIVERGED)
        measured = replace(measured, train_loss=train_loss)
        every = self.job.fidelity.evaluate_every
        if not (self.job.ends_with(measured) or (every and measured.epochs % every == 0)):
            return measured
        network = self.training.average.module.eval()
        batch = max(1, self.recipe.micro_batch // self.group.size)
        found = self.goal.held_out(network, self.val, batch, self.group)
        if not math.isfinite(found[LOSS]):
            return replace(measured, failure=Failure.DIVERGED)
        return measured.with_figures(found)

    def _keep(self, measured: Measurement) -> None:
        self.history.append(measured)
        if self.group.leads:
            columns = (*COLUMNS, *self.goal.figures)
            self.checkpoint.save(self.training.state_dict(), self.history, columns)


def _untrained(job: Job) -> Measurement:
    """What is known of a network before it is built: of its backbone with a classifier."""
    scale = replace(job.fidelity.scale, head=CLASSIFIER)
    known = cost(job.backbone, scale, 1, job.fidelity.size)
    return Measurement(0, known.macs, known.parameters, 0.0)


def _fits(data: PackedData, device: torch.device) -> bool:
    """Whether a GPU has room for the images beside the training: they take half of what is free."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return data.train.nbytes <= free // 2
