"""The order of a network's blocks that no spec decides: the same for two specs that build the same
network, whichever way round they name its blocks.

The blocks that are built are coloured by what they are, the colours are refined by those of
parents and readers until they no longer split (Weisfeiler and Leman 1968), and what is left tied is
told apart one block at a time, keeping the smallest description (individualisation and refinement;
McKay and Piperno, arXiv 1301.1493).
Standard library only, as an exported network carries this file along: it runs in this order.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any

from search_space.architecture import ATTRIBUTES, Architecture, Feature

RESAMPLED, ABSORBED = 0, 1
"""How a block is read: through a resampling with weights of its own, or added as it is."""

Label = tuple[Any, ...]
"""What a block is by itself; those of a graph can be ordered."""
Colours = list[int]
"""For each node its colour: the ranks 0 to k - 1 of k classes, independent of the block order."""
Certificate = tuple[tuple[Any, ...], ...]
"""A full description of the graph, node by node in the order of discrete colours."""


@dataclass(frozen=True)
class CanonicalForm:
    """``certificate`` is the same for two architectures if and only if they build the same network;
    ``order`` has the ids of the blocks that are built, each behind all that it reads: blocks at one
    place of two such orders are the same block of that network."""

    certificate: Certificate
    order: tuple[int, ...]


@lru_cache(maxsize=1 << 10)
def canonical_form(architecture: Architecture) -> CanonicalForm:
    """Remembered, as keys, costs and networks ask for it one after the other."""
    graph = _graph(architecture)
    certificate, colours = _smallest(graph, _refine(graph, _ranks(graph.labels)))
    ranks = dict(zip(sorted(architecture.alive), colours, strict=True))
    return CanonicalForm(certificate, _behind_what_it_reads(architecture, ranks))


def _behind_what_it_reads(architecture: Architecture, ranks: dict[int, int]) -> tuple[int, ...]:
    """The stem, then always the block of the lowest rank among those that can be computed."""
    order = [index for index in sorted(ranks) if index < len(architecture.stem)]
    waiting = sorted(set(ranks) - set(order), key=ranks.__getitem__)
    while waiting:
        ready = next(index for index in waiting if set(architecture.reads[index]) <= set(order))
        waiting.remove(ready)
        order.append(ready)
    return tuple(order)


@dataclass(frozen=True)
class _Graph:
    """The blocks that are built. Edges are (node, how it is read)."""

    labels: list[Label]
    sources: list[list[tuple[int, int]]]
    readers: list[list[tuple[int, int]]]


def _graph(architecture: Architecture) -> _Graph:
    node = {index: position for position, index in enumerate(sorted(architecture.alive))}
    read_out = set(architecture.output_blocks.values())
    labels = [_label(architecture, index, index in read_out) for index in node]
    sources: list[list[tuple[int, int]]] = [[] for _ in node]
    readers: list[list[tuple[int, int]]] = [[] for _ in node]
    for index, position in node.items():
        edges = [(parent, RESAMPLED) for parent in architecture.parents[index]]
        edges += [(other, ABSORBED) for other in architecture.absorbed.get(index, ())]
        for parent, how in edges:
            sources[position].append((node[parent], how))
            readers[node[parent]].append((position, how))
    return _Graph(labels, sources, readers)


def _label(architecture: Architecture, index: int, read_out: bool) -> Label:
    """That a block is an output shows in what it absorbs. Later attributes follow by name, where
    they do not have their default."""
    block = architecture.all_blocks[index]
    if isinstance(block, Feature):
        return index, block.level, int(read_out)
    place = index if index < len(architecture.stem) else -1
    original, later = [], []
    for each in ATTRIBUTES:
        value = getattr(block, each.name)
        if each.original:
            original.append(each.number(value))
        elif value != each.default:
            later.append((each.name, each.number(value)))
    return (place, *original, int(read_out), *later)


def _ranks(values: Sequence[Hashable]) -> Colours:
    rank = {value: position for position, value in enumerate(sorted(set(values)))}  # type: ignore[type-var]
    return [rank[value] for value in values]


def _refine(graph: _Graph, colours: Colours) -> Colours:
    """Split classes by the colours of parents and readers until nothing splits any more."""
    count = len(set(colours))
    while count < len(colours):
        colours = _ranks(
            [
                (
                    colour,
                    tuple(sorted([2 * colours[n] + how for n, how in sources])),
                    tuple(sorted([2 * colours[n] + how for n, how in readers])),
                )
                for colour, sources, readers in zip(
                    colours, graph.sources, graph.readers, strict=True
                )
            ]
        )
        before, count = count, max(colours) + 1
        if count == before:
            break
    return colours


def _smallest(graph: _Graph, colours: Colours) -> tuple[Certificate, Colours]:
    """The smallest certificate over all ways to tell tied nodes apart, and the colours it is of.

    Two candidates whose first leaves read alike are mapped onto each other by an automorphism
    that keeps all choices so far, so only one of them is followed: without it, k identical
    blocks would cost k! certificates.
    """
    tied = _first_tie(colours)
    if not tied:
        return _certificate(graph, colours), colours
    candidates: dict[Certificate, Colours] = {}
    for node in tied:
        choice = _individualise(graph, colours, node)
        candidates.setdefault(_first_leaf(graph, choice), choice)
    return min((_smallest(graph, choice) for choice in candidates.values()), key=itemgetter(0))


def _first_leaf(graph: _Graph, colours: Colours) -> Certificate:
    while tied := _first_tie(colours):
        colours = _individualise(graph, colours, tied[0])
    return _certificate(graph, colours)


def _first_tie(colours: Colours) -> list[int]:
    """The nodes of the lowest colour that more than one node has; empty if there is none."""
    if max(colours) + 1 == len(colours):
        return []
    lowest = min(colour for colour in colours if colours.count(colour) > 1)
    return [node for node, colour in enumerate(colours) if colour == lowest]


def _individualise(graph: _Graph, colours: Colours, node: int) -> Colours:
    """Give one node a colour of its own, just below its peers', and refine."""
    doubled = [2 * colour for colour in colours]
    doubled[node] -= 1
    return _refine(graph, _ranks(doubled))


def _certificate(graph: _Graph, colours: Colours) -> Certificate:
    order = sorted(range(len(colours)), key=colours.__getitem__)
    return tuple(
        (*graph.labels[node], *sorted((colours[n], how) for n, how in graph.sources[node]))
        for node in order
    )
