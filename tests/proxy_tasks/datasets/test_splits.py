"""Images of one folder, split by lists or by share."""

from pathlib import Path
from typing import Any

import pytest

from proxy_tasks.datasets import PARTS, SPLITS, Dataset, SplitRule, open_dataset
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.listing import Pair
from proxy_tasks.datasets.splits import by_share, folds
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
    return [[pair.image.stem for pair in data.pairs(split)] for split in SPLITS]


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
    faults = opened(root, LISTS, strict=False).faults
    assert [fault.path for fault in faults] == [root / "images/000.png", root / "train.txt"]
    assert faults[1].what == "has 'ghost', 'spirit', but no image has this name"
    assert "(and 1 more: `nas data check` lists all)" in complaint(root, LISTS)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (None, "give data.split.share"),
        (SplitRule(), "say what to validate on: one of val, share and folds"),
        (SplitRule("train.txt"), "say what to validate on"),
        (SplitRule("train.txt", "val.txt", 0.2), "not val and share"),
        (SplitRule(val="val.txt", folds=3), "not val and folds"),
        (SplitRule(val="Tile 9"), "'Tile 9' is no scene folder, no pattern of image paths and no"),
        (SplitRule(val="*"), "train: data.split.val leaves no images"),
        (SplitRule(folds=31), "data.split.folds: 31 needs as many images, and there are 30"),
        (SplitRule("train.txt", "test.txt"), "test.txt: write the name of one image per line"),
        (SplitRule(share=1e-6), "val: data.split.share leaves no images"),
        (SplitRule("train.txt", "empty.txt"), "empty.txt names no images"),
    ],
)
def test_a_split_that_makes_none_is_refused(root, split, message):
    (root / "empty.txt").touch()
    assert message in complaint(root, split)


def test_what_is_split_already_is_not_split_again(tmp_path):
    root = trees.folder(tmp_path)
    for rule in (LISTS, SplitRule(share=0.5), SplitRule(val="0")):
        assert "already: leave data.split out" in complaint(root, rule)


def test_a_missing_folder_is_told_once(root):
    (root / "labels").rename(root / "drawings")
    for rule in (LISTS, SplitRule(share=0.5)):
        data = opened(root, rule, strict=False)
        assert [str(fault) for fault in data.faults] == [f"{root / 'labels'} is missing"]


def tiles(root: Path, split: SplitRule) -> Any:
    data = opened(trees.tiles(root) if not root.exists() else root, split)
    assert isinstance(data, FileDataset)
    return data


def scenes(data: Any, split: Any) -> list[str]:
    return sorted({data.group(split, index) for index in range(data.count(split))})


@pytest.mark.parametrize(
    ("rule", "val", "test"),
    [
        (SplitRule(val="Tile 3"), ["Tile 3"], []),
        (SplitRule(val="Tile 3/", test=("Tile 1", "Tile 2")), ["Tile 3"], ["Tile 1", "Tile 2"]),
        (SplitRule(val="Tile [34]/*"), ["Tile 3", "Tile 4"], []),
        (SplitRule(val="*/images/part_2.png"), ["Tile 1", "Tile 2", "Tile 3", "Tile 4"], []),
        (SplitRule(val="val.txt", test="Tile 4"), ["Tile 1", "Tile 2"], ["Tile 4"]),
        (SplitRule(share=0.3), ["Tile 3"], []),
        (SplitRule(share=0.9, test="Tile 4"), ["Tile 2", "Tile 3"], ["Tile 4"]),
    ],
)
def test_scenes_are_named_by_folders_patterns_or_lists(tmp_path, rule, val, test):
    root = trees.tiles(tmp_path / "data")
    (root / "val.txt").write_text("Tile 1/images/part_1.png\nTile 2/part_2\n")
    data = tiles(root, rule)
    assert (scenes(data, "val"), scenes(data, "test")) == (val, test)
    counts = [data.count(part) for part in PARTS]
    assert sum(counts) == 8
    assert len({name for part in PARTS for name in data.digests(part)}) == 16


def test_a_share_never_parts_a_scene(tmp_path):
    root = trees.tiles(tmp_path / "data", 9)
    for share in (0.01, 0.2, 0.5, 0.99):
        data = tiles(root, SplitRule(share=share))
        assert not {*scenes(data, "train")} & {*scenes(data, "val")}
        assert data.count("val") == pytest.approx(18 * share, abs=2)


