"""A mistake made in many files is one line, with what mends all of them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import IGNORE, SplitRule, open_dataset
from proxy_tasks.datasets.faults import UNLISTED, UNNAMED, Fault, Faults, systematic
from proxy_tasks.datasets.fingerprint import fingerprint
from search_space.errors import UserError
from tests.support import trees


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trees.folder(tmp_path)


def labels(root: Path) -> list[Path]:
    return sorted(root.glob("*/labels/*.png"))


def lines(root: Path, **options: Any) -> list[str]:
    """As `nas data check` has them."""
    found = fingerprint(open_dataset("folder", root=root, strict=False, **options))
    return [str(fault) for fault in found.wrong]


def fault(number: int, **values: int) -> Fault:
    return Fault(
        Path(f"{number}.png"),
        "is odd",
        kind="odd",
        summary="are odd",
        mend=f"write {{{UNLISTED}}} or {{{UNNAMED}}}",
        values={key.strip("v"): pixels for key, pixels in values.items()},
    )


def test_faults_of_one_kind_are_counted_and_the_others_stay():
    other = Fault(Path("x"), "is missing")
    found = systematic(
        [other, fault(1, v10=5, v2=1), Fault(Path("y"), "is missing"), fault(2, v2=3)]
    )
    assert [str(each) for each in found] == [
        "x is missing",
        "1.png and 1 more are odd: 2 (in 2, 4 pixels), 10 (in 1, 5 pixels):"
        " write {2: void, 10: void} or {2: class_1, 10: class_2}",
        "y is missing",
    ]
    assert [each.number for each in found] == [1, 2, 1]


def test_folding_again_keeps_the_count():
    once = systematic([fault(1, v2=1), fault(2, v2=1)])
    assert str(systematic([*once, fault(3, v2=1)])[0]).startswith(
        "1.png and 2 more are odd: 2 (in 3, 3"
    )


def test_a_fault_alone_is_told_as_it_is():
    assert [str(each) for each in systematic([fault(1, v2=1)])] == ["1.png is odd"]


def test_faults_travel_between_processes():
    sent = pickle.loads(pickle.dumps(Faults([fault(1, v2=1)]))).faults[0]
    assert (str(sent), sent.kind, sent.values) == ("1.png is odd", "odd", {"2": 1})


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_masks_of_0_and_255_are_no_void(root, mode):
    for path in labels(root):
        trees.save_label(path, 0, 255)
        image = Image.open(path)
        if mode == "P":
            image.putpalette([index // 3 for index in range(768)])
        (image if mode == "P" else image.convert(mode)).save(path)
    (root / "classes.txt").write_text("ground\nroad\n")
    with pytest.raises(UserError) as refused:
        open_dataset("folder", root=root)
    line = "5 label maps hold only 0 and 255, and 255 is void unless you say otherwise;"
    assert f"{line} write data.values: {{0: ground, 255: road}}" in str(refused.value)
    assert sum(line in each for each in lines(root)) == 1
    data = open_dataset("folder", root=root, values={"0": "ground", "255": "road"})
    assert set(np.unique(data.load("train", 0)[1])) == {0, 1}


@pytest.mark.parametrize(
    ("first", "others"), [((0, 1), (0, 255)), ((0,), (0,)), ((255,), (255,)), ((0, 1), (0, 1))]
)
def test_void_stays_void_where_masks_have_classes(root, first, others):
    """One map with another value is enough; and a set without both is no binary one."""
    for path in labels(root):
        trees.save_label(path, *others)
    trees.save_label(labels(root)[2], *first)
    data: Any = open_dataset("folder", root=root)
    assert data.whole_faults() == []
    assert data.load("train", 0)[1].max() == (IGNORE if 255 in others else max(others))


def test_label_maps_that_are_jpegs_are_told_of_once(root):
    for path in labels(root):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    (line,) = lines(root)
    assert "0.jpg and 4 more are label maps stored as JPEGs" in line
    assert "save them as PNG" in line


def test_values_without_a_meaning_are_one_line_with_the_map_to_paste(root):
    trees.save_label(labels(root)[0], 0, 3)
    trees.save_label(labels(root)[1], 0, 1, 3, 7)
    (line,) = lines(root)
    assert (
        "and 1 more have label values without a meaning: 3 (in 2, 72 pixels), 7 (in 1, 24" in line
    )
    pasted = "{0: road, 1: car, 2: sky, 255: void, 3: void, 7: void}"
    assert f"write data.values: {pasted}" in line
    values = dict(each.split(": ") for each in pasted[1:-1].split(", "))
    assert lines(root, values=values) == []


def test_a_stray_colour_is_one_line_with_the_map_to_paste(root):
    colours = {"128 0 0": "road", "0 128 0": "sky"}
    for index, path in enumerate(labels(root)):
        trees.save_colours(path, (128, 0, 0), (0, 128, 0), *([(0, 0, 0)] if index < 2 else []))
    options = {"values": colours, "classes": ["road", "sky"]}
    (line,) = lines(root, **options)
    assert "and 1 more have label colours without a meaning: 0 0 0 (in 2, 64 pixels)" in line
    assert "write data.values: {128 0 0: road, 0 128 0: sky, 0 0 0: void}" in line
    assert lines(root, **{**options, "values": {**colours, "0 0 0": "void"}}) == []


def test_rgb_and_palette_label_maps_may_lie_in_one_set(root):
    colours = {"255 255 255": "road", "254 254 254": "sky"}
    first, *others = labels(root)
    trees.save_palette(first, 0, 1)
    for path in others:
        trees.save_colours(path, (255, 255, 255), (254, 254, 254))
    data = open_dataset("folder", root=root, values=colours, classes=["road", "sky"])
    row, same = (data.load("train", index)[1][0] for index in (0, 1))
    assert np.array_equal(row, same)


def test_pictures_as_label_maps_are_one_line_with_their_colours(root):
    for path in labels(root):
        trees.save_colours(path, (128, 0, 0), (0, 128, 0))
    (line,) = lines(root)
    assert "and 4 more are label maps in colours, but no colour has a meaning" in line
    assert "data.values: {0 128 0: class_1, 128 0 0: class_2}" in line


def test_a_part_without_a_labelled_pixel_is_a_fault(root):
    for path in root.glob("val/labels/*.png"):
        trees.save_label(path, 255)
    assert lines(root) == ["val has no labelled pixel: all its label maps are void throughout"]


def test_what_many_images_lack_is_told_once(tmp_path):
    root = trees.unsplit(tmp_path)
    for path in (root / "labels").iterdir():
        if path.stem > "002":
            path.unlink()
    (line, *others) = lines(root, split=SplitRule(share=0.5))
    assert "003.png and 26 more have no labels" in line
    assert not [each for each in others if "no labels" in each]
