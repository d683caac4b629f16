"""YOLO's data sets: data.yaml, where things lie, and lines that are no polygons."""

from pathlib import Path

import pytest

from proxy_tasks.datasets import Dataset, open_dataset
from proxy_tasks.datasets.base import IGNORE
from search_space.errors import UserError
from tests.support import drawn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return drawn.yolo(tmp_path)


def opened(root: Path, **said: object) -> Dataset:
    return open_dataset("yolo", root=root, **{"uncovered": "void", **said})


def refused(root: Path) -> str:
    with pytest.raises(UserError) as error:
        opened(root)
    assert "\n" not in str(error.value)
    return str(error.value)


def retold(root: Path, before: str, after: str) -> Path:
    path = root / "data.yaml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    return root


def test_boxes_are_refused_in_one_line(root):
    for label in (root / "labels/train").iterdir():
        label.write_text(drawn.yolo_lines() + "0 0.5 0.5 0.25 0.5\n")
    line = refused(root)
    assert "boxes, no areas (3 lines of 3 files have four numbers)" in line
    assert str(root / "labels/train/0.txt") in line


@pytest.mark.parametrize("line", ["9 0 0 1 0 1 1", "0 0 0 1", "0 0 0 1 0 1 1 1 1 1", "road 0"])
def test_lines_that_are_no_polygons_are_one_fault(root, line):
    for name in ("0", "a b"):
        (root / f"labels/train/{name}.txt").write_text(f"{drawn.yolo_lines()}{line}\n")
    told = refused(root)
    assert "0.txt and 1 more have lines that are not polygons: write a class, 0 to 2" in told


def test_an_image_without_a_label_file_shows_nothing_and_that_is_noted(root):
    (root / "labels/train/0.txt").unlink()
    data = opened(root, uncovered="background")
    assert (data.load("train", 0)[1] == 0).all()
    notes = " ".join(data.notes())
    assert "1 images have no label file" in notes
    assert "1 of 5 images has no shape at all: 'background' throughout" in notes


def test_its_fingerprint_follows_the_order_of_names(root):
    before = opened(root, classes=drawn.LABELS).fingerprint("train")
    retold(root, "0: road\n  1: car", "0: car\n  1: road")
    assert opened(root, classes=drawn.LABELS).fingerprint("train") != before


@pytest.mark.parametrize("names", ["names: [road, car, sky]", "names: {0: road, 1: car, 2: sky}"])
def test_names_are_a_list_or_a_map(root, names):
    text = (root / "data.yaml").read_text()
    (root / "data.yaml").write_text(text[: text.index("names:")] + names)
    assert opened(root).classes == drawn.LABELS


def test_lists_of_images_are_read_as_cvat_and_darknet_write_them(root):
    for part, first in (("train", "data/images/train"), ("val", "./images/val")):
        names = drawn.PARTS[part]
        (root / f"{part}.txt").write_text("".join(f"{first}/{name}.png\n" for name in names))
        retold(root, f"{part}: images/{part}", f"{part}: {part}.txt")
    data = opened(root)
    assert (data.count("train"), data.count("val")) == (3, 2)
    (root / "images/train/0.png").unlink()
    assert "names data/images/train/0.png, not found" in refused(root)


def test_several_folders_may_be_one_part(root):
    (root / "images/more").mkdir()
    (root / "images/train/0.png").rename(root / "images/more/0.png")
    (root / "labels/more").mkdir()
    (root / "labels/train/0.txt").rename(root / "labels/more/0.txt")
    retold(root, "train: images/train", "train: [images/train, images/more]")
    data = opened(root)
    assert data.count("train") == 3
    assert data.load("train", 2)[1][0, 0] != IGNORE


def test_a_folder_that_is_not_there_is_named(root):
    assert "says val: images/held, which does not exist" in refused(
        retold(root, "val: images/val", "val: images/held")
    )


@pytest.mark.parametrize("text", ["train: [", "[1]", "train: images/train\n", "names: 5\n"])
def test_a_file_that_is_broken_is_named(root, text):
    (root / "data.yaml").write_text(text)
    assert str(root / "data.yaml") in refused(root)
