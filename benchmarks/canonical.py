"""Holds the canonical key against graph isomorphism, and counts duplicates among random genotypes.

    python -m benchmarks.canonical

Exits with 1 if any pair's keys and networkx disagree. The same seed gives the same pairs.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import process_time

import numpy as np

from search_space.canonical import canonical_key
from search_space.genes import Genotype
from search_space.scale_permuted import ScalePermutedSpace
from tests.oracles.architecture_pairs import DEFAULT, KINDS, Pair, same_network

SMALL = ScalePermutedSpace(
    stages=((2, 1), (3, 1)), output_levels=(3,), max_level=3, dilations=(1, 2)
)


@dataclass(frozen=True)
class Tally:
    """Pairs by networkx's verdict; a false match has equal keys but is not the same network."""

    equal: int
    different: int
    false_matches: int
    false_differences: int

    @property
    def wrong(self) -> int:
        return self.false_matches + self.false_differences


@dataclass(frozen=True)
class Duplicates:
    """Among ``draws`` genotypes, how many distinct ones there are and how many networks."""

    draws: int
    genotypes: int
    networks: int


def compare(kind: str, count: int, seed: int = 0) -> Tally:
    """``count`` pairs of a kind, all of them judged by networkx."""
    verdicts = {(same, match): 0 for same in (True, False) for match in (True, False)}
    for a, b in _pairs(kind, count, seed):
        verdicts[same_network(a, b), canonical_key(a) == canonical_key(b)] += 1
    return Tally(
        equal=verdicts[True, True] + verdicts[True, False],
        different=verdicts[False, True] + verdicts[False, False],
        false_matches=verdicts[False, True],
        false_differences=verdicts[True, False],
    )


def duplicates(space: ScalePermutedSpace, draws: int, seed: int = 0) -> Duplicates:
    """Uniform draws from the box, with replacement."""
    radices = [gene.radix for gene in space.genes]
    drawn = np.random.default_rng(seed).integers(radices, size=(draws, len(radices)))
    genotypes: set[Genotype] = set(map(tuple, drawn.tolist()))
    return Duplicates(draws, len(genotypes), len({space.key(genotype) for genotype in genotypes}))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.canonical", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20_000, help="compared with networkx")
    parser.add_argument("--draws", type=int, default=100_000, help="random genotypes of each space")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    wrong = _report_pairs(chosen.pairs, chosen.seed)
    for name, space in (("default space", DEFAULT), ("small space", SMALL)):
        _report_duplicates(name, space, chosen.draws, chosen.seed)
    return 1 if wrong else 0


def _pairs(kind: str, count: int, seed: int) -> Iterator[Pair]:
    stream, _ = KINDS[kind]
    return islice(stream(np.random.default_rng([seed, zlib.crc32(kind.encode())])), count)


def _report_pairs(pairs: int, seed: int) -> int:
    began, total, wrong = process_time(), 0, 0
    whole = sum(share for _, share in KINDS.values())
    print(f"{'pairs':40} {'number':>7} {'equal':>7} {'differ':>7} {'false =':>8} {'false /=':>8}")
    for kind, (_, share) in KINDS.items():
        count = -(-pairs * share // whole)
        tally = compare(kind, count, seed)
        print(
            f"{kind:40} {count:7} {tally.equal:7} {tally.different:7}"
            f" {tally.false_matches:8} {tally.false_differences:8}",
            flush=True,
        )
        total, wrong = total + count, wrong + tally.wrong
    print(f"{total} pairs, {wrong} wrong, in {process_time() - began:.1f} s of one core\n")
    return wrong


def _report_duplicates(name: str, space: ScalePermutedSpace, draws: int, seed: int) -> None:
    began = process_time()
    found = duplicates(space, draws, seed)
    print(
        f"{name} ({space.size:.3g} genotypes): {draws} draws hold {found.genotypes} genotypes"
        f" and {found.networks} networks.\n"
        f"  duplicates: {draws - found.networks} ({draws - found.genotypes} of the same genotype,"
        f" {found.genotypes - found.networks} of another that builds the same network),"
        f" in {process_time() - began:.1f} s of one core",
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
