import pytest

from search_space import catalog
from search_space.architecture import Architecture, features
from search_space.architecture_file import LoadedSpec, dumps, load_spec, save
from search_space.canonical import canonical_key
from search_space.encoders import ENCODERS
from search_space.errors import UserError
from search_space.resnet import DilatedResNet

TABLE = """
 2 bottleneck  0  1        4 residual    0  1        3 bottleneck  2  3        4 bottleneck  2  4
 6 residual    3  5        4 bottleneck  3  5        5 residual    6  7        7 residual    6  8
 5 bottleneck  8  9        5 bottleneck  8 10        4 bottleneck  5 10 out    3 bottleneck  4 10 out
 5 bottleneck  7 12 out    7 bottleneck  5 14 out    6 bottleneck 12 14 out    2 bottleneck  2 13 out
"""  # noqa: E501
"""SpineNet-49 as published (arXiv 1912.05027): level, type, parents, output."""


BASELINES = {
    f"deeplabv3{plus}-resnet-{depth}-os{stride}": DilatedResNet(stages, stride, head)
    for plus, head in (("", "deeplabv3"), ("plus", "deeplabv3+"))
    for depth, stages in ((50, (3, 4, 6, 3)), (101, (3, 4, 23, 3)))
    for stride in (8, 16)
}
"""Blocks of each stage: arXiv 1512.03385, table 1."""

FOUND = {
    "spinenet-seg-camvid-28": 0.430,
    "spinenet-seg-camvid-60": 0.515,
    "spinenet-seg-camvid-78": 0.414,
}
"""What our searches found, and the mIoU of results/published/camvid-first and camvid."""


ENCODER_READS = {
    f"{name}{suffix}": levels
    for name in ENCODERS
    for suffix, levels in {"": (3, 4, 5), "-os32": (5,)}.items()
}
"""Levels that the head reads."""


def test_the_catalogue_holds_the_baselines_spinenet_49_encoders_and_what_was_found():
    assert set(catalog.names()) == {*BASELINES, "spinenet-49", *ENCODER_READS, *FOUND}


@pytest.mark.parametrize("name", ENCODER_READS)
def test_an_encoder_stands_alone_and_is_read_at_its_levels(name):
    stem = features(name.removesuffix("-os32"))
    assert catalog.load(name) == Architecture(stem, (), ENCODER_READS[name])


@pytest.mark.parametrize("name", catalog.names())
def test_every_entry_is_written_as_the_files_are_and_says_where_it_comes_from(name):
    path = catalog._FOLDER / f"{name}.yaml"
    spec = load_spec(path)
    assert dumps(spec.backbone, spec.provenance) == path.read_text()
    assert f'key: "{canonical_key(spec.backbone)}"' in path.read_text().splitlines()
    assert ("run" if name in FOUND else "paper") in spec.provenance


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_has_the_depth_stride_and_head_of_its_name(name):
    assert catalog.load(name) == BASELINES[name]


def test_no_two_entries_are_the_same_network():
    keys = {canonical_key(catalog.load(name)) for name in catalog.names()}
    assert len(keys) == len(catalog.names())


@pytest.mark.parametrize("name", FOUND)
def test_a_found_spec_names_its_trial_and_its_score(name):
    spec = catalog.find(name)
    assert spec.provenance["trial"] == int(name.rsplit("-", 1)[1])
    assert round(spec.provenance["scores"]["promoted_miou"], 3) == FOUND[name]
    assert isinstance(spec.backbone, Architecture)
    assert spec.backbone.output_levels == (3, 4, 5)


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


@pytest.mark.parametrize("name", ["spinenet", "../catalog/spinenet-49", ""])
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    with pytest.raises(UserError, match=r"no '.*': write one of deeplabv3.*, spinenet-49, spine"):
        catalog.load(name)


def test_find_takes_a_name_or_a_path(tmp_path, monkeypatch):
    spec = LoadedSpec(DilatedResNet((1, 2, 1, 1), 8, "deeplabv3+"), {"name": "mine"})
    save(tmp_path / "mine.yaml", spec.backbone, spec.provenance)
    assert catalog.find(str(tmp_path / "mine.yaml")) == spec
    monkeypatch.chdir(tmp_path)
    assert catalog.find("mine.yaml") == spec
    assert catalog.find("spinenet-49").backbone == catalog.load("spinenet-49")
    assert catalog.find("spinenet-49").provenance["name"] == "SpineNet-49"


def test_a_name_goes_before_a_file_that_is_called_the_same(tmp_path, monkeypatch):
    save(tmp_path / "spinenet-49", DilatedResNet())
    monkeypatch.chdir(tmp_path)
    assert catalog.find("spinenet-49").backbone == catalog.load("spinenet-49")
    assert catalog.find("./spinenet-49").backbone == DilatedResNet()


@pytest.mark.parametrize("wrong", ["spinenet", "gone/spec.yaml", "", "x" * 5000, "nul\0"])
def test_neither_name_nor_file_is_answered_in_one_line_with_the_names(wrong):
    with pytest.raises(UserError, match=r"neither .* one of deeplabv3.*, spinenet-49, ") as caught:
        catalog.find(wrong)
    assert "\n" not in str(caught.value)


def test_a_broken_file_is_named_and_not_taken_for_a_wrong_name(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("format: dilated-resnet/1\nstages: [3, 4, 6, 3]\noutput_stride: 7\n")
    with pytest.raises(UserError, match=r"spec\.yaml: output_stride"):
        catalog.find(str(path))
    with pytest.raises(UserError, match="cannot be read"):
        catalog.find(str(tmp_path))
