"""Folders of small pictures, a class each, and without classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (40, 40, 200), "green": (40, 200, 40), "red": (200, 40, 40)}
SIZE = (40, 48)


def classes(root: Path, each: int = 4, names: tuple[str, ...] = tuple(COLOURS)) -> Path:
    """``root/CLASS/N.png`` of noise about the class's colour."""
    for name in names:
        pictures(root / name, each, COLOURS[name])
    return root


def imagenet(root: Path, train: int = 4, val: int = 2) -> Path:
    """With train/ and val/."""
    classes(root / "train", train)
    classes(root / "val", val)
    return root


def pictures(
    folder: Path,
    count: int,
    colour: tuple[int, ...] = (128, 128, 128),
    size: tuple[int, int] = SIZE,
) -> Path:
    """``folder/N.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([number, *colour])
        noise = rng.integers(-40, 41, (*SIZE, len(colour)))
        pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder
