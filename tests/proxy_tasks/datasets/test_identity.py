"""What names a data set: labels, classes and sight, not where its files lie or their age."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.identity import identity
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.sight import Sight

CLASSES = ("road", "sky")
SEEN = Sight(factor=1)


def tree(root: Path, seed: int = 0, images: int = 3) -> Path:
    """A data set in the folder layout, of small random pictures."""
    for split, draws in (("train", seed), ("val", seed + 100)):
        rng = np.random.default_rng(draws)
        for kind in ("images", "labels"):
            (root / split / kind).mkdir(parents=True, exist_ok=True)
        for index in range(images):
            pixels = rng.integers(256, size=(40, 48, 3), dtype=np.uint8)
            labels = rng.integers(2, size=(40, 48), dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / "images" / f"{index}.png")
            Image.fromarray(labels).save(root / split / "labels" / f"{index}.png")
    return root


def name(root: Path, sight: Sight = SEEN, classes: tuple[str, ...] = CLASSES) -> str:
    dataset = open_dataset("folder", root=root, classes=classes)
    return identity(open_packed(pack(dataset, sight, root.parent / "cache")))


def test_a_copy_elsewhere_and_of_another_age_has_the_same_name(tmp_path: Path) -> None:
    there, here = tree(tmp_path / "there"), tree(tmp_path / "here")
    for file in here.rglob("*.png"):
        os.utime(file, (1, 1))
    assert name(there) == name(here)


@pytest.mark.parametrize("change", ["labels", "images", "sight", "classes"])
def test_another_data_set_has_another_name(tmp_path: Path, change: str) -> None:
    usual = name(tree(tmp_path / "usual"))
    other = {
        "labels": lambda root: name(tree(root, seed=1)),
        "images": lambda root: name(tree(root, images=4)),
        "sight": lambda root: name(tree(root), sight=Sight(short_side=30)),
        "classes": lambda root: name(tree(root), classes=("road", "tree")),
    }[change](tmp_path / "other")
    assert other != usual
