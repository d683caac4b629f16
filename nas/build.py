"""From config to parts: data set, space, controller, engine, task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from nas import tracking
from nas.config import (
    Config,
    DataConfig,
    EngineConfig,
    PromotionConfig,
    ProxyConfig,
    TrainingConfig,
)
from nas.controllers import Controller
from nas.controllers.warm_start import WarmStart
from nas.engines.base import Engine, Halving, JobSource, Node, Resources
from nas.search import Baseline
from nas.sizing import Sized, Sizing
from nas.tracking import Tracking
from proxy_tasks.datasets import Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.objectives import LIMITS, OBJECTIVES, Analytic, Trained
from proxy_tasks.processes import Group
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.task import Fidelity, Job, Limit
from results.trial import Trial
from search_space import catalog
from search_space.constrained import ConstrainedSpace, network_figures
from search_space.cost import Cost, cost
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.seeds import derive_seed


def space(config: Config) -> SearchSpace:
    """The space within the analytic constraints. UserError where the values do not make one."""
    values = config.space
    whole = ScalePermutedSpace(
        stages=tuple(sorted(values.stages.items())),
        output_levels=values.output_levels,
        max_level=values.max_level,
        dilations=values.dilations,
    )
    if not (limits := _limits(config, analytic=True)):
        return whole
    built, promotion = fidelity(config.promotion, config.data), config.promotion
    batch = max(1, promotion.recipe.micro_batch // promotion.processes)
    classes = len(dataset(config, built.size).classes)

    def figures(found: Cost) -> dict[str, float]:
        sources = ((name, OBJECTIVES[name].source) for name in limits)
        return {name: s.of(found, batch) for name, s in sources if isinstance(s, Analytic)}

    limited = network_figures(whole, built.scale, classes, built.size, figures)
    return ConstrainedSpace(whole, limits, limited)


def measured_limits(config: Config) -> tuple[Limit, ...]:
    """What a candidate has to keep to before it is trained."""
    built = fidelity(config.promotion, config.data)
    limits = _limits(config, analytic=False).items()
    return tuple(Limit(name, most, built.scale, built.size) for name, most in limits)


def _limits(config: Config, analytic: bool) -> dict[str, float]:
    """Those that are given, and are known without a measurement or are not."""
    return {
        name: most
        for name, most in config.constraints.model_dump(exclude_none=True).items()
        if isinstance(LIMITS[name].source, Analytic) == analytic
    }


def controller(config: Config, space: SearchSpace, first: Sequence[Genotype] = ()) -> Controller:
    """The config's, after the networks to begin with. UserError where its options do not go
    together."""
    try:
        made = config.controller.build(space, config.seed)
    except UserError as error:
        raise UserError(f"controller: {error}") from error
    return WarmStart(made, space, first) if first else made


def baselines(config: Config) -> tuple[Baseline, ...]:
    """UserError for a name that the catalogue does not have."""
    return tuple(Baseline(name, catalog.load(name)) for name in config.baselines)


def fidelity(training: TrainingConfig, data: DataConfig) -> Fidelity:
    """The config's numbers as the tasks take them. Folds of the data only choose: what is promoted
    is trained on all images."""
    promoted = isinstance(training, PromotionConfig)
    folds = (data.split and data.split.folds) or 1
    return Fidelity(
        epochs=training.epochs,
        size=training.size,
        scale=Scale(**training.scale.model_dump()),
        share=training.share,
        evaluate_every=training.evaluate_every,
        patience=training.patience if isinstance(training, PromotionConfig) else 0,
        images=training.images,
        folds=0 if promoted and folds > 1 else folds,
    )


def dataset(config: Config, size: tuple[int, int], strict: bool = True) -> Dataset:
    """The data set; procedural scenes are drawn at ``size``. Not ``strict``: with what is missing.

    Raises:
        UserError: where there is no such data set, or it is broken.
    """
    data = config.data
    train, val = data.scenes
    return open_dataset(
        data.name,
        root=data.root,
        classes=data.classes,
        ignore=data.ignore,
        values=data.values,
        split=SplitRule(**data.split.model_dump()) if data.split else None,
        overlap=data.overlap,
        uncovered=data.uncovered,
        images=data.images,
        labels=data.labels,
        exif=data.exif,
        cache=data.cache,
        train=train,
        val=val,
        size=size,
        strict=strict,
    )


def check(config: Config, space: SearchSpace) -> None:
    """Everything that can be wrong and is seen without reading an image.

    Raises:
        UserError: for parts that cannot be made, constraints that leave no network, or too few
            images for one batch.
    """
    controller(config, space)
    check_constraints(config, space)
    check_halving(config)
    tracking.check(config)
    baselines(config)
    resources(config.engine)
    check_batch(config, config.proxy)
    check_promotion(config)


def check_constraints(config: Config, space: SearchSpace) -> None:
    """UserError when no network within them is found."""
    try:
        space.sample(np.random.default_rng(derive_seed(config.seed, "constraints")))
    except UserError as error:
        raise UserError(f"constraints: {error}") from error


def check_promotion(config: Config) -> None:
    """UserError for a full training that cannot be."""
    check_batch(config, config.promotion)
    check_processes(config)
    if config.promotion.patience and not config.promotion.evaluate_every:
        raise UserError(
            "promotion.patience: counts validations, and there is one at the end alone;"
            " write promotion.evaluate_every: 1 or more"
        )


def check_processes(config: Config) -> None:
    """UserError for more of them than a full training can have."""
    if (processes := config.promotion.processes) == 1:
        return
    if config.engine.name != "ray":
        raise UserError("promotion.processes: are started by Ray; write engine.name: ray, or 1")
    try:
        Group(size=processes).divide(recipe(config.promotion))
    except UserError as error:
        raise UserError(f"promotion.processes: {error}") from error


def check_batch(config: Config, training: TrainingConfig) -> None:
    """UserError for a batch that does not divide into its parts, or with too few images for one."""
    try:
        recipe(training)
    except UserError as error:
        raise UserError(f"recipe: {error}") from error
    height, width = training.size
    if training.recipe.turn and height != width:
        raise UserError(f"recipe.turn: turns square crops alone, not {height}x{width}; write 0")
    data = dataset(config, training.size)
    folds = len(set(data.folds)) if training is config.proxy else 0
    held = max(data.folds.count(fold) for fold in set(data.folds)) if folds > 1 else 0
    there = round((data.count("train") - held) * training.share)
    images = training.images or there
    if images < (batch := training.recipe.batch_size):
        raise UserError(f"recipe.batch_size: {batch} is more than the {images} training images")


def packed(config: Config, training: TrainingConfig, console: Console) -> Path:
    """The data set decoded as the training sees it, from the cache where it is there already.

    Raises:
        UserError: for data that cannot be trained on.
    """
    found = dataset(config, training.size)
    if found.channels != training.scale.channels:
        raise UserError(
            f"scale.channels: {training.scale.channels}, but the images of {config.data.name} have"
            f" {found.channels}; write scale.channels: {found.channels} for proxy and promotion"
        )
    with console.status(f"reading {config.data.name}") as status:

        def report(done: int, total: int) -> None:
            status.update(f"reading {config.data.name}: {done} of {total} images")

        return pack(found, training.sight, config.data.cache.expanduser().resolve(), report)


def task(
    config: Config,
    training: TrainingConfig,
    data: Path,
    folder: Path | None = None,
) -> TrainingTask:
    """The task that trains under ``training``; with a folder it keeps checkpoints there."""
    return TrainingTask(
        data=data,
        recipe=recipe(training),
        seed=config.seed,
        device=config.engine.device,
        folder=folder.resolve() if folder else None,  # a worker may stand elsewhere
    )


def recipe(training: TrainingConfig) -> Recipe:
    """UserError where its values do not go together."""
    return Recipe(**training.recipe.model_dump())


def resources(config: EngineConfig, jobs: int | None = None) -> Resources:
    """One worker a core with one thread each, or two workers a GPU; never more than ``jobs``.
    With an address, of the cluster's.

    Raises:
        UserError: when a GPU is asked for and there is none, or no cluster answers.
    """
    cores, gpus = _machine(config)
    if config.device == "cuda" and not gpus:
        raise UserError("engine.device: no CUDA GPU is here; write cpu or auto")
    on_gpu = gpus > 0 and config.device != "cpu"
    workers = config.workers or (2 * gpus if on_gpu else cores)
    if config.name == "inline":
        workers = 1
    workers = min(workers, jobs) if jobs else workers
    if on_gpu:
        share, threads = min(1.0, gpus / workers), cores // workers
        if config.address:  # workers beyond two a GPU are for nodes that are yet to come
            share = max(share, 0.5)
            threads = int(cores / gpus * share)
        return Resources(workers, max(1, threads), share, _gpu_memory(config))
    return Resources(workers, cpus=1, gpus=0.0)


def promotion_resources(config: Config, jobs: int) -> Resources:
    """Full trainings share the cores there are. By several processes: as many trainings at a time
    as there are GPUs or cores for.

    Raises:
        UserError: as ``resources``, and when there are fewer GPUs, or cores of a cluster, than
            processes of one training.
    """
    processes = config.promotion.processes
    if processes == 1:
        return spread(config.engine, resources(config.engine, jobs))
    whole = resources(config.engine)
    cores, gpus = _machine(config.engine)
    places, what = (gpus, "GPUs") if whole.gpus else (cores, "CPU cores")
    if places < processes and (whole.gpus or config.engine.address):
        raise UserError(f"promotion.processes: {processes} are more than the {places} {what}")
    workers = min(jobs, config.engine.workers or max(1, places // processes))
    shared = replace(whole, workers=workers * processes, gpus=float(whole.gpus > 0))
    return replace(spread(config.engine, shared), workers=workers, processes=processes)


def _machine(config: EngineConfig) -> tuple[int, int]:
    """CPU cores and GPUs: of this machine, or of the cluster to join. Where there are GPUs to use,
    the cores are those beside them."""
    if not config.address:
        return os.cpu_count() or 1, torch.cuda.device_count()
    alive = _cluster(config.address)
    gpus = sum(node.gpus for node in alive)
    if not gpus or config.device == "cpu":
        return max(1, sum(node.cpus for node in alive)), gpus
    least = min(node.cpus / node.gpus for node in alive if node.gpus)
    return max(1, int(least * gpus)), gpus


def _gpu_memory(config: EngineConfig) -> int:
    """Bytes of one GPU; 0 of a cluster's, which its driver cannot ask."""
    return 0 if config.address else torch.cuda.get_device_properties(0).total_memory


