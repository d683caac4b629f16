"""Labelme's label files: kinds of shapes, its own words, and where images lie."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.annotations import detect
from proxy_tasks.datasets.base import IGNORE
from search_space.errors import UserError
from tests.support import drawn
from tests.support.trees import HEIGHT, WIDTH, save_image

SPLIT = SplitRule(val="a")


def shape(kind: str, *points: tuple[float, float], label: str = "car", **more: Any) -> dict:
    return {"label": label, "shape_type": kind, "points": list(points), **more}


ROAD = shape("rectangle", (0, 0), (3, 8), label="road")


def written(root: Path, *shapes: dict, names: tuple[str, ...] = ("a", "b")) -> Path:
    for name in names:
        save_image(root / f"{name}.png")
        content = drawn.labelme_content(f"{name}.png", [ROAD, *shapes])
        drawn.write_json(root / f"{name}.json", content)
    return root


def opened(root: Path, **said: Any) -> Dataset:
    return open_dataset("labelme", root=root, **{"uncovered": "void", "split": SPLIT, **said})


def area(root: Path, each: dict) -> int:
    """Pixels of the car."""
    data = opened(written(root, each))
    return int((data.load("val", 0)[1] == data.classes.index("car")).sum())


def mask(bits: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(bits.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("each", "pixels"),
    [
        (shape("polygon", (4, 1), (8, 1), (8, 5), (4, 5)), 16),
        (shape("rectangle", (8, 5), (4, 1)), 16),
        (shape("rectangle", (4, 1), (8, 1), (8, 5), (4, 5)), 16),
        (shape("oriented_rectangle", (4, 1), (8, 1), (8, 5), (4, 5)), 16),
        (shape("circle", (8, 4), (8, 7)), pytest.approx(32, abs=1)),
        (shape("mask", (5, 2), (7, 3), mask=mask(np.eye(2, 3))), 2),
    ],
)
def test_areas_of_all_kinds_are_painted(tmp_path, each, pixels):
    assert area(tmp_path, each) == pixels


def test_a_shape_without_a_kind_is_a_polygon(tmp_path):
    old = shape("", (4, 1), (8, 1), (8, 5), (4, 5))
    del old["shape_type"]
    assert area(tmp_path, old) == 16


def test_what_is_no_area_is_left_out_and_counted(tmp_path):
    others = [
        shape("line", (4, 1), (8, 1)),
        shape("linestrip", (4, 1), (8, 1), (8, 3)),
        shape("point", (4, 1)),
        shape("polygon", (4, 1), (8, 1)),
    ]
    data = opened(written(tmp_path, *others, shape("rectangle", (4, 1), (8, 5))))
    note = next(note for note in data.notes() if "no area" in note)
    assert all(f"2 {kind}" in note for kind in ("line", "linestrip", "point", "of less than three"))
    assert (data.load("val", 0)[1] == data.classes.index("car")).sum() == 16


def test_its_own_words_mean_background_and_void(tmp_path):
    corners = ((0, 0), (12, 8))
    back = shape("rectangle", *corners, label="_background_")
    ignored = shape("rectangle", (6, 0), (12, 8), label="__ignore__")
    root = written(tmp_path, back, ignored)
    data = opened(root, uncovered=None, overlap="small")
    assert data.classes == ("background", "road")
    row = data.load("val", 0)[1][0].tolist()
    assert row == [1] * 3 + [0] * 3 + [IGNORE] * 6


def test_labels_txt_gives_the_order(tmp_path):
    written(tmp_path, shape("rectangle", (4, 1), (8, 5)))
    assert opened(tmp_path).classes == ("car", "road")
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\nroad\ncar\nbus\n")
    assert opened(tmp_path).classes == ("background", "road", "car", "bus")


@pytest.mark.parametrize("written_as", ["../photos/a.png", "..\\photos\\a.png", "gone/a.png"])
def test_images_are_found_where_image_path_says_or_beside(tmp_path, written_as):
    written(tmp_path / "drawn", shape("rectangle", (4, 1), (8, 5)))
    place = "photos" if "photos" in written_as else "drawn"
    (tmp_path / "photos").mkdir()
    (tmp_path / "drawn/a.png").rename(tmp_path / place / "a.png")
    path = tmp_path / "drawn/a.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "imagePath": written_as}))
    data = opened(tmp_path)
    assert data.pairs("val")[0].image == tmp_path / place / "a.png"


@pytest.mark.parametrize("inside", [False, True])
def test_images_that_are_not_there_are_one_line(tmp_path, inside):
    root = written(tmp_path, shape("rectangle", (4, 1), (8, 5)), names=("a", "b", "c", "d"))
    for name in "ab":
        (root / f"{name}.png").unlink()
        path = root / f"{name}.json"
        data = base64.b64encode(b"pixels").decode() if inside else None
        path.write_text(json.dumps({**json.loads(path.read_text()), "imageData": data}))
    with pytest.raises(UserError) as refused:
        opened(root, split=SplitRule(val="d"))
    assert str(refused.value).startswith(f"{root / 'a.json'} and 1 more name images that do not")
    assert ("labelme_export_json" in str(refused.value)) == inside


def test_images_without_a_label_file_are_left_out_with_a_note(tmp_path):
    root = written(tmp_path, shape("rectangle", (4, 1), (8, 5)))
    save_image(root / "c.png")
    data = opened(root)
    assert data.count("train") == 1
    assert (
        f"1 images have no label file and are left out, the first {root / 'c.png'}" in data.notes()
    )


def test_a_label_file_that_is_none_is_named(tmp_path):
    root = written(tmp_path, shape("rectangle", (4, 1), (8, 5)))
    (root / "b.json").write_text('{"shapes": [{}], "imagePath": "b.png"}')
    data = opened(root, split=SplitRule(share=0.5), strict=False)
    assert any(f.path == root / "b.json" and "imageHeight" in f.what for f in data.faults)
    (root / "b.json").write_text('{"shapes": ')
    with pytest.raises(UserError, match=r"b\.json is not JSON"):
        opened(root)


def test_a_mask_that_is_no_picture_is_named(tmp_path):
    root = written(tmp_path, shape("mask", (1, 1), (2, 2), mask="AAAA"))
    with pytest.raises(UserError, match=r"a\.json is not a label file .* a mask is not a picture"):
        opened(root)


def test_scene_folders_are_told_apart_whatever_they_are_called(tmp_path):
    for scene in ("test field", "meadow"):
        written(tmp_path / scene, shape("rectangle", (4, 1), (8, 5)))
    assert detect(tmp_path) == "labelme"
    data = opened(tmp_path, split=SplitRule(val="meadow"))
    assert [data.group(part, 0) for part in ("train", "val")] == ["test field", "meadow"]
    assert [data.count(part) for part in ("train", "val", "test")] == [2, 2, 0]


def test_shapes_are_drawn_for_one_size(tmp_path):
    root = written(tmp_path, shape("rectangle", (4, 1), (8, 5)), names=("a", "b", "c"))
    for name in "abc":
        Image.new("RGB", (WIDTH * 2, HEIGHT * 2)).save(root / f"{name}.png")
    data = opened(root)
    with pytest.raises(UserError, match="is 16x24 but its shapes were drawn on 8x12"):
        data.load("val", 0)
