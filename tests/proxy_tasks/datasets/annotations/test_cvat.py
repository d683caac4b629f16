"""CVAT's exports: shapes in XML, and masks by labelmap.txt."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proxy_tasks.datasets import Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.base import IGNORE
from search_space.errors import UserError
from tests.support import drawn
from tests.support.trees import HEIGHT, WIDTH, save_colours, save_image

ROAD = '<box label="road" xtl="0" ytl="0" xbr="3" ybr="8" z_order="0"/>'
SPLIT = SplitRule(val="a")


def opened(root: Path, shapes: str = "", **said: Any) -> Dataset:
    for name in "ab":
        save_image(root / "images" / f"{name}.png")
    images = [("a.png", "default"), ("b.png", "")]
    (root / "annotations.xml").write_text(drawn.cvat_xml(images, ROAD + shapes))
    return open_dataset("cvat", root=root, **{"uncovered": "void", "split": SPLIT, **said})


def cars(data: Dataset) -> np.ndarray:
    return data.load("val", 0)[1] == data.classes.index("car")


@pytest.mark.parametrize(
    ("shape", "pixels"),
    [
        ('<polygon label="car" points="4,1;8,1;8,5;4,5"/>', 16),
        ('<box label="car" xtl="4" ytl="1" xbr="8" ybr="5"/>', 16),
        ('<box label="car" xtl="4" ytl="2" xbr="10" ybr="4" rotation="90"/>', 12),
        ('<ellipse label="car" cx="8" cy="4" rx="3" ry="3"/>', pytest.approx(32, abs=1)),
        ('<mask label="car" rle="1, 2, 1, 2" left="5" top="2" width="3" height="2"/>', 4),
    ],
)
def test_areas_of_all_kinds_are_painted(tmp_path, shape, pixels):
    assert cars(opened(tmp_path, shape)).sum() == pixels


def test_masks_count_row_by_row_from_outside(tmp_path):
    shape = '<mask label="car" rle="1, 2, 1, 2" left="5" top="2" width="3" height="2"/>'
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[2:4, 5:8] = [[0, 1, 1], [0, 1, 1]]
    assert np.array_equal(cars(opened(tmp_path, shape)), expected)


def test_z_order_comes_before_the_order_of_the_file(tmp_path):
    boxes = (
        '<box label="car" xtl="4" ytl="0" xbr="8" ybr="8" z_order="2"/>'
        '<box label="sky" xtl="4" ytl="0" xbr="12" ybr="8" z_order="1"/>'
        '<box label="road" xtl="4" ytl="0" xbr="6" ybr="8" z_order="1"/>'
    )
    row = opened(tmp_path, boxes).load("val", 0)[1][0].tolist()
    assert row == [0] * 3 + [IGNORE] + [1] * 4 + [2] * 4


def test_colours_and_order_are_those_of_the_project(tmp_path):
    data = opened(tmp_path)
    assert data.classes == drawn.LABELS
    assert data.palette == tuple(drawn.COLOURS.values())


def test_what_is_no_area_is_left_out_and_counted(tmp_path):
    lines = '<polyline label="car" points="1,1;2,2"/><points label="car" points="1,1"/>'
    data = opened(tmp_path, lines)
    assert any("2 polyline, 2 points" in note for note in data.notes())


def test_videos_are_refused(tmp_path):
    opened(tmp_path)
    path = tmp_path / "annotations.xml"
    path.write_text(path.read_text().replace("<image ", "<track/><image ", 1))
    with pytest.raises(UserError, match="CVAT for images"):
        open_dataset("cvat", root=tmp_path, uncovered="void", split=SPLIT)


@pytest.mark.parametrize(
    ("before", "after"), [("</annotations>", ""), ('height="8"', ""), ('xtl="0"', 'xtl="wide"')]
)
def test_a_file_that_is_broken_is_named(tmp_path, before, after):
    opened(tmp_path)
    path = tmp_path / "annotations.xml"
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(UserError, match=r"annotations\.xml") as refused:
        open_dataset("cvat", root=tmp_path, uncovered="void", split=SPLIT)
    assert "\n" not in str(refused.value)


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return drawn.cvat_masks(tmp_path)


def test_black_is_what_no_shape_covers(masks):
    with pytest.raises(UserError, match=r"labelmap\.txt leaves 25\.0 % of the pixels uncovered"):
        open_dataset("cvat", root=masks)
    data = open_dataset("cvat", root=masks, uncovered="background")
    assert data.classes == ("background", *drawn.LABELS)
    assert data.load("val", 0)[1][0].tolist() == [1] * 3 + [2] * 3 + [3] * 3 + [0] * 3
    assert data.palette[0] == (0, 0, 0)


def test_masks_that_cover_all_need_nothing_said(masks):
    for label in (masks / "SegmentationClass").iterdir():
        save_colours(label, *drawn.COLOURS.values())
    assert open_dataset("cvat", root=masks).classes == drawn.LABELS


def test_labels_of_masks_may_be_joined(masks):
    data = open_dataset("cvat", root=masks, values={"sky": "void"}, uncovered="road")
    assert data.classes == ("road", "car")
    assert data.load("val", 0)[1][0].tolist() == [0] * 3 + [1] * 3 + [IGNORE] * 3 + [0] * 3


def test_a_colour_that_labelmap_lacks_is_named(masks):
    save_colours(masks / "SegmentationClass/0.png", (1, 2, 3))
    with pytest.raises(UserError, match="label colour 1 2 3"):
        open_dataset("cvat", root=masks, uncovered="void").load("train", 0)


def test_an_image_in_two_lists_is_refused(masks):
    (masks / "ImageSets/Segmentation/Validation.txt").write_text("0\n1\n")
    with pytest.raises(UserError, match=r"val has .*0\.png', which train has too"):
        open_dataset("cvat", root=masks, uncovered="void")


def test_a_task_without_parts_is_split_as_the_user_says(masks):
    lists = masks / "ImageSets" / "Segmentation"
    names = "".join(path.read_text() for path in sorted(lists.iterdir()))
    for path in lists.iterdir():
        path.unlink()
    (lists / "default.txt").write_text(names)
    with pytest.raises(UserError, match=r"data\.split\.share"):
        open_dataset("cvat", root=masks, uncovered="void")
    data = open_dataset("cvat", root=masks, uncovered="void", split=SplitRule(val=("1", "10")))
    assert (data.count("train"), data.count("val")) == (3, 2)


def test_masks_have_no_order_any_more(masks):
    with pytest.raises(UserError, match=r"data\.overlap"):
        open_dataset("cvat", root=masks, uncovered="void", overlap="small")
