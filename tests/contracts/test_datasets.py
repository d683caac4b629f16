"""One suite for every data set, in the layout in which it is published."""

from __future__ import annotations

import inspect
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import DATASETS, IGNORE, PARTS, SPLITS, Dataset, open_dataset
from proxy_tasks.datasets.catalogue import CATALOGUE
from proxy_tasks.datasets.faults import Faults
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.fingerprint import fingerprint
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.sight import Sight
from search_space.errors import UserError
from tests.support.drawn import DRAWN
from tests.support.trees import HEIGHT, TREES, WIDTH, Tree, save_label

FILED = {**TREES, **DRAWN}
NAMES = ["scenes", *FILED]


class Made:
    """A data set on disk that is opened anew at each call."""

    def __init__(self, root: Path, tree: Tree | None) -> None:
        self.root, self.tree = root, tree
        if tree:
            tree.make(root)

    def open(self, strict: bool = True) -> Dataset:
        if self.tree is None:
            return open_dataset("scenes", train=3, val=2, size=(16, 24))
        return open_dataset(self.tree.name, root=self.root, strict=strict, **self.tree.options)

    def files(self) -> list[Path]:
        """Of the first training pair: the image and its label map."""
        found = self.open()
        assert isinstance(found, FileDataset)
        return list(found.pairs("train")[0][:2])


