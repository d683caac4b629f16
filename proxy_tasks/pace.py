"""How fast this machine trains a network: measured, on images of noise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from proxy_tasks import memory
from proxy_tasks.datasets.packed import PackedSplit
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.frozen_features import FrozenFeatures
from proxy_tasks.recipe import Recipe
from proxy_tasks.start import as_if_begun
from proxy_tasks.training import Training
from search_space.backbone import Backbone
from search_space.scales import Scale

IMAGES = 4


@dataclass(frozen=True)
class Pace:
    """``crops`` a second of training, by one worker while the others work too; ``memory`` in bytes
    at most, None where the system does not say."""

    crops: float
    memory: int | None


def measured(
    backbone: Backbone,
    scale: Scale,
    classes: int,
    size: tuple[int, int],
    recipe: Recipe,
    device: torch.device,
    seconds: float,
    again: bool = False,
) -> Pace:
    """Of steps that are repeated for so many seconds, after one that warms up. ``again``: of a
    network that sees crops which others have seen before it, with the maps of a frozen encoder kept
    (see FrozenFeatures)."""
    network = build_segmenter(backbone, scale, classes, size)
    as_if_begun(network, backbone, recipe)
    training = Training(
        network,
        DeviceSplit(_noise(size, scale.channels, classes), device),
        recipe,
        epochs=10**6,
        seed=0,
        size=size,
        images=recipe.batch_size,
        intensities=Intensities((0.5,) * scale.channels, (0.25,) * scale.channels),
    )
    memory.reset_peak(device)
    with _kept() if again else nullcontext():
        training.run_epoch()
        start, steps = time.perf_counter(), 0
        while steps < 2 or time.perf_counter() - start < seconds:
            if again:
                training.epoch = 0  # the same crops
            training.run_epoch()  # ends with a reading of its loss, so a GPU has done all of it
            steps += 1
        spent = time.perf_counter() - start
    return Pace(steps * recipe.batch_size / spent, memory.peak(device))


@contextmanager
def _kept() -> Iterator[None]:
    with TemporaryDirectory() as folder, FrozenFeatures(Path(folder)).kept():
        yield


def _noise(size: tuple[int, int], channels: int, classes: int) -> PackedSplit:
    """A few images half as large again as a crop."""
    rng = np.random.default_rng(0)
    height, width = (3 * side // 2 for side in size)
    pixels = rng.integers(256, size=IMAGES * height * width * channels, dtype=np.uint8)
    marks = rng.integers(classes, size=IMAGES * height * width, dtype=np.uint8)
    index = np.zeros((IMAGES, 6), np.int64)
    index[:, 0], index[:, 3] = (np.arange(IMAGES) * height * width * per for per in (channels, 1))
    index[:, [1, 4]], index[:, [2, 5]] = height, width
    counts = np.bincount(marks, minlength=classes)[None].repeat(IMAGES, 0) // IMAGES
    columns = np.arange(classes, dtype=np.int32)
    places = np.stack([columns, columns % IMAGES, columns % height, columns % width], 1)
    return PackedSplit(pixels, marks, index, counts, channels, places.astype(np.int32))