def test_a_single_scene_is_parted_as_if_it_were_none(tmp_path):
    root = trees.unsplit(tmp_path)
    for kind in ("images", "labels"):
        (root / kind).rename(root / "moved")
        (root / kind).mkdir()
        (root / "moved").rename(root / kind / "only")
    for rule in (SplitRule(share=0.3), SplitRule(folds=5)):
        data = opened(root, rule)
        assert data.count("val") >= 4
        assert len({*data.folds}) in (0, 5)


def test_a_name_that_several_scenes_have_is_not_guessed(tmp_path):
    root = trees.tiles(tmp_path / "data")
    (root / "val.txt").write_text("part_1\n")
    with pytest.raises(
        UserError, match="names 'part_1', which 4 images are called: write Tile 1/part_1"
    ):
        tiles(root, SplitRule(val="val.txt"))


def test_what_a_part_has_no_other_has(tmp_path):
    root = trees.tiles(tmp_path / "data")
    rules = (
        SplitRule(val="Tile 3", test="Tile [23]*"),
        SplitRule(train=("Tile 1", "Tile 3"), val="Tile 3"),
        SplitRule(train="Tile 1", val="Tile 2", test="*/part_1"),
    )
    for rule in rules:
        with pytest.raises(UserError, match="scores on images that are trained on mean nothing"):
            tiles(root, rule)


def test_folds_validate_on_what_is_trained_on_by_scenes(tmp_path):
    root = trees.tiles(tmp_path / "data", 5)
    data = tiles(root, SplitRule(folds=2, test="Tile 5"))
    assert [data.count(part) for part in PARTS] == [8, 8, 2]
    assert data.pairs("train") == data.pairs("val")
    assert len(data.folds) == 8
    by_scene = {data.group("train", i): data.folds[i] for i in range(8)}
    assert all(data.folds[i] == by_scene[data.group("train", i)] for i in range(8))
    assert sorted(by_scene.values()) == [0, 0, 1, 1]
    with pytest.raises(
        UserError, match=r"data\.split\.folds: 6 needs as many scenes, and there are 5"
    ):
        tiles(root, SplitRule(folds=6))


def test_folds_of_what_is_split_already_are_of_both_parts(tmp_path):
    root = trees.folder(tmp_path)
    data = opened(root, SplitRule(folds=5))
    assert isinstance(data, FileDataset)
    assert (data.count("train"), sorted(data.folds)) == (5, [0, 1, 2, 3, 4])
    names = [data.image_name("train", index) for index in range(5)]
    assert sorted(names) == ["1", "a b", "train__0", "val__0", "x.v2"]


def test_train_without_val_may_be_parted_and_test_stays(tmp_path):
    root = trees.folder(tmp_path)
    (root / "val").rename(root / "test")
    assert "val is missing" in complaint(root, None)
    data = opened(root, SplitRule(val="0"))
    assert [data.count(part) for part in PARTS] == [2, 1, 2]


def test_folds_are_even_and_depend_on_names_alone():
    groups = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + [""] * 10
    names = [f"n{index}" for index in range(20)]
    found = folds(groups, names, 4)
    assert [found.count(fold) for fold in range(4)] == [5, 5, 5, 5]
    for group in "abc":
        assert len({f for f, g in zip(found, groups, strict=True) if g == group}) == 1
    order = list(range(20))[::-1]
    mirrored = folds([groups[i] for i in order], [names[i] for i in order], 4)
    assert [mirrored[19 - i] for i in range(20)] == found


@pytest.mark.parametrize("large", ["A", "Z", "some scene", "another"])
def test_a_share_of_scenes_is_met_as_nearly_as_whole_scenes_do(large: str) -> None:
    """A scene that has most of the images is not what is validated on, whatever its name."""
    pairs = [
        Pair(Path(f"{scene}/{index}.png"), Path("label"), scene, f"{scene}/{index}")
        for scene, images in ((large, 90), ("B", 10), ("C", 8))
        for index in range(images)
    ]
    train, val = by_share(pairs, 0.2)
    assert {pair.group for pair in val} <= {"B", "C"}
    assert len(train) + len(val) == len(pairs)
