"""Benchmark tables as spaces: which tables are taken, and what their genotypes mean."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from search_space.errors import UserError
from search_space.genes import SearchSpace, sample
from search_space.tabular import TableEntry, TabularSpace, load_table

CODES = ["".join(code) for code in product("13", "7", "0258")]
TABLE = {code: {"accuracy": float(code)} for code in CODES}


@pytest.fixture
def space() -> TabularSpace:
    return TabularSpace(TABLE)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_digits_that_vary_are_genes_and_every_genotype_is_a_row(space: TabularSpace) -> None:
    assert [(gene.name, gene.radix) for gene in space.genes] == [("digit.00", 2), ("digit.02", 4)]
    assert space.decode((1, 2)) == TableEntry("375", {"accuracy": 375.0})
    box = list(product(range(2), range(4)))
    assert [space.key(genotype) for genotype in box] == CODES
    assert [space.encode(space.decode(genotype)) for genotype in box] == box
    assert space.size == len(box)


def test_genotypes_outside_of_the_box_are_refused(space: TabularSpace) -> None:
    with pytest.raises(ValueError, match=r"digit\.02 must be between 0 and 3 but got 4"):
        space.decode((0, 4))


def test_codes_that_the_table_lacks_are_refused(space: TabularSpace) -> None:
    with pytest.raises(UserError, match="code '999' is not in the table"):
        space.encode(TableEntry("999", {}))


def test_mutants_differ_in_one_gene_and_reach_every_neighbour(space: TabularSpace) -> None:
    draw = rng()
    found = {space.mutate((1, 2), draw) for _ in range(200)}
    assert found == {(0, 2), (1, 0), (1, 1), (1, 3)}


def test_mixtures_have_each_gene_from_a_parent_and_are_all_reached(space: TabularSpace) -> None:
    draw = rng()
    assert {space.cross((0, 1), (1, 3), draw) for _ in range(100)} == set(product((0, 1), (1, 3)))


def test_features_are_as_far_apart_as_genes_that_differ(space: TabularSpace) -> None:
    one, other, third = (space.features(g) for g in ((0, 1), (0, 3), (1, 3)))
    assert {name: len(values) for name, values in one.items()} == {"digit.00": 2, "digit.02": 4}

    def distance(a: dict, b: dict) -> float:
        return sum(float(((a[name] - b[name]) ** 2).sum()) for name in a)

    assert distance(one, other) == pytest.approx(1)
    assert distance(one, third) == pytest.approx(2)


def test_it_is_a_search_space(space: TabularSpace) -> None:
    as_protocol: SearchSpace = space
    assert as_protocol.key(sample(as_protocol.genes, rng())) in CODES


def test_a_file_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE), "utf-8")
    assert load_table(path).rows == TABLE


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[1]", "must be a mapping"),
        ("{}", "must be a mapping"),
        ('{"0": 1, "1": 2}', "code '0': must be a mapping with a finite accuracy"),
        ('{"0": {"accuracy": NaN}}', "code '0': must be a mapping with a finite accuracy"),
        ('{"0": {"accuracy": true}}', "code '0': must be a mapping with a finite accuracy"),
        ('{"0": {"accuracy": 1}, "11": {"accuracy": 1}}', r"one length but got \[1, 2\]"),
        ('{"0": {"accuracy": 1}, "x": {"accuracy": 1}}', "code 'x' must consist of digits"),
        ('{"": {"accuracy": 1}}', "code '' must consist of digits"),
        ('{"0": {"accuracy": 1}}', "at least two codes are needed but it has 1"),
        (
            '{"00": {"accuracy": 1}, "11": {"accuracy": 1}, "01": {"accuracy": 1}}',
            "its digits make 4 codes but it has 3: every combination is needed",
        ),
    ],
)
def test_a_bad_table_gets_one_line_that_names_the_file(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "table.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=complaint) as caught:
        load_table(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "table.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"table\.json: "):
        load_table(path)
