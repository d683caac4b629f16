"""A small trained network to export, and the photographs that it was taught to tell apart."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image
from torch import nn

from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.intensities import Intensities
from proxy_tasks.labelling import shown
from proxy_tasks.networks import build_segmenter
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job
from results.export.subject import Subject
from search_space.architecture import Architecture, Block
from search_space.scales import Scale
from tests.support.shown import Shown

BACKBONE = Architecture(
    (Block(2, "residual"),) * 2,
    (
        Block(5, "residual", (0, 1), 2, output=True),
        Block(2, "residual", (1, 2), 1),
        Block(3, "bottleneck", (2, 3), 4, output=True),
    ),
    (3, 5),
)
SCALE = Scale(filters=0.125, endpoint_filters=12, aspp_filters=16)
SIZE, CLASSES = (48, 64), ("sky", "grün", "car")
INTENSITIES = Intensities((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
SIGHT = Sight(factor=0.5, window=(40, 56))
SIZES = {"portrait": (120, 70), "landscape": (75, 131), "odd": (51, 77), "tiny": (17, 22),
         "windows": (150, 190)}  # fmt: skip
"""(height, width) of the photographs."""
PROVENANCE = {"run": "first", "data": "camvid", "scores": {"promoted_miou": 0.4567}}


def save_photos(root: Path) -> Path:
    """A data set of images of many sizes, as files."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (root / split / kind).mkdir(parents=True)
        for name, (height, width) in SIZES.items():
            coarse = rng.integers(0, 256, (5, 6, 3), np.uint8)
            image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
            image.save(root / split / "images" / f"{name}.png")
            labels = rng.choice(np.array([0, 1, 2, 255], np.uint8), (height, width))
            Image.fromarray(labels).save(root / split / "labels" / f"{name}.png")
    (root / "classes.txt").write_text("\n".join(CLASSES))
    return root


def save_weights(photos: Path, folder: Path) -> Path:
    """Of a network that finds all of its classes in the photos: its batch norms and classifier
    have seen some."""
    torch.manual_seed(0)
    network = build_segmenter(BACKBONE, SCALE, len(CLASSES), SIZE).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all it sees
            nn.init.normal_(module.bias, 0, 0.1)
    with torch.no_grad():
        path = photos / "train" / "images" / "windows.png"
        x_13HW = torch.from_numpy(shown(Image.open(path), SIGHT, INTENSITIES))
        network(torch.cat([x_13HW, 0.5 * x_13HW.flip(2), 1 - x_13HW.flip(3)]))
        spread, mean = torch.std_mean(network.eval()(x_13HW), (0, 2, 3))
        network.classifier.weight /= spread[:, None, None, None]
        network.classifier.bias.copy_((network.classifier.bias - mean) / spread)
    checkpoint = Checkpoint(folder)
    job = Job(0, "job", BACKBONE, Fidelity(1, SIZE, SCALE))
    checkpoint.save_weights(network, job, Shown(CLASSES, SIGHT, INTENSITIES))
    return checkpoint.weights


def subject_of(weights: Path) -> Subject:
    return Subject(BACKBONE, SCALE, CLASSES, SIZE, weights=weights, provenance=PROVENANCE)


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
