"""From config to parts: data set, space, controller, engine, task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas import controllers
from nas.config import (
    Config,
    DataConfig,
    PromotionConfig,
    TrainingConfig,
)
from nas.controllers import Controller
from nas.controllers.warm_start import WarmStart
from proxy_tasks.datasets import Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.packing import pack
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.task import Fidelity, LatencyLimit
from search_space.constrained import ConstrainedSpace, network_figures
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale


def space(config: Config) -> SearchSpace:
    """The space within the analytic constraints. UserError where the values do not make one."""
    values = config.space
    whole = ScalePermutedSpace(
        stages=tuple(sorted(values.stages.items())),
        output_levels=values.output_levels,
        max_level=values.max_level,
        dilations=values.dilations,
    )
    if not (limits := config.constraints.analytic):
        return whole
    built, promotion = fidelity(config.promotion, config.data), config.promotion
    batch = max(1, promotion.recipe.micro_batch // promotion.processes)
    classes = len(dataset(config, built.size).classes)
    figures = network_figures(whole, built.scale, classes, built.size, batch)
    return ConstrainedSpace(whole, limits, figures)


def latency_limit(config: Config) -> LatencyLimit | None:
    """What a candidate has to keep to before it is trained, if anything."""
    if (seconds := config.constraints.latency) is None:
        return None
    built = fidelity(config.promotion, config.data)
    return LatencyLimit(seconds, built.scale, built.size)


def controller(config: Config, space: SearchSpace, first: Sequence[Genotype] = ()) -> Controller:
    """The config's, after the networks to begin with. UserError where its options do not go
    together."""
    options = config.controller.model_dump(exclude={"name"})
    try:
        made = controllers.make(config.controller.name, space, config.seed, **options)
    except UserError as error:
        raise UserError(f"controller: {error}") from error
    return WarmStart(made, space, first) if first else made


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
