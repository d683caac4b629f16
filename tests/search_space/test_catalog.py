import pytest

from search_space import catalog
from search_space.architecture import Architecture
from search_space.architecture_file import dumps, load_spec
from search_space.errors import UserError
from search_space.resnet import DilatedResNet

TABLE = """
 2 bottleneck  0  1        4 residual    0  1        3 bottleneck  2  3        4 bottleneck  2  4
 6 residual    3  5        4 bottleneck  3  5        5 residual    6  7        7 residual    6  8
 5 bottleneck  8  9        5 bottleneck  8 10        4 bottleneck  5 10 out    3 bottleneck  4 10 out
 5 bottleneck  7 12 out    7 bottleneck  5 14 out    6 bottleneck 12 14 out    2 bottleneck  2 13 out
"""  # noqa: E501
"""SpineNet-49 as published (arXiv 1912.05027): level, type, parents, output."""


def test_every_entry_loads_with_its_key_and_says_where_it_was_published():
    assert catalog.names() == (
        "deeplabv3-resnet-50-os16",
        "deeplabv3-resnet-50-os8",
        "spinenet-49",
    )
    for name in catalog.names():
        spec = load_spec(catalog._FOLDER / f"{name}.yaml")
        assert spec.backbone == catalog.load(name)
        assert "arXiv" in spec.provenance["paper"]
        text = (catalog._FOLDER / f"{name}.yaml").read_text()
        assert dumps(spec.backbone, spec.provenance) == text


def test_spinenet_49_is_the_published_table():
    spinenet = catalog.load("spinenet-49")
    assert isinstance(spinenet, Architecture)
    words = TABLE.split()
    for block in spinenet.blocks:
        level, kind, first, second = (words.pop(0) for _ in range(4))
        output = bool(words) and words[0] == "out"
        if output:
            words.pop(0)
        assert block.level == int(level)
        assert block.type == kind
        assert block.inputs == (int(first), int(second))
        assert block.dilation == 1
        assert block.output == output
    assert not words
    assert spinenet.output_levels == (3, 4, 5, 6, 7)


def test_spinenet_49_absorbs_its_one_loose_block_and_leaves_level_2_unbuilt():
    spinenet = catalog.load("spinenet-49")
    assert isinstance(spinenet, Architecture)
    assert {i: added for i, added in spinenet.absorbed.items() if added} == {14: (11,)}
    assert set(range(18)) - spinenet.alive == {17}


def test_the_baselines_are_resnet_50_at_two_strides():
    assert catalog.load("deeplabv3-resnet-50-os8") == DilatedResNet((3, 4, 6, 3), 8)
    assert catalog.load("deeplabv3-resnet-50-os16") == DilatedResNet((3, 4, 6, 3), 16)


@pytest.mark.parametrize("name", ["spinenet", "../catalog/spinenet-49", ""])
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    with pytest.raises(UserError, match=r"no '.*': write one of deeplabv3.*, spinenet-49$"):
        catalog.load(name)
