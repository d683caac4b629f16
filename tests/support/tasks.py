"""Tasks that score without training, for tests of what runs tasks. Workers import this module."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from proxy_tasks.datasets.packed import contents
from proxy_tasks.objectives import SCORES
from proxy_tasks.task import Failure, Job, Measurement
from search_space.canonical import canonical_key


def worth(job: Job) -> float:
    """A score in [0, 1) that depends on the network alone."""
    return int(canonical_key(job.backbone)[:8], 16) / 2**32


def loss(job: Job) -> float:
    """A loss in [0, 1) that ranks networks otherwise than ``worth`` does."""
    return int(canonical_key(job.backbone)[8:16], 16) / 2**32


@dataclass(frozen=True)
class KeyTask:
    """Scores a network by its canonical key, an epoch a step."""

    def score(self, job: Job) -> Iterator[Measurement]:
        for epoch in range(1, job.fidelity.epochs + 1):
            known = Measurement(epoch, macs=10, parameters=5, seconds=0.1)
            soft = {"soft_miou": worth(job) / 2, "balanced_loss": 2 * loss(job)}
            figures = {name: worth(job) / 3 for name in SCORES}  # any that there may be
            figures |= {"miou": worth(job), "loss": loss(job), "train_loss": 2 - worth(job)}
            yield known.with_figures(figures | soft)


@dataclass(frozen=True)
class PresentTask:
    """Over sooner than a worker starts. The folder holds a file for each process that was at it."""

    folder: Path

    def score(self, job: Job) -> Iterator[Measurement]:
        (self.folder / str(os.getpid())).touch()
        time.sleep(0.02)
        yield Measurement(job.fidelity.epochs, macs=10, parameters=5, seconds=0.1, miou=0.5)


@dataclass(frozen=True)
class SlopeTask:
    """Scores rise with the epochs and fall with the job's number."""

    def score(self, job: Job) -> Iterator[Measurement]:
        for epoch in range(1, job.fidelity.epochs + 1):
            miou = epoch / 10 - job.number / 100
            yield Measurement(epoch, macs=10, parameters=5, seconds=0.1, miou=miou, loss=1.0)


@dataclass(frozen=True)
class ClimbingTask:
    """Goes on after the epochs that it finds done: a job's file has the process of each."""

    folder: Path

    def score(self, job: Job) -> Iterator[Measurement]:
        kept = self.folder / job.name
        done = len(kept.read_text().split()) if kept.exists() else 0
        for epoch in range(done + 1, job.fidelity.epochs + 1):
            with kept.open("a") as file:
                file.write(f"{os.getpid()}\n")
            yield Measurement(epoch, macs=10, parameters=5, seconds=0.1, miou=epoch / 10)


@dataclass(frozen=True)
class TroubledTask:
    """Some jobs, by number, ``raise``, ``crowd``, ``diverge``, ``hang`` or ``die``: each the first
    time it is run, which a file in a folder remembers when the worker does not."""

    folder: Path
    troubles: Mapping[int, str]

    def score(self, job: Job) -> Iterator[Measurement]:
        mark = self.folder / str(job.number)
        if job.number in self.troubles and not mark.exists():
            mark.touch()
            yield from self._misbehave(self.troubles[job.number])
        yield from KeyTask().score(job)

    def _misbehave(self, trouble: str) -> Iterator[Measurement]:
        if trouble == "raise":
            raise OSError("the disk hiccuped")
        if trouble == "crowd":
            raise torch.OutOfMemoryError("CUDA out of memory")
        if trouble == "hang":
            time.sleep(600)
        if trouble == "die":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        yield Measurement(1, macs=10, parameters=5, seconds=0.1, failure=Failure.DIVERGED)


@dataclass(frozen=True)
class ReadingTask:
    """Tells in the folder ``told`` on which node a job ran and where it found which data. A job
    goes on when there was one on each of so many ``nodes``: a worker may be slow to come."""

    data: Path
    told: Path
    nodes: int
    seconds: float = 0.0

    def score(self, job: Job) -> Iterator[Measurement]:
        import ray

        node = ray.get_runtime_context().get_node_id()
        found = {"node": node, "path": str(self.data), "digest": digest(self.data)}
        draft = self.told / f".{job.number}-{node}"
        draft.write_text(json.dumps(found))
        draft.rename(self.told / f"{job.number}-{node}")
        while len({path.name.partition("-")[2] for path in self.told.glob("[0-9]*")}) < self.nodes:
            time.sleep(0.1)
        time.sleep(self.seconds)
        yield Measurement(1, macs=1, parameters=1, seconds=self.seconds, miou=0.5)


def digest(pack: Path) -> str:
    """Of all that is in a pack."""
    known = hashlib.sha256()
    for name, piece in contents(pack):
        known.update(name.encode() + bytes(piece))
    return known.hexdigest()
