"""Files that name classes, as people and labelling tools write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proxy_tasks.datasets import IGNORE, open_dataset
from search_space.errors import UserError
from tests.support import trees

CVAT = "# label:color_rgb:parts:actions\nroad:0,0,0::\ncar:128,0,0::wheel\nsky:0,128,0::\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trees.folder(tmp_path)


def opened(root: Path, text: str, name: str = "classes.txt", **options: Any) -> Any:
    (root / "classes.txt").unlink()
    (root / name).write_text(text)
    return open_dataset("folder", root=root, **options)


def shown(data: Any) -> list[int]:
    """The classes of the first map's stripes, from left to right."""
    row = data.load("train", 0)[1][0]
    return row[np.flatnonzero(np.diff(row, prepend=300))].tolist()


def relabel(root: Path, *values: int) -> None:
    for path in root.glob("*/labels/*.png"):
        trees.save_label(path, *values)


def test_one_name_a_line_with_a_comment_on_top(root):
    data = opened(root, "# our classes\nroad\ncar\nsky\n\n\n")
    assert data.classes == ("road", "car", "sky")
    assert data.notes() == ()


def test_a_blank_line_between_names_is_never_skipped(root):
    with pytest.raises(UserError) as refused:
        opened(root, "road\n\ncar\nsky\n")
    line = str(refused.value)
    assert "line 2 is blank" in line
    assert "write data.values: {0: road, 2: car, 3: sky}" in line
    relabel(root, 0, 2, 3, 255)
    values = {"0": "road", "2": "car", "3": "sky"}
    data = open_dataset("folder", root=root, values=values)
    assert data.classes == ("road", "car", "sky")
    assert shown(data) == [0, 1, 2, IGNORE]


@pytest.mark.parametrize("between", [" ", ": ", ",", "\t", " - ", ". "])
def test_numbers_before_names_are_label_values(root, between):
    relabel(root, 4, 7, 9, 255)
    data = opened(root, "4_road\n7_car\n9_sky\n".replace("_", between))
    assert data.classes == ("road", "car", "sky")
    assert shown(data) == [0, 1, 2, IGNORE]
    assert any("gives the label value of each class" in note for note in data.notes())


def test_numbers_that_begin_some_names_are_no_label_values(root):
    assert opened(root, "road\n2 wheeler\n4 wheeler\n").classes == (
        "road",
        "2 wheeler",
        "4 wheeler",
    )


def test_a_number_that_stands_twice_is_refused(root):
    with pytest.raises(UserError, match="the label value 1 is given twice"):
        opened(root, "0 road\n1 car\n1 sky\n")


@pytest.mark.parametrize("name", ["classes.txt", "labels.txt"])
def test_labelme_counts_from_the_line_after_void(root, name):
    data = opened(root, "__ignore__\n_background_\ncar\nsky\n", name)
    assert data.classes == ("_background_", "car", "sky")
    assert shown(data) == [0, 1, 2, IGNORE]
    assert any("read as labelme's" in note for note in data.notes())


def test_labelmes_void_is_minus_one_where_values_have_a_sign(root):
    path = root / "train/labels/0.png"
    trees.save_label(path.with_suffix(".tif"), 2, -1, dtype=np.int32).replace(path)
    assert shown(opened(root, "__ignore__\n_background_\ncar\nsky\n")) == [2, IGNORE]


def test_labelmes_void_stands_on_the_first_line(root):
    with pytest.raises(UserError, match="stands for -1: write it on the first line"):
        opened(root, "_background_\n__ignore__\ncar\n")


@pytest.mark.parametrize("name", ["classes.txt", "labelmap.txt"])
def test_cvats_labelmap_gives_colours_to_masks_that_have_them(root, name):
    for path in root.glob("*/labels/*.png"):
        trees.save_colours(path, (128, 0, 0), (0, 128, 0), (0, 0, 0))
    data = opened(root, CVAT, name)
    assert data.classes == ("road", "car", "sky")
    assert data.palette == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert shown(data) == [1, 2, 0]


def test_cvats_labelmap_gives_names_alone_to_masks_of_indices(root):
    data = opened(root, CVAT)
    assert data.classes == ("road", "car", "sky")
    assert shown(data) == [0, 1, 2, IGNORE]


def test_colours_before_names_are_colours(root):
    for path in root.glob("*/labels/*.png"):
        trees.save_colours(path, (128, 0, 0), (0, 128, 0))
    data = opened(root, "0 0 0 road\n128 0 0\tcar\n0,128,0, sky\n")
    assert data.classes == ("road", "car", "sky")
    assert shown(data) == [1, 2]


def test_palettes_are_colours_where_they_are_those_of_the_labelmap(root):
    for path in root.glob("*/labels/*.png"):
        trees.save_palette(path, 0, 2, 1)
    assert shown(opened(root, CVAT)) == [0, 2, 1]
    for path in root.glob("*/labels/*.png"):
        image = trees.Image.open(path)
        image.putpalette([0, 128, 0, 0, 0, 0, 128, 0, 0])
        image.save(path)
    assert shown(open_dataset("folder", root=root)) == [2, 1, 0]


def test_what_the_user_says_comes_first(root):
    values = {"0": "car", "1": "road", "2": "void"}
    data = opened(root, CVAT, values=values, classes=["road", "car"])
    assert shown(data) == [1, 0, IGNORE]
