"""A network whose maps trainings learn, as they ask it: a folder beside the pack.

    meta.json      the format, what network it is of, the moments of its channels, and the digest
    weights.npy    its weights, uint8: a file of safetensors

So it travels as packs do, and stays what it was when the teacher's own file changes. Unlike soft
labels it is asked anew for every crop: a map of a crop is not a crop of the image's map. Its maps
are those at strides 8 and 16, as far as it has them, else the nearest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load, save

from proxy_tasks.datasets.appearing import array_file, beside, made_once, write, write_meta
from proxy_tasks.datasets.packed import (
    MAPS_FORMAT,
    digests,
    is_whole,
    open_packed,
)
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.feature_moments import Moments, Progress, moments
from proxy_tasks.feature_teacher import Features, FeatureTeacher, frozen, teacher_network
from proxy_tasks.intensities import Intensities
from search_space.errors import UserError

LEVELS = (3, 4)
"""Strides 8 and 16."""
WEIGHTS = "weights.npy"


def nearest(level: int, there: Iterable[int]) -> int:
    """The level that is there and nearest to one; of two the finer."""
    return min(there, key=lambda each: (abs(each - level), each))


def tapped_levels(there: Iterable[int]) -> tuple[int, ...]:
    """Of a teacher with maps of these levels, those that are learnt."""
    levels = tuple(there)
    return tuple(sorted({nearest(level, levels) for level in LEVELS}))


def pack_teacher_maps(
    data: Path,
    teacher: FeatureTeacher,
    identity: str,
    device: torch.device,
    progress: Progress | None = None,
) -> Path:
    """The teacher as trainings on a pack ask it; the folder.

    Args:
        data: the pack: of its training images the moments are.
        identity: of the teacher; what was made of it before is read through and returned, or made
            again where it is damaged.

    Raises:
        UserError: for a teacher that is none, or takes images of other channels, and a disk that is
            full or read-only; then nothing stays behind.
    """
    return made_once(
        beside(data, "maps", MAPS_FORMAT, identity),
        lambda making: _fill(making, data, teacher, identity, device, progress),
    )


def _fill(
    folder: Path,
    data: Path,
    teacher: FeatureTeacher,
    identity: str,
    device: torch.device,
    progress: Progress | None,
) -> None:
    packed, levels = open_packed(data), tapped_levels(teacher.levels())
    features = teacher.open(device, levels)

    def said(x_BCHW: torch.Tensor) -> dict[int, torch.Tensor]:
        maps = features(x_BCHW, packed.intensities)
        return {level: maps[level] for level in levels}

    train = DeviceSplit(packed.train, device, resident=False)
    found = moments(said, train, packed.intensities, progress)
    state = {name: x.cpu().contiguous() for name, x in features.network.state_dict().items()}
    held = np.frombuffer(save(state), np.uint8)
    with array_file(folder / WEIGHTS, held.shape, held.dtype) as file:
        write(file, held.data)
    meta = {
        "format": MAPS_FORMAT,
        "data": data.name,
        "teacher": identity,
        "network": teacher.described(),
        "intensities": asdict(features.intensities),
        "moments": {level: [row.tolist() for row in found[level]] for level in levels},
        "files": {WEIGHTS: held.nbytes},
        "digests": digests(folder, (WEIGHTS,)),
    }
    write_meta(folder, meta)


@dataclass(frozen=True, eq=False)
class TeacherMaps:
    """``features``: the network, frozen on a device; ``moments``: level -> mean and deviation of
    the channels of its map, for the levels that are learnt."""

    features: Features
    moments: Moments

    @classmethod
    def open(cls, folder: Path, device: torch.device) -> TeacherMaps:
        """UserError where no whole folder is there."""
        if not is_whole(folder):
            raise UserError(f"no teacher's network in {folder}: start again, it is made anew")
        meta = json.loads((folder / "meta.json").read_text())
        found = {
            int(level): (torch.tensor(mean).double(), torch.tensor(std).double())
            for level, (mean, std) in meta["moments"].items()
        }
        with torch.random.fork_rng(devices=[]):  # what it draws is written over
            network = teacher_network(meta["network"], tuple(found))
        network.load_state_dict(load(np.load(folder / WEIGHTS).tobytes()))
        seen = Intensities.from_dict(meta["intensities"])
        return cls(Features(frozen(network, device), seen), found)

    @property
    def channels(self) -> Mapping[int, int]:
        """Level -> those of the map."""
        return {level: len(mean_C) for level, (mean_C, _) in self.moments.items()}


@lru_cache(maxsize=1)
def open_teacher_maps(folder: Path, device: torch.device) -> TeacherMaps:
    """Once for all trainings of a process, by the name of the folder, which says what it holds."""
    return TeacherMaps.open(folder, device)


def teacher_levels(folder: Path) -> tuple[int, ...]:
    """Those that are learnt."""
    meta = json.loads((folder / "meta.json").read_text())
    return tuple(map(int, meta["moments"]))


def teacher_bytes(folder: Path) -> int:
    """What a GPU holds of the network; 0 where it is gone."""
    weights = folder / WEIGHTS
    return weights.stat().st_size if weights.is_file() else 0
