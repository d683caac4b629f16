"""From what ``nas pretrain`` is asked for to its parts: images, task, machines, length."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from nas.config.pretraining import EPOCHS, PretrainingConfig
from nas.config.running import EngineConfig
from nas.engines.base import Resources
from nas.parts.machines import full_resources
from proxy_tasks.datasets.appearing import alone
from proxy_tasks.datasets.image_folders import ImageFolders
from proxy_tasks.datasets.packed import is_whole, open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.networks import build_backbone
from proxy_tasks.pretraining.features import common
from proxy_tasks.pretraining.loop import Pretraining, check_recipe
from proxy_tasks.pretraining.task import Labels, PretrainingTask
from proxy_tasks.processes import Group
from proxy_tasks.proxy import find_device
from proxy_tasks.room import check_room
from proxy_tasks.start import Start
from proxy_tasks.task import Job
from search_space.backbone import Backbone, encoder_of
from search_space.errors import UserError
from search_space.files import at_home

MEASURED = 3.0
"""Seconds of training from which its length in hours is reckoned, at least two steps."""
SPENT = 0.9
"""Of the hours, what the training takes; the rest is for validations and files."""


def pictures(config: PretrainingConfig) -> ImageFolders:
    """The images. UserError where they are not there, or cannot be learnt from as is asked for."""
    cache, labelled = at_home(config.cache, "cache").resolve(), config.teacher is None
    return ImageFolders.open(config.data, config.val, labelled, config.held_out, cache)


def teacher(config: PretrainingConfig) -> FeatureTeacher | None:
    """None for classes. UserError where it is not there."""
    if config.teacher is None:
        return None
    return FeatureTeacher.named(config.teacher, config.teacher_weights)


def check(config: PretrainingConfig, backbone: Backbone, found: ImageFolders) -> None:
    """UserError for what could not be trained so; before anything is read or written."""
    try:
        check_recipe(config.recipe)
        Group(size=config.processes).divide(config.recipe)
    except UserError as error:
        raise UserError(f"nas pretrain: {error}") from error
    if (batch := config.recipe.batch_size) > (crops := config.images or found.count("train")):
        raise UserError(
            f"recipe.batch_size: {batch} is more than the {crops} crops of an epoch: give"
            f" --set recipe.batch_size={max(2, crops)} or less, or --set images=N for longer epochs"
        )
    if config.processes > 1 and config.engine == "inline":
        raise UserError("processes: several need Ray; leave --engine inline out, or --processes")
    if config.scale.channels != found.channels:
        raise UserError(
            f"scale.channels: {config.scale.channels}, but the images of {config.data} have"
            f" {found.channels}; give --set scale.channels={found.channels}"
        )
    check_room(backbone, config.scale, max(1, len(found.names)), config.size)


@dataclass(frozen=True)
class Again:
    """Packs images again whose cache was emptied while they are trained on. Picklable."""

    config: PretrainingConfig

    def __call__(self, data: Path) -> None:
        """Make the pack at ``data``. UserError where the files are not those of before."""
        with alone(data):
            if is_whole(data):
                return
            found = pictures(self.config)
            if pack(found, self.config.sight, data.parent) != data:
                raise UserError(
                    f"the images of {self.config.data} changed since the command began, and {data},"
                    " what was packed of them, is gone: put them back"
                )


def packed(config: PretrainingConfig, found: ImageFolders, console: Console) -> Path:
    """The images decoded, from the cache where they are there already. UserError, with the file
    named, for one that cannot be read."""

    def tell(line: str) -> None:
        console.print(f"note: {line}", markup=False, highlight=False, soft_wrap=True)

    with console.status(f"reading {config.data}") as status:

        def report(done: int, total: int) -> None:
            status.update(f"reading {config.data}: {done} of {total} images")

        cache = at_home(config.cache, "cache").resolve()
        return pack(found, config.sight, cache, report, tell)


def task(
    config: PretrainingConfig,
    backbone: Backbone,
    found: ImageFolders,
    folder: Path,
    taught: FeatureTeacher | None,
) -> PretrainingTask:
    """What trains in ``folder``, on data that are yet to be packed. UserError for a teacher that
    has nothing in common with the network, or for images beside which it takes no others."""
    labels = Labels(found.names, found.train.targets, found.val.targets)
    return PretrainingTask(
        Path(),
        folder.resolve().parent,  # a worker may stand elsewhere
        config.recipe,
        config.device,
        labels=None if taught else labels,
        teacher=taught,
        levels=levels(config, backbone, taught) if taught else (),
        start=_start(config, backbone),
        again=Again(config),
    )


def levels(
    config: PretrainingConfig, backbone: Backbone, taught: FeatureTeacher
) -> tuple[int, ...]:
    """That are learnt. UserError where the teacher has none of them, or other images."""
    with torch.device("meta"):
        built = build_backbone(backbone, config.scale)
    if (wanted := taught.channels()) != config.scale.channels:
        raise UserError(
            f"teacher: {config.teacher} takes images of {wanted} channels, these have"
            f" {config.scale.channels}: give another"
        )
    return tuple(common(built.out_channels, taught.levels(), config.levels))


def _start(config: PretrainingConfig, backbone: Backbone) -> Start:
    file, weights = config.weights, config.encoder_weights
    spec = encoder_of(backbone)
    own = spec.name if spec else ""
    return Start(file and file.expanduser(), own, weights and weights.expanduser())


def resources(config: PretrainingConfig) -> tuple[EngineConfig, Resources]:
    """One training, by as many processes as are asked for: with Ray where there are several.
    UserError for more than there are GPUs."""
    name = config.engine or ("ray" if config.processes > 1 else "inline")
    engine = EngineConfig(name=name, device=config.device)
    return engine, full_resources(engine, 1, config.processes, config.threads, "processes")


def length(
    config: PretrainingConfig, work: PretrainingTask, backbone: Backbone, used: Resources
) -> tuple[int, int | None]:
    """Epochs, and the crops of each, None: one of each image. Of hours, as many as fit by a
    measurement of the training itself; where not even one does, of fewer crops."""
    if config.hours is None:
        return config.epochs or EPOCHS, config.images
    data, device = open_packed(work.data), find_device(config.device)
    torch.set_num_threads(used.cpus * used.processes)
    job = Job(0, "pace", backbone, config.fidelity(1, None), seed=config.seed)
    training = Pretraining(
        work.goal(job, data, device),
        DeviceSplit(data.train, device, resident=False),
        config.recipe,
        10**6,
        config.seed,
        config.size,
        images=config.recipe.batch_size,
        intensities=work.intensities(backbone, data),
    )
    training.run_epoch()
    start, steps = time.perf_counter(), 0
    while steps < 2 or time.perf_counter() - start < MEASURED:
        training.run_epoch()
        steps += 1
    rate = steps * config.recipe.batch_size / (time.perf_counter() - start)
    if used.gpus:
        rate *= used.processes
    return fitting(config, len(data.train), rate)


def fitting(config: PretrainingConfig, there: int, rate: float) -> tuple[int, int | None]:
    """Of ``there`` images, at ``rate`` crops a second: see ``length``."""
    assert config.hours is not None
    crops = config.hours * 3600 * SPENT * rate
    each = config.images or there
    if crops >= each:
        return int(crops / each), config.images
    return 1, max(config.recipe.batch_size, int(crops))
