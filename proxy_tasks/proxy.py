"""Scores a network by training it: shortly for a search, fully for a promotion."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from proxy_tasks import memory
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.datasets.packed import PackedData, open_packed
from proxy_tasks.latency import latency
from proxy_tasks.networks import DeepLabV3, build_segmenter, channels_last
from proxy_tasks.processes import Group
from proxy_tasks.task import Failure, Job, Measurement
from proxy_tasks.training import DeviceSplit, Recipe, Training
from search_space.canonical import canonical_key
from search_space.cost import cost
from search_space.seeds import derive_seed


@dataclass(frozen=True)
class TrainingTask:
    """Trains DeepLabv3 on a job's backbone and measures it on the validation split.

    ``data`` is a packed data set at the fidelity's image size. With a ``folder``, each job keeps
    checkpoints and best weights in ``folder/NAME`` and resumes from them.
    Initial weights derive from (seed, canonical key): a network gets the same score twice.
    In a group of processes, each of which scores the same job, all measure the same, and the
    leading one keeps the files.
    """

    data: Path
    recipe: Recipe
    seed: int
    device: str = "auto"
    folder: Path | None = None

    def score(self, job: Job) -> Iterator[Measurement]:
        """One measurement per epoch; see ProxyTask.

        Raises:
            torch.OutOfMemoryError: on a GPU that the job shares; alone it is a measurement,
                TOO_LARGE.
        """
        data, device = open_packed(self.data), find_device(self.device)
        try:
            if slow := _too_slow(job, len(data.classes), device):
                yield slow
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
    """The epochs of one job, from its checkpoint where there is one."""

    def __init__(
        self, task: TrainingTask, job: Job, data: PackedData, device: torch.device
    ) -> None:
        self.job, self.classes, self.device = job, data.classes, device
        self.group = Group.joined()
        self.val = DeviceSplit(data.val, device)
        seed = task.seed if job.seed is None else job.seed
        network = _initial_network(seed, job, len(data.classes))
        self.base = _untrained(job, len(data.classes))
        self.training = Training(
            network,
            DeviceSplit(data.train, device),
            task.recipe,
            job.fidelity.epochs,
            seed,
            job.fidelity.share,
            self.group,
        )
        self.history: list[Measurement] = []
        self.checkpoint = Checkpoint(task.folder / job.name) if task.folder else None
        if self.checkpoint and (kept := self._kept(self.checkpoint)):
            state, self.history = kept
            self.training.load_state_dict(state)

    def __iter__(self) -> Iterator[Measurement]:
        memory.reset_peak(self.device)
        before = self.history[-1].seconds if self.history else 0.0
        started = time.perf_counter()
        if self.history and self.job.ends_with(self.history[-1]):
            yield self.history[-1]
            return
        while True:
            measured = self._epoch()
            measured = replace(measured, seconds=before + time.perf_counter() - started)
            self._keep(measured)
            yield measured
            if self.job.ends_with(measured):
                return

    def _kept(self, checkpoint: Checkpoint) -> tuple[dict[str, Any], list[Measurement]] | None:
        """What the leading process finds: the others may be on machines without its disk."""
        return self.group.told(checkpoint.load() if self.group.leads else None)

    def _epoch(self) -> Measurement:
        """Train an epoch, and validate when it is time to."""
        train_loss = self.training.run_epoch()
        done = self.training.epoch
        measured = replace(self.base, epochs=done, peak_memory=memory.peak(self.device))
        if not math.isfinite(train_loss):
            return replace(measured, failure=Failure.DIVERGED)
        measured = replace(measured, train_loss=train_loss)
        every, last = self.job.fidelity.evaluate_every, done == self.job.fidelity.epochs
        if not last and not (every and done % every == 0):
            return measured
        found = self.training.evaluate(self.val, len(self.classes))
        if not math.isfinite(found.loss):
            return replace(measured, failure=Failure.DIVERGED)
        measured = replace(measured, **asdict(found), stale=self._stale(found.miou))
        if self.job.ends_with(measured):
            network = self.training.average.module
            measured = replace(measured, latency=latency(network, self.job.fidelity.size))
        return measured

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
        if measurement.miou is not None and measurement.miou > best:
            network = self.training.average.module
            self.checkpoint.save_weights(network, self.job, self.classes)
        self.checkpoint.save(self.training.state_dict(), self.history)


def _untrained(job: Job, classes: int) -> Measurement:
    """What is known of a network before it is built."""
    known = cost(job.backbone, job.fidelity.scale, classes, job.fidelity.size)
    return Measurement(0, known.macs, known.parameters, 0.0)


def _too_slow(job: Job, classes: int, device: torch.device) -> Measurement | None:
    """What is measured of a network beyond its job's latency limit, None within it."""
    if job.limit is None:
        return None
    network = build_segmenter(job.backbone, job.limit.scale, classes, job.limit.size)
    seconds = latency(channels_last(network.to(device)), job.limit.size)
    if seconds <= job.limit.seconds:
        return None
    return replace(_untrained(job, classes), latency=seconds, failure=Failure.TOO_SLOW)


def _initial_network(seed: int, job: Job, classes: int) -> DeepLabV3:
    torch.manual_seed(derive_seed(seed, "weights", canonical_key(job.backbone)))
    return build_segmenter(job.backbone, job.fidelity.scale, classes, job.fidelity.size)
