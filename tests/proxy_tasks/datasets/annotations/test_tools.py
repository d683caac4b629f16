"""The same three pictures as each tool's own library writes them, see tests/fixtures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import SPLITS, Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.annotations import detect
from proxy_tasks.datasets.base import IGNORE

FIXTURES = Path(__file__).parents[3] / "fixtures" / "annotations"
CLASSES = ("field", "crop", "weed")
SPLIT = SplitRule(val="plot_c")
TOOLS = {
    # Folder: data set, split, pixels of 384 in an image that may differ. CVAT keeps two decimals;
    # supervision traces masks along the centres of their outermost pixels.
    "coco": ("coco", None, 0),
    "cvat_images": ("cvat", None, 1),
    "cvat_masks": ("cvat", None, 0),
    "labelme": ("labelme", SPLIT, 0),
    "yolo": ("yolo", None, 36),
}


def opened(folder: str, **said: Any) -> Dataset:
    name, split, _ = TOOLS[folder]
    said = {"classes": CLASSES, "uncovered": "void", **said}
    return open_dataset(name, root=FIXTURES / folder, split=split, **said)


def drawn_by_datumaro(name: str) -> np.ndarray:
    """(H, W), from the label maps in colours that it made of the same shapes."""
    colours = np.asarray(Image.open(FIXTURES / f"cvat_masks/SegmentationClass/{name}.png"))
    labels = np.full(colours.shape[:2], IGNORE, np.uint8)
    for index, colour in enumerate([(192, 160, 64), (32, 176, 80), (224, 48, 96)]):
        labels[(colours == colour).all(2)] = index
    return labels


@pytest.mark.parametrize("folder", TOOLS)
def test_a_folder_is_told_by_what_lies_in_it(folder):
    assert detect(FIXTURES / folder) == TOOLS[folder][0]


@pytest.mark.parametrize("folder", TOOLS)
def test_labels_are_those_that_datumaro_draws(folder):
    data = opened(folder)
    assert data.classes == CLASSES
    assert [data.count(split) for split in SPLITS] == [2, 1]
    for split in SPLITS:
        for index in range(data.count(split)):
            expected = drawn_by_datumaro(data.image_name(split, index))
            differing = data.load(split, index)[1] != expected
            assert differing.sum() <= TOOLS[folder][2]


@pytest.mark.parametrize("folder", TOOLS)
def test_classes_are_those_of_the_files(folder):
    found = opened(folder, classes=None).classes
    assert set(found) == set(CLASSES)
    in_order = folder in ("coco", "cvat_images", "yolo")  # datumaro sorts what labelmap.txt lists
    assert found == (CLASSES if in_order else tuple(sorted(CLASSES)))


def test_colours_of_the_tool_are_kept():
    assert opened("cvat_masks").palette == ((192, 160, 64), (32, 176, 80), (224, 48, 96))
