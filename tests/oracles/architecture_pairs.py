"""Pairs of architectures that are the same network or nearly so, and networkx to judge them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import networkx as nx
import numpy as np

from search_space.architecture import STEM, Architecture, Block
from search_space.genes import Genotype, sample
from search_space.scale_permuted import ScalePermutedSpace

Pair = tuple[Architecture, Architecture]
Pairs = Callable[[np.random.Generator], Iterator[Pair]]
"""An endless stream of pairs of one kind."""

DEFAULT = ScalePermutedSpace()
TINY = ScalePermutedSpace(stages=((2, 2),), output_levels=(3,), max_level=3, dilations=(1,))
"""So small that independent draws are often the same network, by different genotypes."""


def built_graph(architecture: Architecture) -> nx.DiGraph:
    """The blocks that are built and how each reads the others, straight from the definitions."""
    graph = nx.DiGraph()
    read_out = set(architecture.output_blocks.values())
    for i in architecture.alive:
        block = architecture.all_blocks[i]
        place = i if i < len(architecture.stem) else None
        what = replace(block, inputs=(), output=False)
        graph.add_node(i, what=(place, what, i in read_out))
        for parent in architecture.parents[i]:
            graph.add_edge(parent, i, how="resampled")
        for other in architecture.absorbed.get(i, ()):
            graph.add_edge(other, i, how="absorbed")
    return graph


def same_network(a: Architecture, b: Architecture) -> bool:
    """Whether some one-to-one map of the built blocks keeps all that they are and read."""
    return nx.is_isomorphic(
        built_graph(a),
        built_graph(b),
        node_match=lambda x, y: x["what"] == y["what"],
        edge_match=lambda x, y: x["how"] == y["how"],
    )


def plain(*inputs: int, level: int = 3, output: bool = False) -> Block:
    return Block(level, "bottleneck", inputs, output=output)


def crowded(rng: np.random.Generator) -> Architecture:
    """A small architecture in which twins, absorbed and dead blocks abound."""
    blocks = []
    for index in range(2, int(rng.integers(4, 9))):
        parents = sorted(rng.choice(index, 2, replace=False).tolist())
        kind = "residual" if rng.random() < 0.15 else "bottleneck"
        blocks.append(Block(3 if rng.random() < 0.8 else 4, kind, tuple(parents)))
    for level in (4, 3) if rng.random() < 0.5 else (3,):
        index = 2 + len(blocks)
        parents = sorted(rng.choice(index, 2, replace=False).tolist())
        blocks.append(plain(*parents, level=level, output=True))
    levels = (3, 4) if len([b for b in blocks if b.output]) > 1 and rng.random() < 0.5 else (3,)
    return Architecture(STEM, tuple(blocks), levels)


def cycles(*lengths: int, seed: int = 0) -> Architecture:
    """Twins read in pairs along cycles: colours alone cannot tell the cycle lengths apart."""
    total, start, pairs = sum(lengths), 2, []
    for length in lengths:
        members = list(range(start, start + length))
        pairs += [(members[i], members[(i + 1) % length]) for i in range(length)]
        start += length
    np.random.default_rng(seed).shuffle(pairs)
    twins = [plain(0, 1, level=4) for _ in range(total)]
    readers = [plain(*(int(i) for i in pair)) for pair in pairs]
    return Architecture(STEM, (*twins, *readers, plain(0, 1, output=True)), (3,))


def shuffled(architecture: Architecture, rng: np.random.Generator) -> Architecture:
    """The same blocks in another order in which every block comes after those it reads.

    Mostly the same network; another one where an output comes to add other loose blocks.
    """
    stem = len(architecture.stem)
    order, left = list(range(stem)), list(range(stem, len(architecture.all_blocks)))
    needs = {i: {*architecture.parents[i], *architecture.absorbed.get(i, ())} for i in left}
    while left:
        ready = [i for i in left if needs[i] <= set(order)]
        order.append(ready[int(rng.integers(len(ready)))])
        left.remove(order[-1])
    new = {old: position for position, old in enumerate(order)}
    blocks = [
        replace(
            architecture.all_blocks[old],
            inputs=tuple(new[p] for p in architecture.parents[old][::-1]),
        )
        for old in order[stem:]
    ]
    return replace(architecture, blocks=tuple(blocks))


def rewired(architecture: Architecture, rng: np.random.Generator) -> Architecture:
    """One block with a random pair of parents."""
    position = int(rng.integers(1, len(architecture.blocks)))
    pair = sorted(rng.choice(position + len(architecture.stem), 2, replace=False).tolist())
    blocks = list(architecture.blocks)
    blocks[position] = replace(blocks[position], inputs=tuple(pair))
    return replace(architecture, blocks=tuple(blocks))


def _draws(space: ScalePermutedSpace) -> Pairs:
    def pairs(rng: np.random.Generator) -> Iterator[Pair]:
        while True:
            yield space.decode(sample(space.genes, rng)), space.decode(sample(space.genes, rng))

    return pairs


def _copies(rng: np.random.Generator) -> Iterator[Pair]:
    while True:
        architecture = DEFAULT.decode(sample(DEFAULT.genes, rng))
        yield architecture, shuffled(architecture, rng)


def _mutants(rng: np.random.Generator) -> Iterator[Pair]:
    while True:
        genotype = sample(DEFAULT.genes, rng)
        yield DEFAULT.decode(genotype), DEFAULT.decode(DEFAULT.mutate(genotype, rng))


def _shuffled_mutants(rng: np.random.Generator) -> Iterator[Pair]:
    for architecture, mutant in _mutants(rng):
        yield architecture, shuffled(mutant, rng)


def _chains(rng: np.random.Generator) -> Iterator[Pair]:
    """Each of five successive mutants with the first of the chain."""
    while True:
        genotype: Genotype = sample(DEFAULT.genes, rng)
        first = DEFAULT.decode(genotype)
        for _ in range(5):
            genotype = DEFAULT.mutate(genotype, rng)
            yield first, DEFAULT.decode(genotype)


def _crowded_copies(rng: np.random.Generator) -> Iterator[Pair]:
    while True:
        architecture = crowded(rng)
        yield architecture, shuffled(architecture, rng)


def _crowded_rewired(rng: np.random.Generator) -> Iterator[Pair]:
    while True:
        architecture = crowded(rng)
        yield architecture, rewired(architecture, rng)
        yield architecture, shuffled(rewired(architecture, rng), rng)


def _crowded_read_out(rng: np.random.Generator) -> Iterator[Pair]:
    """Two outputs, of which one, the other or both are read out."""
    levels = ((3,), (4,), (3, 4))
    while True:
        architecture = crowded(rng)
        if sum(block.output for block in architecture.blocks) == 2:
            chosen = levels[int(rng.integers(len(levels)))]
            yield architecture, shuffled(replace(architecture, output_levels=chosen), rng)


def _look_alikes(rng: np.random.Generator) -> Iterator[Pair]:
    """Independent draws with the same blocks and as many edges."""
    seen: dict[object, Architecture] = {}
    while True:
        architecture = crowded(rng)
        graph = built_graph(architecture)
        what = sorted(map(str, dict(graph.nodes(data="what")).values()))
        looks = (tuple(what), graph.number_of_edges())
        if looks in seen:
            yield seen[looks], architecture
        seen[looks] = architecture


def _cycles(rng: np.random.Generator) -> Iterator[Pair]:
    """Seven or eight twins in cycles of three or more, drawn twice."""
    lengths = ((7,), (3, 4), (8,), (3, 5), (4, 4))
    while True:
        first, second = (lengths[int(rng.integers(len(lengths)))] for _ in range(2))
        yield (
            cycles(*first, seed=int(rng.integers(2**32))),
            cycles(*second, seed=int(rng.integers(2**32))),
        )


KINDS: dict[str, tuple[Pairs, int]] = {
    "default space: independent draws": (_draws(DEFAULT), 500),
    "default space: copies in another order": (_copies, 1000),
    "default space: mutants": (_mutants, 1000),
    "default space: mutants in another order": (_shuffled_mutants, 1000),
    "default space: chains of mutations": (_chains, 1500),
    "tiny space: independent draws": (_draws(TINY), 4000),
    "crowded: copies in another order": (_crowded_copies, 3000),
    "crowded: rewired": (_crowded_rewired, 4300),
    "crowded: other levels read out": (_crowded_read_out, 1000),
    "crowded: independent look-alikes": (_look_alikes, 2500),
    "cycles that colours cannot tell apart": (_cycles, 200),
}
"""What is compared: the stream of each kind, and its pairs out of 20,000."""
