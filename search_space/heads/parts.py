"""What the heads have in common: one map of several levels, and the classes at the end."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from search_space.nodes import Nodes, Size
from search_space.tape import Piece, Tape

remembered = lru_cache(maxsize=1 << 12)
"""There are few different pieces in a search space."""


class Merged(NamedTuple):
    """The map that a head reads: the sum of the maps of ``reads``, or the only one."""

    reads: tuple[int, ...]
    channels: int
    size: Size

    @property
    def summed(self) -> bool:
        return len(self.reads) > 1


def merged(graph: Nodes, reader: str) -> Merged:
    """The endpoints of all levels at the size of the finest; a single level's map as it is.

    ``reader``: the part that the up-sampling belongs to.
    """
    finest = graph.outputs[min(graph.outputs)]
    reads: tuple[int, ...] = (finest,)
    if len(graph.outputs) > 1:
        reads = endpoints(graph, reader, graph.nodes[finest].piece.size)
    x = graph.nodes[reads[0]].piece
    return Merged(reads, x.channels, x.size)


def endpoints(graph: Nodes, reader: str, target: Size) -> tuple[int, ...]:
    """Output levels, brought to one number of channels and resized for the reader."""
    made = [_endpoint(graph, level, node) for level, node in graph.outputs.items()]
    return tuple([_resized(graph, reader, node, target) for node in made])


def logits(graph: Nodes, *reads: int, kept: bool) -> int:
    """1x1 convolution to the classes, of a map or a sum; ``kept`` as in Tape.source."""
    _, level, x = graph.nodes[reads[0]]
    piece = _classifier(x.channels, x.size, graph.classes, kept)
    return graph.add("classifier", level, piece, reads, len(reads) > 1)


def _endpoint(graph: Nodes, level: int, node: int) -> int:
    x = graph.nodes[node].piece
    piece = projected(x.channels, x.size, graph.scale.endpoint_filters)
    return graph.add(f"endpoint {level}", level, piece, (node,))


def _resized(graph: Nodes, reader: str, node: int, target: Size) -> int:
    _, level, x = graph.nodes[node]
    if x.size == target:
        return node
    return graph.add(reader, level, _resize(x.channels, x.size, target), (node,))


@remembered
def projected(channels: int, size: Size, filters: int) -> Piece:
    """1x1 convolution with batch norm and ReLU: of an output level, of a low-level map."""
    tape = Tape()
    return tape.piece(tape.conv_norm_relu(tape.source(channels, size), filters, 1))


@remembered
def _resize(channels: int, size: Size, target: Size) -> Piece:
    """A map up-sampled, or its mean where the target is one pixel."""
    tape = Tape()
    return tape.piece(tape.resize(tape.source(channels, size), target))


@remembered
def _classifier(filters: int, size: Size, classes: int, kept: bool) -> Piece:
    """1x1 convolution with bias, or a fully connected layer on one pixel."""
    tape = Tape()
    x = tape.source(filters, size, kept=kept)
    return tape.piece(tape.conv(x, classes, 1, bias=True))
