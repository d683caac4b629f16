import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space.architecture import Architecture, Block
from search_space.architecture_file import (
    dumps,
    from_dict,
    load,
    load_spec,
    loads,
    save,
    to_dict,
)
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.genes import sample
from search_space.resnet import DilatedResNet
from search_space.scale_permuted import ScalePermutedSpace
from search_space.spine import SpineSpace

GOLDEN = Path(__file__).parent / "golden"
ARCHITECTURE = Architecture(
    (Block(2, "bottleneck"), Block(2, "residual", dilation=2)),
    (
        Block(4, "residual", (0, 1), 2),
        Block(4, "bottleneck", (2, 1), 4, output=True),
        Block(3, "bottleneck", (2, 3), 1, output=True),
        Block(5, "residual", (3, 4), 1, output=True),
    ),
    (3, 5),
)
PROVENANCE = {
    "run": "Straße 1",
    "trial": 3,
    "controller": "evolution",
    "scores": {"miou": 0.4, "latency": None},
}
RESNET = DilatedResNet((2, 2, 2, 1), 32)
SPACES = [
    ScalePermutedSpace(),
    ScalePermutedSpace(stages=((2, 1), (4, 2)), output_levels=(2, 7), dilations=(1, 3)),
    SpineSpace("efficientnet-lite0"),
]


@pytest.mark.parametrize(
    ("name", "backbone", "provenance"),
    [("architecture", ARCHITECTURE, PROVENANCE), ("resnet", RESNET, None)],
)
def test_the_format_of_the_first_release_is_still_written_and_read(name, backbone, provenance):
    path = GOLDEN / f"{name}.yaml"
    assert dumps(backbone, provenance) == path.read_text(encoding="utf-8")
    assert load(path) == backbone
    assert load_spec(path).provenance == (provenance or {})


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(
    space=st.sampled_from(SPACES),
    seed=st.integers(0, 2**32),
    provenance=st.dictionaries(st.text(), plain, max_size=3),
)
def test_any_decoded_genotype_and_its_provenance_are_read_back_equal(space, seed, provenance):
    backbone = space.decode(sample(space.genes, np.random.default_rng(seed)))
    spec = loads(dumps(backbone, provenance))
    assert spec.backbone == backbone
    assert spec.provenance == provenance


@pytest.mark.parametrize("backbone", [ARCHITECTURE, RESNET])
def test_the_dict_survives_json(backbone):
    assert from_dict(json.loads(json.dumps(to_dict(backbone)))) == backbone


def test_numpy_numbers_are_written_as_plain_ones():
    resnet = DilatedResNet(tuple(np.array([2, 2, 2, 1])), np.int64(32))
    assert dumps(resnet) == dumps(RESNET)
    json.dumps(to_dict(resnet))


def test_a_key_of_digits_alone_stays_text():
    specs = (DilatedResNet((n, 1, 1, 1), 8) for n in range(1, 100_000))
    spec = next(spec for spec in specs if canonical_key(spec).isdigit())
    assert loads(dumps(spec)).backbone == spec


def test_a_spec_without_key_and_provenance_is_read():
    text = "format: dilated-resnet/1\nstages: [1, 1, 1, 1]\noutput_stride: 8\n"
    assert loads(text).backbone == DilatedResNet((1, 1, 1, 1), 8)


def test_a_value_shared_within_the_provenance_is_read_back():
    scores = {"miou": 0.5}
    assert loads(dumps(RESNET, {"a": scores, "b": scores})).provenance["b"] == scores


@pytest.mark.parametrize(
    "text", ["\x85", "a\u2028b", "\ufeff", "a\nb: c\n", "\x00", "Straße 😀", "~"]
)
def test_odd_characters_in_the_provenance_are_read_back(text):
    assert loads(dumps(RESNET, {text: text})).provenance == {text: text}


def test_provenance_that_is_no_plain_data_is_refused():
    with pytest.raises(TypeError, match=r"cannot represent.*float64"):
        dumps(RESNET, {"miou": np.float64(0.5)})


def test_an_edited_spec_no_longer_has_its_key():
    text = dumps(ARCHITECTURE).replace("dilation: 4", "dilation: 8")
    with pytest.raises(UserError, match=r"mine\.yaml: key: the spec was changed.*remove the key"):
        loads(text, "mine.yaml")


def broken(old: str, new: str) -> str:
    text = dumps(ARCHITECTURE, PROVENANCE)
    lines = [line for line in text.splitlines() if not line.startswith("key")]
    assert old in "\n".join(lines)
    return "\n".join(lines).replace(old, new, 1)


