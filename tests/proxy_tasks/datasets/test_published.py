"""What is particular to each published data set."""

from pathlib import Path

import numpy as np
import pytest

from proxy_tasks.datasets import SplitRule, open_dataset
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.cityscapes import CLASSES, LABEL_IDS, PALETTE
from proxy_tasks.datasets.fingerprint import fingerprint
from proxy_tasks.datasets.voc import PALETTE as VOC_PALETTE
from search_space.errors import UserError
from tests.support import trees

ULM = "train/ulm/ulm_000000_000019"


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    return trees.cityscapes(tmp_path)


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    return trees.voc(tmp_path)


def test_cityscapes_labels_are_those_of_its_scripts():
    labels = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    scored = sorted((each for each in labels if 0 <= each.trainId < 255), key=lambda x: x.trainId)
    assert [each.name for each in scored] == list(CLASSES)
    assert [each.id for each in scored] == list(LABEL_IDS)
    assert [each.color for each in scored] == list(PALETTE)


def test_each_of_the_34_ids_of_cityscapes_has_its_meaning(cityscapes):
    label = cityscapes / f"gtFine/{ULM}_gtFine_labelIds.png"
    trees.Image.fromarray(np.tile(np.arange(34, dtype=np.uint8), (8, 1))).save(label)
    image = cityscapes / f"leftImg8bit/{ULM}_leftImg8bit.png"
    trees.Image.new("RGB", (34, 8)).save(image)
    labels = open_dataset("cityscapes", root=cityscapes).load("train", 2)[1]
    meaning = dict(enumerate(labels[0].tolist()))
    assert {key: value for key, value in meaning.items() if value != IGNORE} == {
        7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
        26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
    }  # fmt: skip


def test_cityscapes_ids_win_over_train_ids_beside_them(cityscapes):
    trees.save_label(cityscapes / f"gtFine/{ULM}_gtFine_labelTrainIds.png", 3)
    data = open_dataset("cityscapes", root=cityscapes)
    assert data.load("train", 2)[1][0, 0] == 0
    (cityscapes / f"gtFine/{ULM}_gtFine_labelIds.png").unlink()
    assert (open_dataset("cityscapes", root=cityscapes).load("train", 2)[1] == 3).all()


def test_train_ids_of_cityscapes_end_at_18(tmp_path):
    root = trees.cityscapes(tmp_path, "labelTrainIds")
    trees.save_label(root / f"gtFine/{ULM}_gtFine_labelTrainIds.png", 19)
    with pytest.raises(UserError, match="label value 19: allowed are 0 to 18"):
        open_dataset("cityscapes", root=root).load("train", 2)


def test_what_lies_about_in_cityscapes_is_no_frame(cityscapes):
    (cityscapes / "leftImg8bit/train/ulm/._ulm_000000_000019_leftImg8bit.png").write_bytes(b"x")
    (cityscapes / "leftImg8bit/train/README").touch()
    trees.save_image(cityscapes / "leftImg8bit/train/ulm/ulm_preview.png")
    assert open_dataset("cityscapes", root=cityscapes).count("train") == 4


def test_label_maps_of_cityscapes_without_image_are_noted(cityscapes):
    (cityscapes / f"leftImg8bit/{ULM}_leftImg8bit.png").unlink()
    found = fingerprint(open_dataset("cityscapes", root=cityscapes, strict=False))
    assert found.faults == ()
    assert f"{cityscapes}/gtFine/{ULM}_gtFine_labelIds.png has no image" in found.notes


def test_cityscapes_without_annotations_is_one_fault(cityscapes):
    (cityscapes / "gtFine").rename(cityscapes / "gtCoarse")
    data = open_dataset("cityscapes", root=cityscapes, strict=False)
    assert [fault.path.relative_to(cityscapes) for fault in data.faults] == [
        Path("gtFine/train"),
        Path("gtFine/val"),
    ]


@pytest.mark.parametrize("inside", ["", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_voc_is_found_from_three_folders(voc, inside):
    assert open_dataset("voc", root=voc / inside).count("train") == 2


def test_voc_colours_are_the_published_ones():
    assert VOC_PALETTE[:3] == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert VOC_PALETTE[15] == (192, 128, 128)
    assert VOC_PALETTE[20] == (0, 64, 128)


def test_sbd_label_maps_come_first_and_published_ones_fill_in(voc):
    trees.save_label(voc / "VOCdevkit/VOC2012/SegmentationClassAug/2007_000032.png", 5)
    data = open_dataset("voc", root=voc, split=SplitRule(train="train_aug"))
    assert data.count("train") == 3
    firsts = [data.load("train", index)[1][0].tolist() for index in range(3)]
    assert [row[0] for row in firsts] == [5, 0, 0]
    assert [row[5] for row in firsts] == [5, 20, 15]


def test_a_list_that_voc_does_not_have_is_answered_with_those_it_has(voc):
    with pytest.raises(UserError, match="the lists there are train, train_aug, val"):
        open_dataset("voc", root=voc, split=SplitRule(train="trainval"))


def test_voc_refuses_training_on_what_it_validates_on(voc):
    lists = voc / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    (lists / "trainval.txt").write_text("2007_000032\n2007_000033\n")
    with pytest.raises(
        UserError, match=r"val\.txt has '2007_000033', which .*trainval\.txt has too"
    ):
        open_dataset("voc", root=voc, split=SplitRule(train="trainval.txt"))
    with pytest.raises(UserError, match="voc is split by lists"):
        open_dataset("voc", root=voc, split=SplitRule(share=0.5))


def test_voc_images_that_are_missing_are_named(voc):
    image = voc / "VOCdevkit/VOC2012/JPEGImages/2008_000008.jpg"
    image.unlink()
    with pytest.raises(UserError, match=r"is missing, but train\.txt names it") as refused:
        open_dataset("voc", root=voc)
    assert str(image) in str(refused.value)


@pytest.mark.parametrize("images", ["test", "test/images"])
def test_camvid_has_its_test_part_where_it_is_there(tmp_path, images):
    root = trees.camvid(tmp_path) if images == "test" else trees.folder(tmp_path)
    labels = "testannot" if images == "test" else "test/labels"
    assert open_dataset("camvid", root=root).count("test") == 0
    trees.save_image(root / images / "a.png")
    trees.save_label(root / labels / "a.png", 0, 1)
    data = open_dataset("camvid", root=root)
    assert [data.count(part) for part in ("train", "val", "test")] == [3, 2, 1]


def test_cities_are_scenes(cityscapes):
    data = open_dataset("cityscapes", root=cityscapes)
    assert [data.group("train", index) for index in range(4)] == ["bad-honnef"] * 2 + ["ulm"] * 2


@pytest.mark.parametrize("rule", [SplitRule(folds=2), SplitRule(test="val")])
def test_voc_takes_lists_alone(voc, rule):
    with pytest.raises(UserError, match="voc is split by lists; leave it out"):
        open_dataset("voc", root=voc, split=rule)