@pytest.fixture(params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    return Made(tmp_path / "data", FILED.get(request.param))


@pytest.fixture(params=TREES)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """Those with a label map for each image."""
    return Made(tmp_path / "data", TREES[request.param])


@pytest.fixture(params=FILED)
def filed(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """Those that lie in files."""
    return Made(tmp_path / "data", FILED[request.param])


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_has_an_example_for_this_suite(name):
    examples = {"scenes", *(tree.name for tree in FILED.values())}
    assert name in examples, "give one in tests/support/trees.py"


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_made_of_the_options_that_its_entry_lists(name):
    entry = CATALOGUE[name]
    assert entry.summary
    assert "\n" not in entry.summary
    if "root" not in entry.takes:
        assert not entry.takes
        return
    takes = {option for option in entry.takes if option != "exif"}  # any files may be turned
    assert takes <= set(inspect.signature(entry.make).parameters)
    assert entry.layout
    with pytest.raises(UserError, match="needs root: the folder that holds") as refused:
        open_dataset(name)
    assert entry.layout[0] in str(refused.value)


def test_images_and_labels_have_the_promised_types_and_one_size(made):
    data = made.open()
    for split in SPLITS:
        for index in range(data.count(split)):
            image, labels = data.load(split, index)
            assert labels.dtype == np.uint8
            assert (image.shape, 8 * image.dtype.itemsize) == (
                (*labels.shape, data.channels),
                data.depth,
            )
            assert all(v < len(data.classes) or v == IGNORE for v in np.unique(labels))


def test_every_class_has_a_name_and_a_colour_of_its_own(made):
    data = made.open()
    assert len(set(data.classes)) == len(data.classes) == len(data.palette)
    assert len(set(data.palette)) == len(data.palette)


def test_loading_twice_gives_the_same(made):
    data = made.open()
    for first, second in zip(data.load("val", 0), made.open().load("val", 0), strict=True):
        assert np.array_equal(first, second)


def test_every_image_of_a_split_has_a_name_of_its_own(made):
    data = made.open()
    for split in SPLITS:
        names = [data.image_name(split, index) for index in range(data.count(split))]
        assert len(set(names)) == len(names)
        assert all(name and "/" not in name for name in names)


def test_a_part_that_is_not_there_is_empty(made):
    data = made.open()
    assert all(data.count(part) >= 0 for part in PARTS)
    assert data.count("test") == 0
    assert data.folds == ()
    assert all(data.group(s, i) == data.group(s, i) for s in SPLITS for i in range(data.count(s)))


def test_the_fingerprint_stays_and_differs_between_the_splits(made):
    prints = {made.open().fingerprint(split) for split in SPLITS for _ in range(2)}
    assert len(prints) == 2


def test_it_travels_between_processes(made):
    data = made.open()
    sent = pickle.loads(pickle.dumps(data))
    assert np.array_equal(sent.load("train", 1)[1], data.load("train", 1)[1])


def test_it_is_packed_whole(made, tmp_path):
    data = made.open()
    packed = open_packed(pack(data, Sight(factor=1), tmp_path / "cache"))
    assert [len(packed.train), len(packed.val)] == [data.count(split) for split in SPLITS]
    assert (packed.classes, packed.palette, packed.name) == (data.classes, data.palette, data.name)
    assert set(np.unique(packed.val.marks)) <= {*range(len(data.classes)), IGNORE}


def test_a_fingerprint_of_what_is_right_finds_nothing_wrong(made):
    data = made.open(strict=False)
    found = fingerprint(data)
    assert found.faults == ()
    for split in SPLITS:
        labels = [data.load(split, index)[1] for index in range(data.count(split))]
        counts = np.array(
            [[(each == c).sum() for c in range(len(data.classes))] for each in labels]
        )
        counted = found.parts[split]
        assert list(counted.pixels) == counts.sum(0).tolist()
        assert list(counted.images) == (counts > 0).sum(0).tolist()
        assert counted.void == sum(int((each == IGNORE).sum()) for each in labels)
        assert sum(counted.sizes.values()) == len(labels)


def test_the_published_layout_is_read_whole(filed):
    data = filed.open()
    assert (data.count("train"), data.count("val")) == filed.tree.counts
    stripes = np.array(filed.tree.stripes)[np.arange(WIDTH) * len(filed.tree.stripes) // WIDTH]
    for split in SPLITS:
        for index in range(data.count(split)):
            assert np.array_equal(data.load(split, index)[1], np.tile(stripes, (HEIGHT, 1)))


def test_image_and_labels_belong_together(tree):
    image, label = tree.files()
    data = tree.open()
    assert np.array_equal(data.load("train", 0)[0], np.asarray(Image.open(image).convert("RGB")))
    value = tree.tree.stripes[0]
    there = data.load("train", 1)[1]
    save_label(label, np.asarray(Image.open(label))[0, 0])
    assert (data.load("train", 0)[1] == value).all()
    assert np.array_equal(data.load("train", 1)[1], there)


def test_a_missing_label_map_is_named_and_the_rest_is_read(tree):
    image, label = tree.files()
    label.unlink()
    with pytest.raises(UserError) as refused:
        tree.open()
    assert str(image) in str(refused.value)
    assert str(label.parent) in str(refused.value)
    data = tree.open(strict=False)
    found = fingerprint(data)
    assert [fault.path for fault in found.faults] == [image]
    assert found.parts["train"].number == sum(found.parts["train"].sizes.values()) > 0


def test_everything_wrong_with_a_pair_is_told_at_once(tree):
    image, label = tree.files()
    image.write_bytes(b"no image")
    Image.fromarray(np.full((HEIGHT, WIDTH), 77, np.uint8)).save(label)
    with pytest.raises(Faults) as refused:
        tree.open().load("train", 0)
    assert [fault.path for fault in refused.value.faults] == [image, label]
    assert "77" in str(refused.value.faults[1])
    assert "\n" not in str(refused.value)
    assert [fault.path for fault in fingerprint(tree.open()).faults] == [image, label]


def test_the_fingerprint_follows_what_files_hold(filed):
    before = filed.open().fingerprint("train")
    for path in filed.files():
        os.utime(path, ns=(1, 1))
        assert filed.open(strict=False).fingerprint("train") == before
        path.write_bytes(path.read_bytes() + b" ")
        os.utime(path, ns=(1, 1))
        after = filed.open(strict=False).fingerprint("train")
        assert after != before
        before = after


def test_the_fingerprint_stays_where_the_folder_moves(filed):
    before = [filed.open().fingerprint(split) for split in SPLITS]
    filed.root = filed.root.rename(filed.root.with_name("elsewhere"))
    assert [filed.open().fingerprint(split) for split in SPLITS] == before


OF_FILES = [(name, {}) for name in DATASETS if "root" in CATALOGUE[name].takes]
OF_FILES += [(tree.name, tree.options) for tree in FILED.values() if tree.options]


@pytest.mark.parametrize(("name", "options"), OF_FILES)
def test_a_root_that_is_no_folder_is_named(name, options, tmp_path):
    missing = tmp_path / "nowhere"
    with pytest.raises(UserError, match="no folder") as refused:
        open_dataset(name, root=missing, **options)
    assert str(missing) in str(refused.value)


@pytest.mark.parametrize(("name", "options"), OF_FILES)
def test_an_empty_root_is_named(name, options, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as refused:
        open_dataset(name, root=tmp_path / "empty", **options)
    assert str(tmp_path / "empty") in str(refused.value)
    assert "\n" not in str(refused.value)
