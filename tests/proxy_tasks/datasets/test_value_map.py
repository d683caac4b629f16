"""Label values and colours that are mapped to classes by the user."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proxy_tasks.datasets import Dataset, open_dataset
from proxy_tasks.datasets.base import IGNORE
from search_space.errors import UserError
from tests.support import trees

ROAD, SKY = (128, 64, 128), (70, 130, 180)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Without classes.txt; the map that the tests change is that of the first training image."""
    (trees.folder(tmp_path) / "classes.txt").unlink()
    return tmp_path


@pytest.fixture
def label(root: Path) -> Path:
    return root / "train/labels/0.png"


def opened(root: Path, values: dict[str, str], **options: Any) -> Dataset:
    return open_dataset("folder", root=root, values=values, **options)


def shown(data: Dataset) -> list[int]:
    """The classes of the stripes, from left to right."""
    row = data.load("train", 0)[1][0]
    return row[np.flatnonzero(np.diff(row, prepend=300))].tolist()


def complaint(root: Path, values: dict[str, str], **options: Any) -> str:
    with pytest.raises(UserError) as refused:
        opened(root, values, **options).load("train", 0)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_values_become_classes_in_the_order_in_which_the_map_names_them(root, label):
    trees.save_label(label, 7, 8, 33, 11, 255)
    data = opened(root, {"33": "car", "7": "road", "8": "road", "11": "void"})
    assert data.classes == ("car", "road")
    assert shown(data) == [1, 0, IGNORE]


def test_the_order_of_classes_may_be_given(root, label):
    trees.save_label(label, 7, 33)
    values = {"33": "car", "7": "road"}
    assert shown(opened(root, values, classes=["road", "tree", "car"])) == [0, 2]


def test_255_may_be_a_class(root, label):
    trees.save_label(label, 0, 255)
    assert shown(opened(root, {"0": "rest", "255": "object"})) == [0, 1]


def test_a_value_that_is_not_in_the_map_is_named_with_all_others(root, label):
    trees.save_label(label, 7, 3, 9, 255)
    line = complaint(root, {"7": "road", "1": "car", "0": "car"})
    assert str(label) in line
    assert "label values 3, 9: allowed are 0 to 1, 7 and 255 for void" in line
    assert "label value 255: allowed are" in complaint(
        root, {"7": "road", "3": "car", "9": "car"}, ignore=()
    )


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_wide_values_are_mapped(root, label, dtype):
    # PNG has no floats and no 32 bits, but a file's name need not tell what it holds.
    path = trees.save_label(label.with_suffix(".tif"), 1000, 7, 60000, dtype=dtype)
    path.replace(label)
    values = {"60000": "car", "1000": "road", "7": "void"}
    assert shown(opened(root, values)) == [1, IGNORE, 0]
    assert "label value 60000" in complaint(root, {"1000": "road", "7": "car"})


@pytest.mark.parametrize("bad", [0.5, float("nan")])
def test_broken_numbers_are_no_labels(root, label, bad):
    path = trees.save_label(label.with_suffix(".tif"), 0, bad, dtype=np.float32)
    path.replace(label)
    assert f"label value {bad}" in complaint(root, {"0": "road", "1": "car"})


def test_negative_values_may_be_void(root, label):
    trees.save_label(label.with_suffix(".tif"), 0, -1, dtype=np.int32).replace(label)
    assert shown(opened(root, {"0": "road", "1": "car", "-1": "void"})) == [0, IGNORE]


def test_colours_are_mapped_and_give_the_classes_their_colours(root, label):
    trees.save_colours(label, ROAD, SKY, (0, 0, 0))
    values = {"70 130 180": "sky", "128 64 128": "road", "0 0 0": "void", "1 1 1": "road"}
    data = opened(root, values)
    assert shown(data) == [1, 0, IGNORE]
    assert data.palette == (SKY, ROAD)
    trees.save_colours(label, ROAD, (255, 0, 7))
    assert "label colour 255 0 7: allowed are the colours of data.values" in complaint(root, values)


def test_a_picture_as_label_map_is_answered_with_the_value_map(root, label):
    trees.save_colours(label, ROAD, SKY)
    line = complaint(root, {"0": "road", "1": "car"})
    assert str(label) in line
    assert "data.values: {128 64 128: road}" in line


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"7": "rode"}, {"classes": ["road", "car"]}, "no class is called 'rode'; write road, car"),
        ({"seven": "road", "1": "car"}, {}, "'seven' is not a label value"),
        ({"1 2": "road", "1": "car"}, {}, "'1 2' is not a label value"),
        ({"0 0 256": "road", "1": "car"}, {}, "'0 0 256' is not a label value"),
        ({"0 0 1": "road", "1": "car"}, {}, "at least one, and not both"),
        ({}, {"classes": ["road", "car"]}, "at least one, and not both"),
        ({"1": "road", "2": "void"}, {}, "2 to 255 class names are needed, not 1"),
        ({"1": "road", "2": "car"}, {"ignore": (2,)}, "2 is in data.values too"),
        ({"0 0 1": "road", "0 0 2": "car"}, {"ignore": (2,)}, "data.ignore: takes no colours"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(root, values, options, message):
    assert message in complaint(root, values, **options)
