from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space import architecture_file, catalog
from search_space.architecture import STEM, Architecture, Block
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from search_space.tf_vision import dumps, is_block_list, loads

GOLDEN = Path(__file__).parent / "golden" / "spinenet-49.tf.txt"
DILATED = ScalePermutedSpace()
PLAIN = ScalePermutedSpace(
    stages=((2, 1), (5, 2)), output_levels=(3, 4, 5, 6, 7), dilations=(1,)
)  # fmt: skip
LEVEL_2 = ScalePermutedSpace(stages=((2, 2),), output_levels=(2, 3), max_level=3, dilations=(1,))


@st.composite
def architectures(draw, space):
    genotype = tuple(draw(st.integers(0, gene.radix - 1)) for gene in space.genes)
    architecture = space.decode(genotype)
    turned = draw(st.sampled_from(range(len(architecture.blocks))))
    return edited(architecture, turned, inputs=architecture.blocks[turned].inputs[::-1])


def edited(architecture: Architecture, position: int, **values: object) -> Architecture:
    blocks = list(architecture.blocks)
    blocks[position] = replace(blocks[position], **values)
    return replace(architecture, blocks=tuple(blocks))


def test_spinenet_49_is_the_published_list_in_both_directions():
    spinenet = catalog.load("spinenet-49")
    assert dumps(spinenet) == GOLDEN.read_text()
    assert loads(GOLDEN.read_text()) == spinenet


@settings(max_examples=60, deadline=None)
@given(architectures(PLAIN))
def test_the_plain_form_gives_back_what_was_written(architecture):
    assert loads(dumps(architecture)) == architecture


@settings(max_examples=60, deadline=None)
@given(architectures(DILATED))
def test_the_extended_form_gives_back_every_dilation(architecture):
    assert loads(dumps(architecture, dilated=True)) == architecture


@settings(max_examples=60, deadline=None)
@given(architectures(DILATED))
def test_the_plain_form_names_the_first_block_with_a_dilation(architecture):
    dilations = [block.dilation for block in architecture.blocks]
    if set(dilations) == {1}:
        assert loads(dumps(architecture)) == architecture
        return
    first = next(i for i, dilation in enumerate(dilations) if dilation != 1)
    message = (
        rf"^block {first + 2}: .* no dilation but got {dilations[first]}: .*tf-vision-dilated\)$"
    )
    with pytest.raises(UserError, match=message):
        dumps(architecture)


@settings(max_examples=60, deadline=None)
@given(architectures(LEVEL_2))
def test_a_level_2_output_is_refused_in_writing_and_can_be_chosen_in_reading(architecture):
    with pytest.raises(UserError, match=r"^output_levels: .*\[3\].* but got \[2, 3\]: "):
        dumps(architecture)
    text = dumps(replace(architecture, output_levels=(3,)))
    assert loads(text, output_levels=(2, 3)) == architecture


@pytest.mark.parametrize(
    "stem",
    [
        (*STEM, STEM[0]),
        (STEM[0], replace(STEM[1], dilation=2)),
        (replace(STEM[0], type="residual"), STEM[1]),
    ],
)
def test_another_stem_is_refused_in_writing(stem):
    spinenet = replace(catalog.load("spinenet-49"), stem=stem)
    with pytest.raises(UserError, match=r"^stem: .*two bottleneck blocks.*export .* as spec$"):
        dumps(spinenet, dilated=True)


ENTRIES = "(3, 'residual', (1, 0), False),\n(3, 'bottleneck', (1, 2), True)"
READ = Architecture(
    STEM, (Block(3, "residual", (1, 0)), Block(3, "bottleneck", (1, 2), output=True)), (3,)
)


@pytest.mark.parametrize(
    "text",
    [
        f"[{ENTRIES}]",
        f"SPECS = [\n{ENTRIES},\n]\n",
        f"# A comment = [\n\n# and (another)\nSPECS = [  # and\n    # one\n{ENTRIES}]",
        f"\ufeffSPECS=[{ENTRIES}]".replace("'", '"').replace("\n", "\r\n"),
        f"[{ENTRIES}]".replace("False", "False, 1").replace("True", "True, 1"),
    ],
)
def test_a_list_is_read_as_it_stands_in_a_source_file_and_by_load(text, tmp_path):
    assert loads(text) == READ
    path = tmp_path / "specs.py"
    path.write_bytes(text.encode())
    assert architecture_file.load_spec(path) == architecture_file.LoadedSpec(READ)


