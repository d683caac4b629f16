"""From config to parts: data set, space, controller, engine, task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from rich.console import Console

from nas.config import (
    Config,
    DataConfig,
    FinalTraining,
    PromotionConfig,
    SpaceConfig,
    TrainingConfig,
)
from nas.controllers import Controller
from nas.controllers.warm_start import WarmStart
from proxy_tasks.datasets import Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.appearing import alone
from proxy_tasks.datasets.packed import is_whole
from proxy_tasks.datasets.packing import pack
from proxy_tasks.datasets.unlabelled import WithUnlabelled
from proxy_tasks.distillation import Lessons
from proxy_tasks.objectives import LIMITS, OBJECTIVES, Analytic
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.start import Start
from proxy_tasks.task import Fidelity, Limit
from search_space.backbone import Backbone
from search_space.constrained import ConstrainedSpace, network_figures
from search_space.cost import Cost
from search_space.errors import UserError
from search_space.files import at_home
from search_space.genes import Genotype, SearchSpace
from search_space.latency import LatencyModel, load
from search_space.seeds import derive_seed
from search_space.spine import SpineSpace

_TRIES = 20
"""Draws for each network beside the encoder alone."""


def space(config: Config) -> SearchSpace:
    """The space within the analytic constraints."""
    whole = config.space.whole()
    limits, exported = _limits(config, analytic=True), config.constraints.exported_ms
    if not limits and exported is None:
        return whole
    built, promotion = fidelity(config.promotion, config.data), config.promotion
    batch = max(1, promotion.recipe.micro_batch // promotion.processes)
    classes = len(dataset(config, built.size).classes)

    def figures(found: Cost) -> dict[str, float]:
        sources = ((name, OBJECTIVES[name].source) for name in limits)
        return {name: s.of(found, batch) for name, s in sources if isinstance(s, Analytic)}

    of_cost = network_figures(whole, built.scale, classes, built.size, figures)
    if exported is None:
        return ConstrainedSpace(whole, limits, of_cost)
    predicted = latency_of(config)
    name = "latency in ms"

    def with_latency(genotype: Genotype) -> dict[str, float]:
        return {**of_cost(genotype), name: predicted(whole.decode(genotype))}

    return ConstrainedSpace(whole, {**limits, name: exported}, with_latency)


def latency_of(config: Config) -> Callable[[Backbone], float]:
    """Milliseconds of the exported network of a backbone, as it would be promoted. UserError where
    the config names no table that can be read."""
    limits, built = config.constraints, fidelity(config.promotion, config.data)
    if limits.latency_table is None:
        raise UserError(
            f"constraints.latency: {limits.latency} needs a table: write"
            " constraints.latency_table: FILE; nas latency measure -o FILE writes one"
        )
    model = LatencyModel(load(limits.latency_table.expanduser()))
    classes, size = len(dataset(config, built.size).classes), limits.latency_size or built.size
    return lambda backbone: model.of(backbone, built.scale, classes, size, built.size).ms


def measured_limits(config: Config) -> tuple[Limit, ...]:
    """What a candidate has to keep to before it is trained."""
    built = fidelity(config.promotion, config.data)
    limits = _limits(config, analytic=False).items()
    return tuple(Limit(name, most, built.scale, built.size) for name, most in limits)


def _limits(config: Config, analytic: bool) -> dict[str, float]:
    """Those that are given, and are known without a measurement or are not."""
    return {
        name: most
        for name, most in config.constraints.limits.items()
        if isinstance(LIMITS[name].source, Analytic) == analytic
    }


def controller(config: Config, space: SearchSpace, first: Sequence[Genotype] = ()) -> Controller:
    """The config's, after the networks to begin with: on an encoder the encoder alone, which a
    search has to beat, and its neighbours, then ``first``. UserError where its options do not go
    together."""
    try:
        made = config.controller.build(space, config.seed)
    except UserError as error:
        raise UserError(f"controller: {error}") from error
    first = [*_beginning(config, space), *first]
    return WarmStart(made, space, list(dict.fromkeys(first))) if first else made


def _beginning(config: Config, space: SearchSpace) -> list[Genotype]:
    """On an encoder, what takes the place of a controller's first random proposals: the encoder
    alone, and networks beside it. Random search has none but the first."""
    whole = config.space.whole()
    if not isinstance(whole, SpineSpace):
        return []
    wanted = getattr(config.controller, "initial", 1)
    rng = np.random.default_rng(derive_seed(config.seed, "beside the encoder alone"))
    drawn = (whole.beside_alone(rng) for _ in range(_TRIES * (wanted - 1)))
    found = {space.key(each): each for each in chain([whole.alone], drawn) if space.allows(each)}
    return list(found.values())[:wanted]


def fidelity(training: TrainingConfig, data: DataConfig) -> Fidelity:
    """The config's numbers as the tasks take them. Folds of the data only choose: what is promoted
    is trained on all images. UserError for more folds held out than there are."""
    promoted = isinstance(training, PromotionConfig)
    folds = (data.split and data.split.folds) or 1
    try:
        return training.fidelity(folds=0 if promoted and folds > 1 else folds)
    except UserError as error:
        section = "finals" if isinstance(training, FinalTraining) else section_of(training)
        raise UserError(f"{section}.{error}") from error


def finals(config: Config) -> FinalTraining:
    """The training of those that a search ends between."""
    return config.finals.training(config.promotion, config.proxy.score)


def dataset(
    config: Config, size: tuple[int, int], strict: bool = True, remember: bool = True
) -> Dataset:
    """The data set; procedural scenes are drawn at ``size``. Not ``strict``: with what is missing.
    ``remember`` in the cache what files hold, and believe it.

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
        cache=data.cache if remember else None,
        train=train,
        val=val,
        size=size,
        strict=strict,
    )


