"""Images of one folder, split by lists or by share."""

from pathlib import Path
from typing import Any

import pytest

from proxy_tasks.datasets import SPLITS, Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.survey import survey
from search_space.errors import UserError
from tests.support import trees

LISTS = SplitRule("train.txt", "val.txt")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trees.unsplit(tmp_path / "data")


def opened(root: Path, split: SplitRule | None, **options: Any) -> Dataset:
    return open_dataset("folder", root=root, split=split, **options)


def names(data: Dataset) -> list[list[str]]:
    assert isinstance(data, FileDataset)
    return [[pair.image.stem for pair in data._listings[split].pairs] for split in SPLITS]


def complaint(root: Path, split: SplitRule | None) -> str:
    with pytest.raises(UserError) as refused:
        opened(root, split)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_lists_say_what_belongs_where_in_their_order(root):
    (root / "val.txt").write_text("025\n\n images/021.png \n")
    assert names(opened(root, LISTS)) == [[f"{i:03d}" for i in range(20)], ["025", "021"]]


def test_a_share_keeps_every_image_where_it_is_when_others_come_and_go(root):
    train, val = names(opened(root, SplitRule(share=0.3)))
    assert sorted(train + val) == [f"{index:03d}" for index in range(30)]
    (root / "images/007.png").unlink()
    for index in (100, 101, 102):
        trees.save_image(root / f"images/{index}.png")
        trees.save_label(root / f"labels/{index}.png", 0)
    later = names(opened(root, SplitRule(share=0.3)))
    assert {*train} - {"007"} <= {*later[0]}
    assert {*val} - {"007"} <= {*later[1]}


def test_a_share_is_kept_to_up_to_chance(tmp_path):
    root = trees.unsplit(tmp_path, 400)
    assert 60 <= opened(root, SplitRule(share=0.2)).count("val") <= 100


def test_a_larger_share_only_adds(root):
    small, large = (names(opened(root, SplitRule(share=share)))[1] for share in (0.2, 0.6))
    assert {*small} < {*large}


def test_what_is_in_both_lists_is_refused(root):
    (root / "val.txt").write_text("020\n019\n003\n")
    line = complaint(root, LISTS)
    assert f"{root / 'val.txt'} has '003'" in line
    assert "2 such names" in line


def test_every_name_without_an_image_is_told(root):
    (root / "train.txt").write_text("000\nghost\nspirit\n")
    (root / "labels/000.png").unlink()
    found = survey(opened(root, LISTS, strict=False))
    assert [fault.what.split(",")[0] for fault in found.faults][1:] == [
        "has 'ghost'",
        "has 'spirit'",
    ]
    assert found.faults[0].path == root / "images/000.png"
    assert "(and 2 more: `nas data check` lists all)" in complaint(root, LISTS)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (None, "give data.split.share"),
        (SplitRule(), "either share, or both of the lists"),
        (SplitRule("train.txt"), "either share, or both of the lists"),
        (SplitRule("train.txt", "val.txt", 0.2), "either share, or both of the lists"),
        (SplitRule("train.txt", "test.txt"), "test.txt: write one name of an image a line"),
        (SplitRule(share=1e-6), "val: data.split.share leaves no images"),
        (SplitRule("train.txt", "empty.txt"), "empty.txt names no images"),
    ],
)
def test_a_split_that_makes_none_is_refused(root, split, message):
    (root / "empty.txt").touch()
    assert message in complaint(root, split)


def test_what_is_split_already_is_not_split_again(tmp_path):
    assert "split into train/ and val/ already" in complaint(trees.folder(tmp_path), LISTS)


def test_a_missing_folder_is_told_once(root):
    (root / "labels").rename(root / "masks")
    for rule in (LISTS, SplitRule(share=0.5)):
        data = opened(root, rule, strict=False)
        assert [str(fault) for fault in data.faults] == [f"{root / 'labels'} is missing"]
