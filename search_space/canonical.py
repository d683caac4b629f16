"""The canonical key: the same for two specs if and only if they build the same network.

A hash of what each block reads (a Merkle hash) is not enough: two identical twins with a reader
each and one twin with both readers would hash alike. So the blocks that are built are coloured by
what they are, the colours are refined by those of parents and readers until they no longer split
(Weisfeiler and Leman 1968), and what is left tied is told apart one block at a time, keeping the
smallest description (individualisation and refinement; McKay and Piperno, arXiv 1301.1493).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from search_space.architecture import ATTRIBUTES, Architecture, Feature
from search_space.backbone import Backbone
from search_space.resnet import DilatedResNet
from search_space.scales import DEEPLABV3

RESAMPLED, ABSORBED = 0, 1
"""How a block is read: through a resampling with weights of its own, or added as it is."""

Label = tuple[Any, ...]
"""What a block is by itself; those of a graph can be ordered."""
Colours = list[int]
"""For each node its colour: the ranks 0 to k - 1 of k classes, independent of the block order."""
Certificate = tuple[tuple[Any, ...], ...]
"""A full description of the graph, node by node in the order of discrete colours."""


def canonical_key(backbone: Backbone) -> str:
    """16 hex digits. The order of blocks and of parents, and blocks never built, do not count."""
    if isinstance(backbone, DilatedResNet):
        head = () if backbone.head == DEEPLABV3 else (backbone.head,)
        words = (*backbone.stages, backbone.output_stride, *head)
        text = "dilated-resnet/1 " + " ".join(map(str, words))
    else:
        graph = _graph(backbone)
        form = f"spinenet-seg/2 {backbone.encoder}" if backbone.encoder else "spinenet-seg/1"
        text = f"{form} {_smallest(graph, _refine(graph, _ranks(graph.labels)))}"
    return sha256(text.encode()).hexdigest()[:16]


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


def _smallest(graph: _Graph, colours: Colours) -> Certificate:
    """The smallest certificate over all ways to tell tied nodes apart.

    Two candidates whose first leaves read alike are mapped onto each other by an automorphism
    that keeps all choices so far, so only one of them is followed: without it, k identical
    blocks would cost k! certificates.
    """
    tied = _first_tie(colours)
    if not tied:
        return _certificate(graph, colours)
    candidates: dict[Certificate, Colours] = {}
    for node in tied:
        choice = _individualise(graph, colours, node)
        candidates.setdefault(_first_leaf(graph, choice), choice)
    return min(_smallest(graph, choice) for choice in candidates.values())


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
