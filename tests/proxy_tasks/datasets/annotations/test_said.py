"""What is said of shapes as a whole: uncovered pixels, overlaps, labels, and EXIF."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import Dataset, open_dataset
from proxy_tasks.datasets.annotations import annotated
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.fingerprint import fingerprint
from search_space.errors import UserError
from tests.support import drawn
from tests.support.trees import HEIGHT, WIDTH

ROAD, CAR, SKY = 3, 7, 90
WHOLE = [drawn.ring((0, 0, WIDTH, HEIGHT))]


def rewritten(root: Path, part: str, *shapes: tuple[int, Any]) -> Path:
    content = drawn.coco_content([f"{name}.png" for name in drawn.PARTS[part]], shapes)
    drawn.write_json(root / f"annotations/instances_{part}2017.json", content)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return drawn.coco(tmp_path)


def opened(root: Path, **said: Any) -> Dataset:
    return open_dataset("coco", root=root, **said)


def test_uncovered_pixels_are_refused_with_their_share_and_both_choices(root):
    with pytest.raises(UserError) as refused:
        opened(root)
    line = str(refused.value)
    assert "leaves 25.0 % of the pixels uncovered (in 5 images)" in line
    assert "data.uncovered: background" in line
    assert "data.uncovered: void" in line
    assert "\n" not in line


def test_they_are_one_fault_of_a_whole_data_set(root):
    found = fingerprint(opened(root, strict=False))
    assert len(found.faults) == 1
    assert "uncovered" in str(found.faults[0])


def test_where_shapes_cover_all_nothing_needs_saying(root):
    for part in drawn.PARTS:
        rewritten(root, part, (SKY, WHOLE), (ROAD, [drawn.ring((0, 0, 4, 4))]))
    data = opened(root)
    assert data.classes == drawn.LABELS
    assert (data.load("val", 0)[1] == 2).sum() == HEIGHT * WIDTH - 16


def test_what_a_sample_does_not_show_is_a_fault_when_it_is_read(root, monkeypatch):
    monkeypatch.setattr(annotated, "FEW", 1)
    rewritten(root, "train", (SKY, WHOLE))
    data = opened(root)
    data.load("train", 0)
    found = fingerprint(data).wrong
    assert [str(fault).partition(":")[0] for fault in found] == [
        f"{root / 'val2017/0.png'} and 1 more have pixels that no shape covers"
    ]


def test_overlaps_are_counted_with_the_rule_and_the_other(root):
    rewritten(root, "val", (SKY, WHOLE), (ROAD, [drawn.ring((0, 0, 4, 3))]))
    said = {"uncovered": "void"}
    (note,) = opened(root, **said).notes()
    assert note.startswith("2 of 5 images have overlapping shapes of different classes (5.0 % of")
    assert "later ones in the file lie on top; data.overlap: small" in note
    assert note in fingerprint(opened(root, **said)).notes
    (note,) = opened(root, overlap="small", **said).notes()
    assert "small ones lie on top" in note


def test_shapes_of_one_class_may_overlap(root):
    rewritten(root, "val", (SKY, WHOLE), (SKY, [drawn.ring((0, 0, 4, 3))]))
    assert opened(root, uncovered="void").notes() == ()


def test_labels_that_the_users_classes_lack_are_one_line_to_paste(root):
    with pytest.raises(UserError) as refused:
        opened(root, classes=("car", "road"), uncovered="void")
    line = str(refused.value)
    assert "has 5 shapes with labels that data.classes lacks ('sky' 5)" in line
    assert "data.values: {sky: void}" in line
    data = opened(root, classes=("car", "road"), values={"sky": "void"}, uncovered="void")
    assert set(np.unique(data.load("val", 0)[1])) == {0, 1, IGNORE}


def test_what_is_said_is_part_of_the_fingerprint(root):
    prints = {
        opened(root, **said).fingerprint("train")
        for said in (
            {"uncovered": "void"},
            {"uncovered": "background"},
            {"uncovered": "road"},
            {"uncovered": "void", "overlap": "small"},
            {"uncovered": "void", "values": {"sky": "void"}},
            {"uncovered": "void", "classes": ("sky", "car", "road")},
        )
    }
    assert len(prints) == 6


@pytest.mark.parametrize("stored", [True, False])
def test_shapes_on_photographs_that_exif_turns_lie_right_whatever_they_were_drawn_on(root, stored):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    size = (WIDTH, HEIGHT) if stored else (HEIGHT, WIDTH)
    for path in root.glob("*2017/*.png"):
        Image.new("RGB", size).save(path, exif=exif)
    labels = opened(root, uncovered="void").load("val", 0)[1]
    if stored:  # upright stripes come to lie across
        assert labels[:, 0].tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [IGNORE] * 3
    else:
        assert labels[0].tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [IGNORE] * 3


def test_an_unknown_order_is_refused(root):
    with pytest.raises(UserError, match=r"data\.overlap: write file or small, not 'large'"):
        opened(root, uncovered="void", overlap="large")