def _cluster(address: str) -> list[Node]:
    """Its nodes that live. UserError when it cannot be joined, or nobody comes to train."""
    from nas.engines.ray_cluster import trainers

    return trainers(address)


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


def check_halving(config: Config) -> None:
    """UserError where trainings are to be stopped by what nobody measures, or by no scheduler."""
    proxy = config.proxy
    if proxy.asha is None:
        return
    if config.data.split and config.data.split.folds:
        raise UserError("proxy.asha: with folds a score comes after the last alone; leave it out")
    if config.engine.name != "ray":
        raise UserError("proxy.asha: stops trainings through Ray Tune; write engine.name: ray")
    every_epoch = isinstance(OBJECTIVES[proxy.score].source, Trained)
    if not every_epoch and proxy.evaluate_every != 1:
        raise UserError(
            f"proxy.asha: {proxy.score} is not known after every epoch;"
            " write proxy.evaluate_every: 1, or proxy.score: train_loss"
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

        return InlineEngine(resources)
    from nas.engines.ray_tune import RayTuneEngine

    return RayTuneEngine(resources, config.address, halving, config.patience, followed)


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
) -> None:
    """Run a source's jobs to their end: each under ``training``, with the share of a GPU that it
    needs, and followed by the config's loggers as a ``phase`` of ``run``; for ``folder`` see
    ``task``. What the source raises passes through."""
    followed = tracking.tracking(config, training, open_packed(data).classes, run, phase)
    jobs = sized(source, training, data, resources)
    engine(config.engine, resources, halving, followed).run(
        task(config, training, data, folder), jobs
    )


def sized(
    source: JobSource, training: TrainingConfig, data: Path, resources: Resources
) -> JobSource:
    """On GPUs, the source's jobs with the share that each needs; else the source itself."""
    if not resources.gpus:
        return source
    packed, batch = open_packed(data), training.recipe.micro_batch // resources.processes
    held = packed.train.nbytes

    def predict(job: Job) -> int:
        size, scale = job.fidelity.size, job.fidelity.scale
        return held + cost(job.backbone, scale, len(packed.classes), size).training_bytes(batch)

    return Sized(source, Sizing(resources.gpus, resources.memory, predict))


def spread(config: EngineConfig, resources: Resources) -> Resources:
    """Give the cores that are left over to the workers there are: full trainings are compared by
    what they reach, not bit by bit, so the number of threads may follow the machine. No worker
    gets more than a node of a cluster has: it would wait for ever."""
    share = _machine(config)[0] // resources.workers
    if config.address:
        share = min(share, max(node.cpus for node in _cluster(config.address)))
    return replace(resources, cpus=max(1, share))
