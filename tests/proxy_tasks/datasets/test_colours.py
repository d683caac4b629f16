"""Value maps that are proposed for label maps in colours."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from proxy_tasks.datasets import SplitRule, open_dataset
from proxy_tasks.datasets.colours import Proposal, colours_found, propose_values
from proxy_tasks.datasets.folder import laid_out
from search_space.errors import UserError
from tests.support import trees

RED, GREEN, BLACK = (128, 0, 0), (0, 128, 0), (0, 0, 0)
COLOURS = {"128 0 0": "Road", "0 128 0": "Tree", "0 0 0": "Unlabeled"}
FILES = {
    "classes.json": json.dumps(
        {
            "classes": [
                {"title": "Road", "color": "#800000"},
                {"title": "Tree", "color": "#008000"},
                {"title": "Unlabeled", "color": "#000000"},
            ]
        }
    ),
    "obj_class_to_machine_color.json": json.dumps(
        {"Road": [128, 0, 0], "Tree": [0, 128, 0], "Unlabeled": [0, 0, 0]}
    ),
    "class_dict.csv": "name,r,g,b\nRoad,128,0,0\nTree,0,128,0\nUnlabeled,0,0,0\n",
    "label_colors.txt": "128 0 0\tRoad\n0 128 0\tTree\n0 0 0\tUnlabeled\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\nRoad:128,0,0::\nTree:0,128,0::\n"
    "Unlabeled:0,0,0::\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Coloured label maps without a file of classes."""
    trees.unsplit(tmp_path, 6)
    for path in (tmp_path / "labels").iterdir():
        trees.save_colours(path, RED, GREEN, BLACK)
    for path in tmp_path.glob("*.txt"):
        path.unlink()
    return tmp_path


def proposed(root: Path) -> Proposal | None:
    return propose_values(root, laid_out(root).everything)


@pytest.mark.parametrize("name", FILES)
def test_names_come_from_a_file_whose_colours_are_those_of_the_label_maps(root, name):
    (root / name).write_text(FILES[name])
    found = proposed(root)
    assert found is not None
    assert (found.sure, found.source) == (True, root / name)
    assert dict(found.values) == {**COLOURS, "0 0 0": "void"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_other_colours_is_not_trusted(root, name):
    (root / name).write_text(FILES[name])
    for path in (root / "labels").iterdir():
        trees.save_colours(path, RED, GREEN, BLACK, (1, 2, 3))
    found = proposed(root)
    assert found is not None
    assert not found.sure
    assert f"{name} lists other colours: 3 of 4 are those of the label maps" in found.reason


def test_a_template_is_yaml_that_opens_the_data_set(root):
    found = proposed(root)
    assert found is not None
    assert not found.sure
    section = yaml.safe_load(found.yaml())["data"]
    assert sorted(section["values"].values()) == ["class_1", "class_2", "class_3"]
    assert "# 33.3 % of pixels, in 6 label maps" in found.yaml()
    data = open_dataset("folder", root=root, split=SplitRule(share=0.5), **section)
    assert data.count("train") > 0


def test_a_slip_of_the_brush_is_void(root):
    path = root / "labels/000.png"
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[0, 0] = 9, 9, 9
    trees.Image.fromarray(pixels).save(path)
    found = proposed(root)
    assert found is not None
    assert found.values["9 9 9"] == "void"
    assert "void" not in [found.values[colour] for colour in COLOURS]


def test_label_maps_of_indices_need_no_colours(root):
    for path in (root / "labels").iterdir():
        trees.save_label(path, 0, 1, 2)
    assert proposed(root) is None
    pixels, maps = colours_found(laid_out(root).everything.pairs)
    assert pixels == {"0": 192, "1": 192, "2": 192}
    assert maps == {"0": 6, "1": 6, "2": 6}


def test_grey_label_maps_among_coloured_ones_have_colours_too(root):
    trees.save_label(root / "labels/000.png", 0)
    pixels, maps = colours_found(laid_out(root).everything.pairs)
    assert set(pixels) == {*COLOURS}
    assert maps["0 0 0"] == 6


def test_photographs_are_no_label_maps(root):
    for path in (root / "labels").iterdir():
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        trees.Image.fromarray(noise).save(path)
    assert proposed(root) is None


def test_coloured_label_maps_without_classes_are_answered_with_the_template(root):
    with pytest.raises(UserError) as refused:
        open_dataset("folder", root=root, split=SplitRule(share=0.5))
    assert "data.values: {" in str(refused.value)
    assert "128 0 0: class_" in str(refused.value)
    assert "\n" not in str(refused.value)
