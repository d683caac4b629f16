"""Small data sets in the layouts in which the real ones are published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from proxy_tasks.datasets import SplitRule

HEIGHT, WIDTH = 8, 12
VOC_NAMES = {"train": ("2007_000032", "2008_000008"), "val": ("2007_000033",)}


def save_image(path: Path, seed: int = 0) -> Path:
    """Noise that depends on the name and the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([*path.stem.encode(), *([seed] if seed else [])])
    Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(path)
    return path


def save_label(path: Path, *values: int, dtype: type = np.uint8) -> Path:
    """Upright stripes of the values, of equal width as far as they go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = np.array(values, dtype)[np.arange(WIDTH) * len(values) // WIDTH]
    Image.fromarray(np.tile(row, (HEIGHT, 1))).save(path)
    return path


def save_palette(path: Path, *values: int) -> Path:
    """As VOC's label maps: mode P, colours that are no grey of the index."""
    save_label(path, *values)
    image = Image.open(path)
    image.putpalette([255 - index // 3 for index in range(768)])
    assert image.mode == "P"
    image.save(path)
    return path


def save_colours(path: Path, *colours: tuple[int, int, int]) -> Path:
    """Stripes of colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = np.array(colours, np.uint8)[np.arange(WIDTH) * len(colours) // WIDTH]
    Image.fromarray(np.tile(row, (HEIGHT, 1, 1))).save(path)
    return path


def folder(root: Path) -> Path:
    """Classes road, car and sky; three images to train on, named oddly, and two others."""
    root.mkdir(exist_ok=True)
    (root / "classes.txt").write_text("road\ncar\nsky\n")
    for split, names in (("train", ("0", "a b", "x.v2")), ("val", ("0", "1"))):
        for name in names:
            save_image(root / split / "images" / f"{name}.png")
            save_label(root / split / "labels" / f"{name}.png", 0, 1, 2, 255)
    return root


def unsplit(root: Path, number: int = 30) -> Path:
    """One folder of images, with lists for training and validation."""
    root.mkdir(exist_ok=True)
    (root / "classes.txt").write_text("road\ncar\nsky\n")
    names = [f"{index:03d}" for index in range(number)]
    for name in names:
        save_image(root / "images" / f"{name}.png")
        save_label(root / "labels" / f"{name}.png", 0, 1, 2, 255)
    (root / "train.txt").write_text("\n".join(names[:20]))
    (root / "val.txt").write_text("images/" + ".png\nimages/".join(names[20:28]) + ".png\n")
    return root


def tiles(root: Path, number: int = 4) -> Path:
    """A folder a scene, in which images are called alike; label maps are named by a tool."""
    root.mkdir(exist_ok=True)
    (root / "classes.txt").write_text("road\ncar\nsky\n")
    for tile in range(1, number + 1):
        for name in ("part_1", "part_2"):
            save_image(root / f"Tile {tile}/images/{name}.png", seed=tile)
            save_label(root / f"Tile {tile}/masks/{name}_mask.tif", 0, 1, 2, 255)
    return root


def camvid(root: Path) -> Path:
    """As SegNet's authors have it."""
    for split, number in (("train", 3), ("val", 2)):
        for index in range(number):
            name = f"0001TP_00{index}.png"
            save_image(root / split / name)
            save_label(root / f"{split}annot" / name, 0, 10, 11)
    return root


def cityscapes(root: Path, labels: str = "labelIds") -> Path:
    """Cities with a hyphen, and a frame without the usual number."""
    cities = {"train": ("bad-honnef", "ulm"), "val": ("frankfurt",)}
    stripes = (7, 33, 0, 5, 255) if labels == "labelIds" else (0, 18, 255)
    for split, names in cities.items():
        for city in names:
            for frame in (f"{city}_000000_000019", f"{city}_extra_1"):
                save_image(root / "leftImg8bit" / split / city / f"{frame}_leftImg8bit.png")
                beside = root / "gtFine" / split / city / f"{frame}_gtFine"
                save_label(beside.with_name(f"{beside.name}_{labels}.png"), *stripes)
                save_image(beside.with_name(f"{beside.name}_color.png"))
    return root


def voc(root: Path) -> Path:
    """VOCdevkit/VOC2012 with images that no list names, and SBD's additions."""
    home = root / "VOCdevkit" / "VOC2012"
    lists = home / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split, names in VOC_NAMES.items():
        (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
        for name in names:
            save_image(home / "JPEGImages" / f"{name}.jpg")
            save_palette(home / "SegmentationClass" / f"{name}.png", 0, 20, 255)
    save_image(home / "JPEGImages" / "2012_004331.jpg")
    save_label(home / "SegmentationClassAug" / "2012_004331.png", 0, 15, 255)
    augmented = "/JPEGImages/{0}.jpg /SegmentationClassAug/{0}.png\n"
    names = (*VOC_NAMES["train"], "2012_004331")
    (lists / "train_aug.txt").write_text("".join(augmented.format(name) for name in names))
    return root


@dataclass(frozen=True)
class Tree:
    """How to make a data set, how to open it, and what it holds."""

    name: str
    make: Callable[[Path], Path]
    counts: tuple[int, int]
    stripes: tuple[int, ...]
    """The labels of each map, as class indices, from left to right."""
    options: dict[str, Any] = field(default_factory=dict)


TREES = {
    "folder": Tree("folder", folder, (3, 2), (0, 1, 2, 255)),
    "folder by lists": Tree(
        "folder", unsplit, (20, 8), (0, 1, 2, 255), {"split": SplitRule("train.txt", "val.txt")}
    ),
    "folder by share": Tree(
        "folder", unsplit, (26, 4), (0, 1, 2, 255), {"split": SplitRule(share=0.2)}
    ),
    "folder with values": Tree(
        "folder",
        folder,
        (3, 2),
        (2, 255, 0, 255),
        {"values": {"0": "sky", "1": "void", "2": "road"}},
    ),
    "folder by scenes": Tree(
        "folder", tiles, (6, 2), (0, 1, 2, 255), {"split": SplitRule(val="Tile 3")}
    ),
    "folder by patterns": Tree(
        "folder",
        tiles,
        (6, 2),
        (0, 1, 2, 255),
        {
            "split": SplitRule(val="Tile 3"),
            "images": "*/images/*.png",
            "labels": "{scene}/masks/{name}_mask.tif",
        },
    ),
    "camvid": Tree("camvid", camvid, (3, 2), (0, 10, 255)),
    "camvid in folders": Tree("camvid", folder, (3, 2), (0, 1, 2, 255), {"ignore": (255,)}),
    "cityscapes": Tree("cityscapes", cityscapes, (4, 2), (0, 18, 255, 255, 255)),
    "cityscapes by train ids": Tree(
        "cityscapes", lambda root: cityscapes(root, "labelTrainIds"), (4, 2), (0, 18, 255)
    ),
    "voc": Tree("voc", voc, (2, 1), (0, 20, 255)),
}
