"""The benchmark of the canonical key notices a wrong key, and counts what one can count by hand."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import pytest

from benchmarks import canonical
from search_space.architecture import Architecture
from search_space.canonical import canonical_key
from tests.oracles.architecture_pairs import TINY


def _hash_of_what_is_read(architecture: Architecture) -> str:
    """A plain Merkle hash: blind to whether two readers read one twin or one each."""

    def digest(index: int) -> int:
        block = architecture.all_blocks[index]
        reads = [digest(parent) for parent in architecture.parents[index]]
        added = [digest(other) for other in architecture.absorbed.get(index, ())]
        nature = (block.level, block.type, block.dilation, index < 2)
        return hash((*nature, *sorted(reads), "added", *sorted(added)))

    return str([digest(index) for index in architecture.output_blocks.values()])


def test_a_key_that_takes_different_networks_for_one_fails_the_benchmark(monkeypatch, capsys):
    monkeypatch.setattr(canonical, "canonical_key", _hash_of_what_is_read)
    assert canonical.main(["--pairs", "600", "--draws", "10"]) == 1
    tally = canonical.compare("crowded: rewired", 500)
    assert tally.false_matches > 0
    assert tally.false_differences == 0


def test_a_key_that_tells_copies_apart_fails_the_benchmark(monkeypatch, capsys):
    monkeypatch.setattr(canonical, "canonical_key", repr)
    assert canonical.main(["--pairs", "200", "--draws", "10"]) == 1
    tally = canonical.compare("crowded: copies in another order", 100)
    assert tally.false_matches == 0
    assert tally.false_differences > 50


def test_the_report_names_pairs_and_duplicates_and_depends_on_the_seed_alone(capsys):
    def printed(seed: str) -> str:
        assert canonical.main(["--pairs", "200", "--draws", "100", "--seed", seed]) == 0
        return re.sub(r"in [\d.]+ s", "in - s", capsys.readouterr().out)

    assert printed("0") == printed("0") != printed("1")
    assert "200 pairs, 0 wrong," in printed("0")


@pytest.mark.parametrize("draws", [1, 2000])
def test_duplicates_are_counted_by_genotype_and_by_network(draws):
    found = canonical.duplicates(TINY, draws, seed=3)
    everything = list(product(*(range(gene.radix) for gene in TINY.genes)))
    networks = Counter(canonical_key(TINY.decode(genotype)) for genotype in everything)
    # Drawing d of n boxes leaves a box of probability p empty with probability (1 - p) ** d.
    expected = sum(1 - (1 - times / TINY.size) ** draws for times in networks.values())
    assert found.draws == draws
    assert found.genotypes == pytest.approx(TINY.size * (1 - (1 - 1 / TINY.size) ** draws), rel=0.1)
    assert found.networks == pytest.approx(expected, rel=0.1)
    assert draws == 1 or found.networks < found.genotypes < draws
