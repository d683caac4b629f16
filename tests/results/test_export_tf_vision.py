"""The exported block-spec list is Python that others read, and that we read back."""

import runpy

import pytest

from results.export.subject import Subject
from results.export.tf_vision import DILATED, PLAIN
from search_space import architecture_file, catalog
from search_space.architecture import Architecture, Block
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

STEM = (Block(2, "bottleneck"), Block(2, "bottleneck"))
BLOCKS = Architecture(
    STEM,
    (Block(4, "residual", (1, 0), 2), Block(3, "bottleneck", (1, 2), 4, output=True)),
    (3,),
)


def subject(backbone: Backbone) -> Subject:
    return Subject(backbone, Scale(), ("a", "b"), (64, 64))


def test_the_file_runs_as_python_and_is_read_as_an_architecture_file(tmp_path):
    made = subject(catalog.load("spinenet-49"))
    (path,) = PLAIN.export(made, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "block_specs.py"
    specs = runpy.run_path(str(path))["BLOCK_SPECS"]
    assert len(specs) == 16
    assert specs[10] == (4, "bottleneck", (5, 10), True)
    assert architecture_file.load(path) == catalog.load("spinenet-49")


def test_the_extended_form_holds_each_dilation_as_a_fifth_element(tmp_path):
    (path,) = DILATED.export(subject(BLOCKS), tmp_path)
    assert runpy.run_path(str(path))["BLOCK_SPECS"] == [
        (4, "residual", (1, 0), False, 2),
        (3, "bottleneck", (1, 2), True, 4),
    ]
    assert architecture_file.load(path) == BLOCKS


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (Scale(0.25), "has 16 filters; the Model Garden's has\n# 64 at every width"),
        (Scale(0.25, stem_filters=64), ""),
        (Scale(), ""),
    ],
)
def test_a_stem_that_the_model_garden_builds_otherwise_is_told_of(tmp_path, scale, said):
    made = Subject(catalog.load("spinenet-49"), scale, ("a", "b"), (64, 64))
    (path,) = PLAIN.export(made, tmp_path)
    text = path.read_text()
    assert said in text
    assert ("Model Garden" in text) == bool(said)
    assert architecture_file.load(path) == catalog.load("spinenet-49")


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (BLOCKS, r"^block 2: .* no dilation but got 2: .*tf-vision-dilated"),
        (DilatedResNet(), "a ResNet has no block-spec list"),
    ],
)
def test_what_the_list_cannot_hold_is_refused_before_anything_is_written(
    backbone, message, tmp_path
):
    with pytest.raises(UserError, match=message):
        PLAIN.export(subject(backbone), tmp_path / "out")
    assert not (tmp_path / "out").exists()
