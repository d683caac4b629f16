from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import DATASETS, Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.base import IGNORE, distinct_palette
from proxy_tasks.datasets.catalogue import CATALOGUE
from search_space.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three training images and two others of 12x8 pixels, with classes 0, 1, 2 and 255."""
    (tmp_path / "classes.txt").write_text("road\ncar\nsky\n")
    rng = np.random.default_rng(0)
    for split, number in (("train", 3), ("val", 2)):
        for kind in ("images", "labels"):
            (tmp_path / split / kind).mkdir(parents=True)
        for index in range(number):
            image = rng.integers(0, 256, (8, 12, 3), np.uint8)
            Image.fromarray(image).save(tmp_path / split / "images" / f"{index}.png")
            put_label(tmp_path, rng.choice([0, 1, 2, 255], (8, 12)).astype(np.uint8), split, index)
    return tmp_path


def put_label(root: Path, values: np.ndarray, split: str = "train", index: int = 1) -> Path:
    path = root / split / "labels" / f"{index}.png"
    Image.fromarray(values).save(path)
    return path


def opened(root: Path, **options: Any) -> Dataset:
    return open_dataset("folder", root=root, **options)


def complaint(root: Path, index: int = 1, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        opened(root, **options).load("train", index)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_and_labels_are_matched_by_name(root):
    data = opened(root)
    assert data.classes == ("road", "car", "sky")
    assert (data.count("train"), data.count("val")) == (3, 2)
    image, labels = data.load("train", 2)
    assert np.array_equal(image, np.asarray(Image.open(root / "train/images/2.png")))
    assert np.array_equal(labels, np.asarray(Image.open(root / "train/labels/2.png")))


def test_classes_may_be_given_instead_of_the_file(root):
    (root / "classes.txt").unlink()
    assert open_dataset("folder", root=root, classes=["a", "b", "c"]).classes == ("a", "b", "c")


def test_ignored_values_become_void(root):
    put_label(root, np.array([[0, 1, 2, 7], [7, 9, 255, 1]], np.uint8).repeat(4, 0).repeat(3, 1))
    labels = opened(root, ignore=(7, 9, 255)).load("train", 1)[1]
    assert set(np.unique(labels)) == {0, 1, 2, IGNORE}
    assert (labels == IGNORE).sum() == 4 * 12
    assert "7" in complaint(root)


def test_labels_of_a_palette_image_are_its_indices(root):
    values = np.array([[0, 1, 2, 255]], np.uint8).repeat(8, 0).repeat(3, 1)
    image = Image.fromarray(values, "L").convert("P")
    image.putdata(values.ravel().tolist())
    image.putpalette(list(range(255, -1, -1)) * 3)
    image.save(root / "train/labels/1.png")
    assert np.array_equal(opened(root).load("train", 1)[1], values)


def test_labels_of_sixteen_bits_are_read_whole(root):
    values = np.array([[0, 1, 2, 257]], np.uint16).repeat(8, 0).repeat(3, 1)
    path = put_label(root, values)
    assert set(np.unique(opened(root, ignore=(257,)).load("train", 1)[1])) == {0, 1, 2, IGNORE}
    assert str(path) in complaint(root)
    assert "257" in complaint(root)


def test_what_is_no_image_lies_there_unnoticed(root):
    (root / "train/images/Thumbs.db").write_bytes(b"x")
    (root / "train/images/._0.png").write_bytes(b"x")
    put_label(root, np.zeros((8, 12), np.uint8), index=77)
    assert opened(root).count("train") == 3


@pytest.mark.parametrize("part", ["", "val", "train/images", "val/labels"])
def test_a_missing_folder_is_named(root, part):
    (root / part).rename(root.with_name(f"{root.name}-elsewhere"))
    assert str(root / part) in complaint(root)


def test_an_empty_folder_is_named(root):
    for path in (root / "val/images").iterdir():
        path.unlink()
    assert "has no images" in complaint(root)
    assert str(root / "val/images") in complaint(root)


def test_an_image_without_labels_is_named(root):
    (root / "val/labels/1.png").unlink()
    assert str(root / "val/images/1.png") in complaint(root)
    assert str(root / "val/labels/1.png") in complaint(root)


def test_two_images_of_one_name_are_refused(root):
    Image.new("RGB", (12, 8)).save(root / "train/images/1.jpg")
    assert "1.jpg" in complaint(root)


def test_a_label_outside_the_classes_is_named_with_its_file_and_the_range(root):
    path = put_label(root, np.full((8, 12), 3, np.uint8))
    message = complaint(root)
    assert str(path) in message
    assert "value 3" in message
    assert "0 to 2" in message
    assert "255" in message


@pytest.mark.parametrize("content", [b"", b"not an image", None])
@pytest.mark.parametrize("kind", ["images", "labels"])
def test_a_damaged_file_is_named(root, kind, content):
    path = root / "train" / kind / "1.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    assert str(path) in complaint(root)


def test_sizes_that_differ_are_named(root):
    path = put_label(root, np.zeros((12, 8), np.uint8))
    message = complaint(root)
    assert str(path) in message
    assert "8x12" in message
    assert "12x8" in message


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_labels_in_colour_are_refused(root, mode):
    path = root / "train/labels/1.png"
    Image.new("RGB", (12, 8), (1, 2, 1)).convert(mode).save(path)
    assert str(path) in complaint(root)
    assert "one channel" in complaint(root)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_three_channels_that_are_one_are_read_as_one(root, mode):
    path = root / "train/labels/1.png"
    values = np.asarray(Image.open(path))
    Image.fromarray(values).convert(mode).save(path)
    assert np.array_equal(opened(root).load("train", 1)[1], values)


@pytest.mark.parametrize(
    "text", ["", "road\n", "road\ncar\nroad\n", "\n".join(map(str, range(256)))]
)
def test_class_names_that_cannot_be_used_are_refused(root, text):
    (root / "classes.txt").write_text(text)
    assert "classes.txt" in complaint(root)


def test_a_missing_class_file_is_named(root):
    (root / "classes.txt").unlink()
    assert str(root / "classes.txt") in complaint(root)


def test_the_fingerprint_follows_what_labels_mean(root):
    meanings = [
        {},
        {"classes": ["a", "b", "c"]},
        {"ignore": (7,)},
        {"values": {"0": "road", "1": "car"}},
        {"values": {"0": "car", "1": "road"}},
    ]
    assert len({opened(root, **options).fingerprint("train") for options in meanings}) == 5


def test_camvid_has_eleven_classes_and_void_is_eleven(root):
    put_label(root, np.array([[0, 10, 11]], np.uint8).repeat(8, 0).repeat(4, 1))
    data = open_dataset("camvid", root=root)
    assert (len(data.classes), len(set(data.palette)), data.name) == (11, 11, "camvid")
    assert set(np.unique(data.load("train", 1)[1])) == {0, 10, IGNORE}


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UserError) as caught:
        open_dataset("cityscape")
    assert all(name in str(caught.value) for name in ("cityscape", *DATASETS))


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "scenes"])
def test_a_missing_root_is_asked_for(name):
    with pytest.raises(UserError, match="needs root"):
        open_dataset(name)


OPTIONS: dict[str, Any] = {
    "classes": ["a", "b"],
    "ignore": (7,),
    "values": {"1": "a"},
    "split": SplitRule(share=0.5),
    "images": "*/images/*.png",
    "labels": "{dir}/../labels/{name}.png",
    "exif": "raw",
}


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("option", ["root", *OPTIONS])
def test_options_without_a_use_are_refused(root, name, option):
    given = {"root": root, option: OPTIONS.get(option, root)}
    if name == "scenes" and option != "root":
        del given["root"]
    try:
        open_dataset(name, **given)
        refused = False
    except UserError as error:
        refused = f"takes no {option}" in str(error)
    assert refused == (option not in CATALOGUE[name].takes)


def test_every_class_has_a_colour_of_its_own():
    assert len(set(distinct_palette(255))) == 255
