"""COCO files: forms of outlines, categories, and where images lie."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_masks

from proxy_tasks.datasets import Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.base import IGNORE
from search_space.errors import UserError
from tests.support import drawn
from tests.support.trees import HEIGHT, WIDTH, save_image

ROAD, CAR, SKY = 3, 7, 90
NAMES = ("a.png", "b.png", "c.png")
SHARE = SplitRule(val=("a",))


def bits() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[2:6, 3:9] = 1
    mask[3:5, 5:7] = 0
    return mask


def written(root: Path, content: dict[str, Any], name: str = "annotations.json") -> Path:
    drawn.write_json(root / name, content)
    for each in content["images"]:
        save_image(root / "images" / each["file_name"])
    return root


def opened(root: Path, *segmentations: tuple[int, Any], **said: Any) -> Dataset:
    content = drawn.coco_content(NAMES, segmentations or None)
    said = {"uncovered": "void", "split": SHARE, **said}
    return open_dataset("coco", root=written(root, content), **said)


def refused(root: Path, content: dict[str, Any], **said: Any) -> str:
    written(root, content)
    with pytest.raises(UserError) as error:
        open_dataset("coco", root=root, **{"uncovered": "void", "split": SHARE, **said})
    assert "\n" not in str(error.value)
    return str(error.value)


def runs(compressed: bool) -> dict[str, Any]:
    packed = coco_masks.encode(np.asfortranarray(bits()))
    if compressed:
        return {"size": list(packed["size"]), "counts": packed["counts"].decode()}
    changes = np.flatnonzero(np.diff(bits().ravel("F"), prepend=0, append=2))
    return {"size": [HEIGHT, WIDTH], "counts": np.diff(changes, prepend=0).tolist()}


@pytest.mark.parametrize("compressed", [True, False])
def test_masks_are_read_packed_and_as_counts(tmp_path, compressed):
    labels = opened(tmp_path, (CAR, runs(compressed))).load("val", 0)[1]
    assert np.array_equal(labels, np.where(bits(), 1, IGNORE))


def test_a_crowd_is_its_class_like_any_other(tmp_path):
    content = drawn.coco_content(NAMES, [(CAR, runs(False))])
    for each in content["annotations"]:
        each["iscrowd"] = 1
    data = open_dataset("coco", root=written(tmp_path, content), uncovered="void", split=SHARE)
    assert (data.load("val", 0)[1] == 1).sum() == bits().sum()


def test_rings_of_one_annotation_are_one_area(tmp_path):
    two = [drawn.ring((0, 0, 4, 4)), drawn.ring((2, 2, 6, 6))]
    data = opened(tmp_path, (SKY, two))
    assert (data.load("val", 0)[1] == 2).sum() == 16 + 16 - 4


def test_classes_stand_in_the_order_of_their_ids(tmp_path):
    content = drawn.coco_content(NAMES)
    assert [each["id"] for each in content["categories"]] == [SKY, CAR, ROAD]
    data = open_dataset("coco", root=written(tmp_path, content), uncovered="void", split=SHARE)
    assert data.classes == ("road", "car", "sky")


def test_later_annotations_lie_on_top_or_small_ones(tmp_path):
    small, large = [drawn.ring((2, 2, 6, 6))], [drawn.ring((0, 0, 12, 8))]
    shapes = ((CAR, small), (ROAD, large))
    assert (opened(tmp_path, *shapes).load("val", 0)[1] == 0).all()
    assert (opened(tmp_path, *shapes, overlap="small").load("val", 0)[1] == 1).sum() == 16


def test_roboflows_heading_is_left_out_with_a_note(tmp_path):
    data = open_dataset("coco", root=drawn.roboflow(tmp_path), uncovered="void")
    assert data.classes == ("road", "car", "sky")
    assert any("'streets'" in note for note in data.notes())


def test_a_heading_with_shapes_of_its_own_is_a_class(tmp_path):
    root = drawn.roboflow(tmp_path)
    path = root / "valid/_annotations.coco.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["category_id"] = 0
    drawn.write_json(path, content)
    data = open_dataset("coco", root=root, uncovered="void")
    assert data.classes == ("streets", "road", "car", "sky")


def test_the_tools_test_part_is_the_test_part(tmp_path):
    root = drawn.roboflow(tmp_path)
    (root / "valid").rename(root / "test")
    with pytest.raises(UserError, match="nothing to validate on"):
        open_dataset("coco", root=root, uncovered="void")
    data = open_dataset("coco", root=root, uncovered="void", split=SplitRule(val="x.v2"))
    assert [data.count(part) for part in ("train", "val", "test")] == [2, 1, 2]


def test_a_split_is_taken_as_the_tool_made_it(tmp_path):
    with pytest.raises(UserError, match="already"):
        open_dataset(
            "coco", root=drawn.coco(tmp_path), uncovered="void", split=SplitRule(share=0.5)
        )


def test_boxes_alone_are_refused_and_some_are_noted(tmp_path):
    content = drawn.coco_content(NAMES)
    content["annotations"][0]["segmentation"] = []
    content["annotations"][1]["segmentation"] = [[1, 1, 5, 5]]
    root = written(tmp_path, content)
    notes = open_dataset("coco", root=root, uncovered="void", split=SHARE).notes()
    assert any("1 with a box but no outline, 1 of less than three points" in n for n in notes)
    for each in content["annotations"]:
        del each["segmentation"]
    assert "has boxes, no outlines (9 annotations)" in refused(tmp_path, content)


def test_images_that_are_not_there_are_one_fault(tmp_path):
    content = drawn.coco_content(NAMES)
    written(tmp_path, content)
    for name in NAMES[1:]:
        (tmp_path / "images" / name).unlink()
    data = open_dataset("coco", root=tmp_path, uncovered="void", split=SHARE, strict=False)
    assert [str(fault) for fault in data.faults if "not found" in fault.what] == [
        f"{tmp_path / 'annotations.json'} names b.png and 1 more, not found: put the images beside"
        " it or in images/"
    ]


def test_annotations_of_nothing_are_counted(tmp_path):
    content = drawn.coco_content(NAMES)
    for each in content["annotations"][:2]:
        each["image_id"] = 5
    for each in content["annotations"][2:5]:
        each["category_id"] = 4
    data = open_dataset(
        "coco", root=written(tmp_path, content), uncovered="void", split=SHARE, strict=False
    )
    said = " ".join(map(str, data.faults))
    assert "2 annotations of images that it does not list" in said
    assert "3 annotations of categories that it does not list: 4" in said


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"size": [4, 4], "counts": [16]}, "a mask of 4x4 for an image of 8x12"),
        ({"size": [HEIGHT, WIDTH], "counts": [3, 4]}, "counts 7 pixels"),
        ([["a"]], "not a COCO file of instances"),
    ],
)
def test_outlines_that_cannot_be_are_refused(tmp_path, broken, told):
    assert told in refused(tmp_path, drawn.coco_content(NAMES, [(CAR, broken)]))


def test_a_mask_that_is_damaged_is_told_when_it_is_read(tmp_path):
    data = opened(tmp_path, (CAR, {"size": [HEIGHT, WIDTH], "counts": "35d?"}))
    with pytest.raises(UserError, match=r"broken mask for a\.png"):
        data.load("val", 0)


def test_scenes_in_file_names_are_kept_apart(tmp_path):
    names = [f"{scene}/{place}.png" for scene in ("north", "south") for place in range(2)]
    content = drawn.coco_content(names)
    rule = SplitRule(val="south")
    data = open_dataset("coco", root=written(tmp_path, content), uncovered="void", split=rule)
    assert [data.group("val", index) for index in range(data.count("val"))] == ["south", "south"]
    assert data.image_name("train", 0) != data.image_name("val", 0)


def test_other_files_of_cocos_are_left_alone(tmp_path):
    root = drawn.coco(tmp_path)
    drawn.write_json(root / "annotations/captions_val2017.json", {"images": [], "annotations": []})
    assert open_dataset("coco", root=root, uncovered="void").count("val") == 2