BAD = {
    "empty": ("", "must be a mapping"),
    "a list": ("- 1", "must be a mapping"),
    "no format": (broken("format: spinenet-seg/1", ""), "format is missing"),
    "other format": (broken("seg/1", "seg/9"), "format: 'spinenet-seg/9' is unknown: write"),
    "no encoder": (broken("seg/1", "seg/2"), "unknown key 'stem'"),
    "odd format": (broken("spinenet-seg/1", "[1]"), r"format: \[1\] is unknown"),
    "unknown key": (broken("stem:", "stam: 1\nstem:"), "unknown key 'stam': write one of format"),
    "number as a key": (broken("stem:", "7: 1\nstem:"), "keys must be text but got 7"),
    "key twice": (broken("stem:", "format: x\nstem:"), "line 3: key 'format' is given twice"),
    "no stem": (broken("stem:", "stern:"), "unknown key 'stern'"),
    "missing list": ("format: spinenet-seg/1\nstem: []\nblocks: []", "output_levels is missing"),
    "level text": (broken("[3, 5]", "[3, x]"), "output_levels: must hold whole numbers"),
    "level not given": (broken("[3, 5]", "[3, 6]"), "no block is marked .* level 6"),
    "blocks no list": ("format: spinenet-seg/1\nblocks: 3", "blocks must be a list but got 3"),
    "block no mapping": (broken("- {id: 2", "- 5\n- {id: 2"), "block 2: must be a mapping"),
    "block key": (broken("2, 3]", "2, 3], colour: red"), "block 4: unknown key 'colour'"),
    "key twice in a block": (broken("id: 4,", "id: 4, id: 4,"), "line 9: key 'id' is given"),
    "block key missing": (broken("id: 4, level: 3", "id: 4"), "block 4: level is missing"),
    "id out of order": (broken("id: 4", "id: 5"), r"block 4: id must be 4 .* but got 5"),
    "level true": (broken("level: 3", "level: true"), "block 4: level must be a whole number"),
    "level float": (broken("level: 3", "level: 3.0"), "block 4: level must be a whole .* 3.0"),
    "level 9": (broken("level: 3", "level: 9"), "block 4: level must be between 2 and 7"),
    "type": (broken("residual, inputs", "dense, inputs"), "block 2: type must be one of"),
    "dilation 0": (broken("dilation: 4", "dilation: 0"), "block 3: dilation must be at least 1"),
    "inputs text": (broken("[2, 3]", "[2, '3']"), "block 4: inputs: must hold whole numbers"),
    "inputs number": (broken("[2, 3]", "2"), "block 4: inputs must be a list but got 2"),
    "later input": (broken("[2, 3]", "[2, 4]"), "block 4: every input must be an earlier"),
    "output 1": (broken("output: true", "output: 1"), "block 3: output must be true or false"),
    "stem inputs": (
        broken("{id: 1, ", "{id: 1, inputs: [0, 1], "),
        "block 1: unknown key 'inputs'",
    ),
    "provenance": (broken("provenance:", "provenance: 3\nx:"), "provenance: must be a mapping"),
    "key no text": (broken("stem:", "key: 123\nstem:"), "key must be text but got 123"),
    "no yaml": ("format: [", "line 1: .*expected the node content"),
    "two documents": ("a: 1\n---\na: 1", "expected a single document"),
    "control character": ("a: \x00", "not valid YAML: .*not allowed"),
    "code": (
        "a: !!python/object/apply:os.system [exit]",
        "line 1: the tag !!python/object/apply:os.system is not known",
    ),
    "alias": ("a: &x [1]\nb: *x", "line 2: aliases are not allowed"),
    "too deep": ("a: " + "[" * 600, "nested too deeply"),
    "resnet key": ("format: dilated-resnet/1\nblocks: []", "unknown key 'blocks'"),
    "resnet stride": (
        "format: dilated-resnet/1\nstages: [1, 1, 1, 1]\noutput_stride: 4",
        "output_stride: must be 8, 16 or 32 but got 4",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_in_one_line_that_names_file_and_rule(text, message, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


def test_missing_and_unreadable_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.yaml: no such file"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(UserError, match=r": cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "image.yaml").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UserError, match=r"image\.yaml: is not a text file"):
        load(tmp_path / "image.yaml")


def test_a_saved_file_is_read_back_and_has_ordinary_permissions(tmp_path):
    path = tmp_path / "a.yaml"
    before = os.umask(0o022)
    try:
        save(path, ARCHITECTURE, PROVENANCE)
    finally:
        os.umask(before)
    assert load_spec(path).provenance == PROVENANCE
    assert load(str(path)) == ARCHITECTURE
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.yaml"
    save(path, RESNET)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"a\.yaml: cannot be written: No space left on device"):
        save(path, ARCHITECTURE)
    assert load(path) == RESNET
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


def test_saving_into_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be written: No such file or directory"):
        save(tmp_path / "nowhere" / "a.yaml", RESNET)


def test_where_it_came_from_is_read_as_earlier_releases_wrote_it():
    """They left the names of runs without quotes that only YAML 1.2 takes for numbers."""
    text = dumps(RESNET) + "provenance: {run: 1e3, label: 08, trial: 7, miou: 0.5}\n"
    known = {"run": "1e3", "label": "08", "trial": 7, "miou": 0.5}
    assert loads(text).provenance == known
    assert loads(dumps(RESNET, known)).provenance == known
    assert 'run: "1e3"' in dumps(RESNET, known).replace("'", '"')
