"""Which tool wrote a folder."""

import pytest

from proxy_tasks.datasets import SPLITS, open_dataset
from proxy_tasks.datasets.annotations import detect
from tests.support import drawn, trees


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (drawn.coco, "coco"),
        (drawn.roboflow, "coco"),
        (drawn.labelme, "labelme"),
        (drawn.cvat, "cvat"),
        (drawn.cvat_masks, "cvat"),
        (drawn.yolo, "yolo"),
        (drawn.yolo_of_roboflow, "yolo"),
        (trees.folder, None),
        (trees.unsplit, None),
        (trees.camvid, None),
        (trees.cityscapes, None),
        (trees.voc, None),
    ],
)
def test_each_is_told_from_the_others_and_from_label_maps(tmp_path, make, name):
    assert detect(make(tmp_path / "data")) == name


@pytest.mark.parametrize("tree", drawn.DRAWN.values(), ids=drawn.DRAWN)
def test_parts_are_the_tools_own_and_its_folders_are_no_scenes(tmp_path, tree):
    data = open_dataset(tree.name, root=tree.make(tmp_path / "data"), **tree.options)
    assert (data.count("train"), data.count("val")) == tree.counts
    assert {data.group(part, 0) for part in SPLITS} == {""}


def test_other_files_beside_images_mean_nothing(tmp_path):
    root = trees.unsplit(tmp_path / "data")
    (root / "classes.json").write_text('[{"title": "road", "color": "#804080"}]')
    (root / "annotations.json").write_text("[1, 2]")
    (root / "config.yaml").write_text("train: 3\n")
    (root / "labels" / "note.json").write_text("{}")
    (root / "feed.xml").write_text("<rss></rss>")
    assert detect(root) is None
