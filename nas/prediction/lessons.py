"""What a training learns from its teacher, which is asked once about every training image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from rich.console import Console

from nas.config import Config, TrainingConfig
from nas.parts import build
from nas.prediction.teachers import check_features, open_teacher, talking, tapped
from nas.runs.teacher_identity import digest
from proxy_tasks.datasets.packing import Progress
from proxy_tasks.datasets.soft_packing import pack_soft
from proxy_tasks.distillation import Lessons
from proxy_tasks.feature_distillation import pairs
from proxy_tasks.networks import build_backbone
from proxy_tasks.proxy import find_device
from proxy_tasks.teacher_maps import pack_teacher_maps, teacher_levels
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.files import sha256
from search_space.scales import Scale

NONE: Mapping[str, Backbone] = MappingProxyType({})


def lessons(
    config: Config,
    training: TrainingConfig,
    data: Path,
    console: Console,
    networks: Mapping[str, Backbone] = NONE,
) -> Lessons | None:
    """None where the training has no teacher. What is learnt of features is printed.

    Args:
        data: the pack that is trained on.
        networks: what is trained, by name, as far as that is known beforehand.

    Raises:
        UserError: where the teacher cannot be used.
    """
    if (teacher := training.teacher) is None:
        return None
    named = " ".join(map(str, teacher.paths))
    with console.status(f"asking the teacher {named}") as status:

        def report(done: int, total: int) -> None:
            status.update(f"asking the teacher {named}: {done} of {total} images")

        labels, maps = _asked(config, training, data, report)
    for line in _told(maps, training.scale, networks) if maps else ():
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    again = Again(config, training, data)
    return Lessons(labels, teacher.weight, teacher.temperature, again, maps, teacher.features)


def _told(maps: Path, scale: Scale, networks: Mapping[str, Backbone]) -> Iterator[str]:
    """Which features are learnt, and by which networks otherwise than by a map of that stride."""
    levels = teacher_levels(maps)
    strides = " and ".join(str(2**level) for level in levels)
    plural = "s" if len(levels) > 1 else ""
    yield (
        f"teacher: its features at stride{plural} {strides} are learnt; a network without a map of"
        " such a stride learns them by its nearest"
    )
    for name, backbone in networks.items():
        with torch.device("meta"):
            own = build_backbone(backbone, scale).out_channels
        for level, by in pairs(dict.fromkeys(levels, 0), own).items():
            if by != level:
                yield f"{name} has no map of stride {2**level}: that of stride {2**by} learns it"


@dataclass(frozen=True)
class Again:
    """Asks again where the cache was emptied while a training needs what the teacher said.
    Picklable: it is a worker that finds it gone."""

    config: Config
    training: TrainingConfig
    data: Path

    def __call__(self, folder: Path) -> None:
        """UserError where the teacher's file is not the one that was asked before."""
        build.still_packed(self.config, self.training, self.data)
        if folder not in _asked(self.config, self.training, self.data):
            raise UserError(
                f"{build.section_of(self.training)}.teacher.from: changed since the command began,"
                f" and {folder}, what it said of the images, is gone: put it back"
            )


def _asked(
    config: Config, training: TrainingConfig, data: Path, progress: Progress | None = None
) -> tuple[Path | None, Path | None]:
    """Folders of what the networks say of the images, and of the one whose features are learnt;
    None where none do, or none is."""
    teacher = training.teacher
    assert teacher is not None
    found = build.training_data(config, training)
    device = find_device(config.engine.device)
    try:
        check_features(teacher)
        labels = maps = None
        if named := talking(teacher.paths):
            identity = ", ".join(map(digest, named))
            asked = open_teacher(named, found, device)
            labels = pack_soft(found, data, asked, identity, progress)
        if (features := tapped(teacher, found)) is not None:
            assert features.file is not None
            maps = pack_teacher_maps(data, features, sha256(features.file), device, progress)
        return labels, maps
    except UserError as error:
        if not str(error).startswith("teacher."):
            raise
        raise UserError(f"{build.section_of(training)}.{error}") from error