def test_an_architecture_file_is_no_block_list():
    text = architecture_file.dumps(READ, {"SPECS = [": "SPECS = ["})
    assert not is_block_list(text)
    assert not is_block_list("# SPECS = [\n" + text)
    assert not is_block_list("a: [1]")


def entries(old: str, new: str) -> str:
    assert old in ENTRIES
    return f"[{ENTRIES.replace(old, new, 1)}]"


BAD = {
    "empty": ("SPECS = []", r"must be a list of \(level, .* but got \[\]"),
    "no entry": ("[3, 4]", r"block 2: must be \(level, .* but got 3"),
    "list as an entry": ("[[3, 'residual', (0, 1), True]]", r"block 2: must be \(level, "),
    "three elements": (entries(", True", ""), r"block 3: must be \(level, .* but got \(3, "),
    "six elements": (entries("True", "True, 1, 1"), r"block 3: must be .* end in a dilation"),
    "dilation in one": (entries("True", "True, 2"), "either every entry has a dilation .* or none"),
    "level": (entries("(3, 'b", "(8, 'b"), "block 3: level must be between 2 and 7 but got 8"),
    "level text": (entries("(3, 'b", "('3', 'b"), "block 3: level must be a whole number but"),
    "level true": (entries("(3, 'b", "(True, 'b"), "block 3: level must be a whole number but"),
    "block_fn": (entries("residual", "dense"), "block 2: type must be one of .* but got 'dense'"),
    "block_fn no text": (entries("'residual'", "1"), "block 2: block_fn must be text but got 1"),
    "later input": (entries("(1, 2)", "(1, 3)"), "block 3: every input must be an earlier block"),
    "input before all": (entries("(1, 2)", "(-1, 2)"), "block 3: every input must be an earlier"),
    "same input": (entries("(1, 2)", "(2, 2)"), "block 3: inputs must be two distinct blocks"),
    "input text": (entries("(1, 2)", "(1, '2')"), r"block 3: inputs must be \(input0, input1\)"),
    "one input": (entries("(1, 2)", "1"), r"block 3: inputs must be \(input0, input1\) but got 1"),
    "output text": (entries("True", "'yes'"), "block 3: is_output must be True or False but got"),
    "output number": (entries("True", "1"), "block 3: is_output must be True or False but got 1"),
    "no output": (entries("True", "False"), "no output block: set is_output"),
    "output twice": (entries("False", "True"), "level 3: only one block may be its output"),
    "dilation text": (
        entries("True", "True, '2'").replace("False", "False, 1"),
        "block 3: dilation must be a whole number but got '2'",
    ),
    "dilation 0": (
        entries("True", "True, 0").replace("False", "False, 1"),
        "block 3: dilation must be at least 1 but got 0",
    ),
    "level 2 alone": ("[(2, 'residual', (0, 1), True)]", "output_levels: at least one level is"),
    "two lists": (f"A = [{ENTRIES}]\nB = 1", "must be one list of .* with or without NAME ="),
    "a call": ("A = [print(1)]", "line 1: must be plain values"),
    "a name": (f"A = [{ENTRIES},\nTrue, x]", "line 3: must be plain values"),
    "comma missing": (f"A = [{ENTRIES}]".replace("),\n", ")\n"), "line 1: must be plain values"),
    "never closed": ("A = [\n(1, 2", "line 2: not a Python literal: .* was never closed"),
    "too deep": ("A = " + "[" * 600, "line 1: not a Python literal: too many nested"),
    "deep": ("A = [" + "-" * 5000 + "1]", "must be plain values"),
    "null": ("A = [\x00]", "null bytes"),
    "chained": ("A = [1].b", "line 1: must be plain values"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_bad_list_is_refused_in_one_line_that_names_file_block_and_rule(text, message, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        architecture_file.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


def test_nothing_in_the_text_is_ever_run(tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises(UserError):
        loads(f"A = [open({str(canary)!r}, 'w')]")
    assert not canary.exists()


def test_a_gap_between_the_output_levels_is_refused_as_the_model_garden_fails_on_it():
    gap = Architecture(
        STEM,
        (Block(3, "residual", (0, 1), output=True), Block(5, "residual", (0, 2), output=True)),
        (3, 5),
    )
    with pytest.raises(UserError, match=r"every level from 3 to 5 but .* only \[3, 5\]: export"):
        dumps(gap)


def test_output_levels_without_an_output_block_are_refused():
    with pytest.raises(UserError, match=r"^here: output_levels: no block is marked .* level 4$"):
        loads(f"[{ENTRIES}]", "here", output_levels=(3, 4))
