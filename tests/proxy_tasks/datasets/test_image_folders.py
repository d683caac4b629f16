"""Folders of images to pretrain on: which images there are, of which class, and which are held
out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets.image_folders import ImageFolders
from search_space.errors import UserError
from tests.support.picture_folders import classes, imagenet, pictures


def opened(root: Path, val: Path | None = None, labelled: bool = True, share: float = 0.25):
    return ImageFolders.open(root, val, labelled, share)


def names(found: ImageFolders, part: str) -> list[str]:
    files = getattr(found, part).files
    return [f"{path.parent.name}/{path.stem}" for path in files]


def test_imagenets_layout_has_its_own_part_to_validate_on(tmp_path):
    found = opened(imagenet(tmp_path, train=2, val=1))
    assert found.names == ("blue", "green", "red")
    assert found.train.targets == (0, 0, 1, 1, 2, 2)
    assert found.val.targets == (0, 1, 2)
    assert all("val" in path.parts for path in found.val.files)
    assert all("train" in path.parts for path in found.train.files)


def test_of_a_folder_for_each_class_the_last_of_each_are_held_out(tmp_path):
    found = opened(classes(tmp_path, 4, ("blue", "red")))
    assert names(found, "train") == [f"{c}/{n}" for c in ("blue", "red") for n in range(3)]
    assert names(found, "val") == ["blue/3", "red/3"]
    assert found.val.targets == (0, 1)


def test_another_folder_may_be_validated_on(tmp_path):
    val = classes(tmp_path / "b", 1, ("red",))
    pictures(val / "blue", 2)
    found = opened(classes(tmp_path / "a", 2), val)
    assert len(found.train.files) == 6
    assert found.val.targets == (0, 0, 2)


def test_a_class_may_have_folders_and_classes_count_by_the_first(tmp_path):
    pictures(tmp_path / "cat" / "indoors" / "night", 2)
    pictures(tmp_path / "dog", 2)
    found = opened(tmp_path, share=0.5)
    assert found.names == ("cat", "dog")
    assert found.train.targets == (0, 1)


def test_without_labels_images_lie_at_any_depth_and_whole_ends_of_folders_are_held_out(tmp_path):
    pictures(tmp_path, 2)
    pictures(tmp_path / "a" / "b", 4)
    found = opened(tmp_path, labelled=False)
    assert found.names == ()
    assert found.train.targets == ()
    assert names(found, "val") == ["b/3"]
    assert len(found.train.files) == 5


def test_the_digest_follows_content_order_and_class(tmp_path):
    first = opened(classes(tmp_path / "a", 2), share=0.5).digest()
    assert opened(classes(tmp_path / "b", 2), share=0.5).digest() == first
    other = classes(tmp_path / "c", 2)
    (other / "red").rename(other / "aaa")
    assert opened(other, share=0.5).digest() != first
    changed = classes(tmp_path / "d", 2)
    Image.fromarray(np.zeros((40, 48, 3), np.uint8)).save(changed / "red" / "0.png")
    assert opened(changed, share=0.5).digest() != first


def test_every_image_has_the_channels_of_the_first(tmp_path):
    pictures(tmp_path, 3)
    Image.fromarray(np.zeros((40, 48), np.uint16)).save(tmp_path / "1.png")
    found = opened(tmp_path, labelled=False, share=0.4)
    found.load("train", 0)
    with pytest.raises(UserError, match=r"1\.png has 3 channels of 16 bits, the first image has 3"):
        found.load("train", 1)


@pytest.mark.parametrize(
    ("make", "labelled", "said"),
    [
        (lambda root: pictures(root, 2), True, "no classes: a folder of images for each"),
        (lambda root: classes(root, 2, ("red",)), True, "one class alone, red,"),
        (lambda root: root.mkdir(), False, "holds no images"),
        (lambda root: None, False, "no folder .*: give the folder that holds images to pretrain"),
        (lambda root: pictures(root, 2), False, "2 images are too few to hold 0.25 of each"),
    ],
)
def test_what_cannot_be_learnt_from_gets_one_line(tmp_path, make, labelled, said):
    root = tmp_path / "data"
    make(root)
    with pytest.raises(UserError, match=said) as told:
        opened(root, labelled=labelled)
    assert "\n" not in str(told.value)


def test_a_class_that_is_not_trained_on_is_not_validated_on(tmp_path):
    train = classes(tmp_path / "a", 2, ("blue", "red"))
    with pytest.raises(UserError, match="green is no class of the images that are trained on"):
        opened(train, classes(tmp_path / "b", 2))
