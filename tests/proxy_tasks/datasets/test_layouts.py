"""Where images and label maps lie, as people and tools lay them out."""

from pathlib import Path
from typing import Any

import pytest

from proxy_tasks.datasets import SPLITS, SplitRule, open_dataset
from proxy_tasks.datasets.files import FileDataset
from search_space.errors import UserError
from tests.support import trees

HALF = SplitRule(share=0.5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Without images yet."""
    (tmp_path / "classes.txt").write_text("road\ncar\nsky\n")
    return tmp_path


def pair(root: Path, image: str, label: str) -> None:
    trees.save_image(root / image)
    trees.save_label(root / label, 0, 1, 2)


def opened(root: Path, split: SplitRule | None = HALF, **options: Any) -> FileDataset:
    data = open_dataset("folder", root=root, split=split, **options)
    assert isinstance(data, FileDataset)
    return data


def found(data: FileDataset) -> dict[str, str]:
    """The label map of each image, below the root."""
    pairs = [pair for split in SPLITS for pair in data.pairs(split)]
    return {data._relative(pair.image): data._relative(pair.label) for pair in pairs}


def complaint(root: Path, split: SplitRule | None = HALF, **options: Any) -> str:
    with pytest.raises(UserError) as refused:
        opened(root, split, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "label",
    [
        "{}.PNG", "{}.tif", "{}.bmp", "{}.webp", "{}_mask.png", "{}_Mask.PNG", "{}-label.png",
        "{}.label.png", "{}_labelIds.png", "{}_gtFine_labelIds.png", "{}_gt.tif", "{}_L.png",
    ],
)  # fmt: skip
@pytest.mark.parametrize("folders", [("images", "labels"), ("", ""), ("images", "images")])
def test_label_maps_are_found_by_what_tools_call_them(root, label, folders):
    names = {f"{name}.jpg": label.format(name) for name in ("a", "b.v2", "a_1")}
    for image, drawn in names.items():
        if label == "{}.webp":
            trees.save_image(root / folders[0] / image)
            path = trees.save_label(root / folders[1] / "x.png", 0)
            trees.Image.open(path).save(root / folders[1] / drawn, lossless=True)
            path.unlink()
        else:
            pair(root, f"./{folders[0]}/{image}", f"./{folders[1]}/{drawn}")
    data = opened(root, strict=False)
    expected = {str(Path(folders[0]) / i): str(Path(folders[1]) / d) for i, d in names.items()}
    assert found(data) == expected
    assert data.faults == data.spare == ()


@pytest.mark.parametrize("images", ["images", "Image", "img", "imgs", "JPEGImages", "rgb"])
@pytest.mark.parametrize(
    "labels", ["labels", "label", "Masks", "mask", "annotations", "gt", "SegmentationClass"]
)
def test_folders_have_the_usual_names(root, images, labels):
    for name in ("a", "b", "c"):
        pair(root, f"{images}/{name}.png", f"{labels}/{name}.png")
    assert len(found(opened(root))) == 3


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("{}/images/x.png", "{}/masks/x.png"),
        ("images/{}/x.png", "labels/{}/x.png"),
        ("{}/x.png", "{}_labels/x.png"),
        ("{}/x.png", "{}annot/x_L.png"),
        ("{}/x.jpg", "{}/x.png"),
        ("{}/north/images/x.png", "{}/north/labels/x.png"),
    ],
)
@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_parts_are_found_with_their_test_part(root, image, label, val):
    for part in ("train", val, "test"):
        pair(root, image.format(part), label.format(part))
    data = opened(root, split=None)
    assert [data.count(part) for part in ("train", "val", "test")] == [1, 1, 1]
    assert data.group("train", 0) == ("north" if "north" in image else "")
    assert val in str(data.pairs("val")[0].image)


def test_images_in_folders_below_are_kept_with_their_scene(tmp_path):
    root = trees.folder(tmp_path)
    for kind in ("images", "labels"):
        (root / "train" / kind / "scene 2").mkdir()
        for name in ("0", "a b"):
            path = root / "train" / kind / f"{name}.png"
            path.rename(path.parent / "scene 2" / path.name)
    pair(root, "train/images/scene 3/0.png", "train/labels/scene 3/0.png")
    data = opened(root, split=None)
    assert {data.image_name("train", i): data.group("train", i) for i in range(4)} == {
        "scene 2__0": "scene 2",
        "a b": "scene 2",
        "scene 3__0": "scene 3",
        "x.v2": "",
    }


def test_label_maps_of_all_scenes_may_lie_in_one_folder(root):
    for scene, name in (("s", "a"), ("t", "b"), ("t", "c")):
        pair(root, f"images/{scene}/{name}.png", f"labels/{name}.png")
    assert found(opened(root, SplitRule(val="s"))) == {
        f"images/{scene}/{name}.png": f"labels/{name}.png"
        for scene, name in (("s", "a"), ("t", "b"), ("t", "c"))
    }
    trees.save_image(root / "images/s/b.png")
    assert "share one label map" in complaint(root)


def test_names_that_several_scenes_have_do_not_collide(tmp_path):
    data = opened(trees.tiles(tmp_path), SplitRule(val="Tile 3", test=("Tile 1", "Tile 4")))
    assert data.image_name("val", 1) == "Tile 3__part_2"
    assert {data.group("test", index) for index in range(4)} == {"Tile 1", "Tile 4"}
    assert len(data.digests("test")) == 8


def test_images_of_no_part_are_told_of(tmp_path):
    root = trees.folder(tmp_path)
    trees.save_image(root / "unlabelled/1.png")
    trees.save_image(root / "unlabelled/2.png")
    assert any("unlabelled has 2 images that are not used" in n for n in opened(root, None).notes())


def test_what_lies_beside_label_maps_and_is_not_read_is_told_of(root):
    for name in ("a", "b"):
        pair(root, f"images/{name}.png", f"labels/{name}_labelIds.png")
        trees.save_image(root / f"labels/{name}_color.png")
    data = opened(root)
    assert data.spare == ()
    assert any("a_color.png and 1 more like it" in note for note in data.notes())
    assert any("are called NAME_labelIds for NAME" in note for note in data.notes())


def test_images_without_labels_are_one_line_that_says_what_is_there(root):
    for name in ("a", "b", "c"):
        pair(root, f"images/{name}.png", f"labels/{name}_drawn_by_me.png")
    line = complaint(root)
    assert "images/a.png and 2 more have no labels" in line
    assert (
        "where a_drawn_by_me.png is meant, write data.labels: '.../{name}_drawn_by_me.png'" in line
    )


def test_a_folder_of_no_known_layout_is_answered_with_what_is_looked_for(root):
    pair(root, "photos/a.jpg", "drawn/a.png")
    line = complaint(root)
    assert "there is classes.txt, drawn, photos" in line
    assert "data.images: '*/photos/*.jpg' and data.labels:" in line


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("*/photos/*.png", "{dir}/../drawn/{name}_x.png"),
        ("*/photos/*.png", "{scene}/drawn/{name}_x.png"),
        ("**/photos/p_*.png", "{scene}/drawn/p_{name}_x.png"),
        ("*/photos/p_[ab].png", "{scene}/drawn/{name}_x.png"),
        ("*/photos/p_?.png", "./{scene}/drawn/{name}_x.png"),
    ],
)
def test_patterns_say_where_images_and_label_maps_lie(root, images, labels):
    for scene in ("s 1", "s 2"):
        for name in ("p_a", "p_b"):
            pair(root, f"{scene}/photos/{name}.png", f"{scene}/drawn/{name}_x.png")
    data = opened(root, SplitRule(val="s 2"), images=images, labels=labels)
    assert found(data) == {
        f"{scene}/photos/{name}.png": f"{scene}/drawn/{name}_x.png"
        for scene in ("s 1", "s 2")
        for name in ("p_a", "p_b")
    }
    assert (data.group("val", 0), data.count("val")) == ("s 2", 2)


def test_patterns_find_parts_too(root):
    for part, number in (("train", 3), ("val", 2), ("test", 1)):
        for index in range(number):
            pair(root, f"{part}/photos/{index}.png", f"{part}/drawn/{index}.png")
    options = {"images": "*/photos/*.png", "labels": "{scene}/drawn/{name}.png"}
    data = opened(root, None, **options)
    assert [data.count(part) for part in ("train", "val", "test")] == [3, 2, 1]
    assert data.group("train", 0) == ""


@pytest.mark.parametrize(
    ("images", "labels", "line"),
    [
        ("a/*.png", "b/{nam}.png", "no {nam} in a pattern; there are {dir}, {scene}, {name}"),
        ("a/*.png", "b/x.png", "'b/x.png' is the same for all images; write {name} in it"),
        ("a/*.jpg", "b/{name}.png", "matches 'a/*.jpg'"),
        ("/a/*.png", "b/{name}.png", "write paths below data.root"),
        ("a/*.png", "c/{name}.png", "a/1.png has no labels"),
        ("a/*.png", None, "give both patterns, or none"),
    ],
)
def test_patterns_that_find_nothing_are_refused(root, images, labels, line):
    pair(root, "a/1.png", "b/1.png")
    assert line in complaint(root, images=images, labels=labels)