def weights_of(training: TrainingConfig) -> Path | None:
    """The file that it starts from, None where there is none."""
    weights = None
    if isinstance(training, PromotionConfig | FinalTraining):
        weights = training.weights
    return None if weights is None else weights.expanduser()


def encoder_weights_of(space: SpaceConfig) -> Path | None:
    """The file of its encoder's weights, None where there is none."""
    return None if space.encoder_weights is None else space.encoder_weights.expanduser()


def training_data(
    config: Config, training: TrainingConfig, labelled: Dataset | None = None
) -> Dataset:
    """What a training is on: the data set (or ``labelled``, that is open already) and, where it has
    a teacher, the images without labels. UserError as ``dataset``, and for folders that hold no
    images."""
    found = labelled or dataset(config, training.size)
    if training.teacher is None or not config.data.folders:
        return found
    return WithUnlabelled(found, config.data.folders, cache_of(config))


def section_of(training: TrainingConfig) -> str:
    """Where the config has it."""
    full = isinstance(training, PromotionConfig | FinalTraining)
    return "promotion" if full else "proxy"


def packed(config: Config, training: TrainingConfig, console: Console) -> Path:
    """The data set decoded as the training sees it, from the cache where it is there already.

    Raises:
        UserError: for data that cannot be trained on.
    """
    found = training_data(config, training)

    def tell(line: str) -> None:
        console.print(f"note: {line}", markup=False, highlight=False, soft_wrap=True)

    if found.channels != training.scale.channels:
        raise UserError(
            f"{section_of(training)}.scale.channels: {training.scale.channels}, but the images of"
            f" {config.data.name} have {found.channels}; write scale.channels: {found.channels} in"
            " proxy and promotion"
        )
    with console.status(f"reading {config.data.name}") as status:

        def report(done: int, total: int) -> None:
            status.update(f"reading {config.data.name}: {done} of {total} images")

        return pack(found, training.sight, cache_of(config), report, tell)


@dataclass(frozen=True)
class Again:
    """Packs data again whose cache was emptied while a training needs them. Picklable: it is a
    worker that finds them gone."""

    config: Config
    training: TrainingConfig

    def __call__(self, data: Path) -> None:
        """Make the pack at ``data``, once whoever finds it gone. UserError where the files are not
        those that it was made from."""
        with alone(data):
            if is_whole(data):
                return
            found = training_data(self.config, self.training)
            made = pack(found, self.training.sight, cache_of(self.config))
        if made != data:
            raise UserError(
                f"the files of {self.config.data.name} changed since the command began, and"
                f" {data}, what was packed of them, is gone: put them back"
            )


def still_packed(config: Config, training: TrainingConfig, data: Path) -> Path:
    """A pack that was made earlier in this command, made again where it is gone. UserError as
    ``Again``."""
    if not is_whole(data):
        Again(config, training)(data)
    return data


def cache_of(config: Config) -> Path:
    """Where packs lie, from wherever a command is given. UserError where that is a home that is not
    known."""
    return at_home(config.data.cache, "data.cache").resolve()


def task(
    config: Config,
    training: TrainingConfig,
    data: Path,
    folder: Path | None = None,
    lessons: Lessons | None = None,
) -> TrainingTask:
    """The task that trains under ``training``, and by the ``lessons`` of its teacher; with a folder
    it keeps checkpoints there."""
    assert (lessons is None) == (training.teacher is None)
    spec = config.space.encoder_spec
    return TrainingTask(
        data=data,
        recipe=training.recipe,
        seed=config.seed,
        device=config.engine.device,
        folder=folder.resolve() if folder else None,  # a worker may stand elsewhere
        again=Again(config, training),
        features=not isinstance(training, PromotionConfig | FinalTraining),
        lessons=lessons,
        start=Start(
            weights_of(training), spec.name if spec else "", encoder_weights_of(config.space)
        ),
    )
