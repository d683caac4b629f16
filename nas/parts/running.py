"""Runs the jobs of a search, an audit or a promotion: engine, early stopping, shares of a GPU."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from nas.config import Config, EngineConfig, ProxyConfig, TrainingConfig
from nas.engines import tracking
from nas.engines.base import Engine, JobSource, Resources
from nas.engines.halving import Halving
from nas.engines.sizing import Sized, Sizing
from nas.engines.tracking import Tracking
from nas.parts.build import still_packed, task
from proxy_tasks.datasets.locks import used
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.distillation import Lessons
from proxy_tasks.networks.frozen_features import features_of
from proxy_tasks.soft_labels import soft_bytes
from proxy_tasks.task import Job
from proxy_tasks.teacher_maps import teacher_bytes
from results.trial import Trial
from search_space.cost import cost


def halving(proxy: ProxyConfig, trials: Sequence[Trial]) -> Halving | None:
    """Early stopping, if the config has it, with what the trials of before came to."""
    if proxy.asha is None:
        return None
    ended = [trial.measurement for trial in trials if trial.kind == "candidate"]
    return Halving(
        proxy.score,
        proxy.epochs,
        proxy.asha.grace_period,
        proxy.asha.reduction_factor,
        tuple(measured.curve for measured in ended if measured is not None),
    )


def engine(
    config: EngineConfig,
    resources: Resources,
    halving: Halving | None = None,
    followed: Tracking | None = None,
) -> Engine:
    """Ray is imported only when it is the engine."""
    if config.name == "inline":
        from nas.engines.inline import InlineEngine

        return InlineEngine(resources, halving)
    from nas.engines.ray_engine import RayEngine

    return RayEngine(resources, config.address, halving, config.patience, followed)


def train(
    config: Config,
    training: TrainingConfig,
    data: Path,
    source: JobSource,
    resources: Resources,
    run: Path,
    phase: str,
    halving: Halving | None = None,
    folder: Path | None = None,
    lessons: Lessons | None = None,
) -> None:
    """Run a source's jobs to their end: each under ``training``, with the share of a GPU that it
    needs, and followed by the config's loggers as a ``phase`` of ``run``; for ``folder`` and
    ``lessons`` see ``task``. What the source raises passes through."""
    data = still_packed(config, training, data)
    followed = tracking.tracking(config, training, open_packed(data).classes, run, phase)
    jobs = sized(source, training, data, resources, lessons)
    work = task(config, training, data, folder, lessons)
    with used(data, *(lessons.folders if lessons else ())):
        engine(config.engine, resources, halving, followed).run(work, jobs)
    if work.features:  # nobody needs them again
        shutil.rmtree(features_of(data), ignore_errors=True)


def sized(
    source: JobSource,
    training: TrainingConfig,
    data: Path,
    resources: Resources,
    lessons: Lessons | None = None,
) -> JobSource:
    """On GPUs, the source's jobs with the share that each needs; else the source itself."""
    if not resources.gpus:
        return source
    packed, batch = open_packed(data), training.recipe.micro_batch // resources.processes
    held = packed.train.nbytes
    if lessons:
        held += sum(soft_bytes(each) + teacher_bytes(each) for each in lessons.folders)

    def predict(job: Job) -> int:
        size, scale = job.fidelity.size, job.fidelity.scale
        return held + cost(job.backbone, scale, len(packed.classes), size).training_bytes(batch)

    return Sized(source, Sizing(resources.gpus, resources.memory, predict))
