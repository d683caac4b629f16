"""Teachers for tests: what they say is known, or costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets import Dataset
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.soft_packing import pack_soft
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.labelling import Array
from proxy_tasks.networks import build_segmenter
from proxy_tasks.sight import OWN, Extent
from proxy_tasks.teacher_maps import pack_teacher_maps
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale


@dataclass(frozen=True)
class Colours:
    """Says of each place a softmax of the image's colours there: smooth, and different in each."""

    classes: int

    def log_probabilities(self, image_HWC: Array, size: Extent) -> Array:
        rows, columns = (
            ((2 * np.arange(small) + 1) * large // (2 * small))
            for small, large in zip(size, image_HWC.shape[:2], strict=True)
        )
        mixing = np.random.default_rng(0).normal(size=(self.classes, image_HWC.shape[2]))
        logits_Khw = np.einsum("kc,hwc->khw", mixing, image_HWC[rows][:, columns] / 60.0)
        return (logits_Khw - np.log(np.exp(logits_Khw).sum(0))).astype(np.float32)


@dataclass(frozen=True)
class Oracle:
    """Knows the labels of the training images of a data set, and is ``sure`` of them."""

    dataset: Dataset
    sure: float = 0.9

    def log_probabilities(self, image_HWC: Array, size: Extent) -> Array:
        count = self.dataset.count("train")
        pairs = (self.dataset.load("train", number) for number in range(count))
        labels = next(labels for image, labels in pairs if np.array_equal(image, image_HWC))
        classes = len(self.dataset.classes)
        rows, columns = (
            ((2 * np.arange(small) + 1) * large // (2 * small))
            for small, large in zip(size, labels.shape, strict=True)
        )
        seen_hw = labels[rows][:, columns]
        right_Khw = seen_hw == np.arange(classes)[:, None, None]
        found = np.where(right_Khw, self.sure, (1 - self.sure) / (classes - 1))
        found[:, seen_hw == IGNORE] = 1 / classes
        return np.log(found).astype(np.float32)


ENCODER = "efficientnet-lite0"
SMALL = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
LEVELS_3_AND_4 = ScalePermutedSpace(stages=((3, 1), (4, 1)), output_levels=(3, 4), max_level=5)


def mapped(folder: Path, seed: int = 0) -> Path:
    """The folder of a promotion, as far as its weights: a network with maps of levels 3 and 4."""
    torch.manual_seed(seed)
    backbone = LEVELS_3_AND_4.decode(LEVELS_3_AND_4.sample(np.random.default_rng(seed)))
    network = build_segmenter(backbone, SMALL, 2, (32, 48)).eval()
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "best.safetensors"
    Weights(weights, backbone, SMALL, (32, 48), ("a", "b"), OWN).save(network.state_dict())
    return folder


def teacher_maps(data: Path, source: str = ENCODER) -> Path:
    """A network whose maps are learnt, beside a pack."""
    return pack_teacher_maps(data, FeatureTeacher.named(source, None), source, torch.device("cpu"))


def soft_labels(dataset: Dataset, data: Path) -> Path:
    """What Colours says of a packed data set, beside the pack."""
    return pack_soft(dataset, data, Colours(len(open_packed(data).classes)), "colours")
