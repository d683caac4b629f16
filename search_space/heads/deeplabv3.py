"""DeepLabv3 (Chen et al. 2017): atrous spatial pyramid pooling, a 3x3 convolution."""

from __future__ import annotations

from search_space.heads.base import Head
from search_space.heads.parts import logits, merged, remembered
from search_space.nodes import Nodes, Size
from search_space.shapes import aspp_rates
from search_space.tape import Piece, Tape


def pyramid(graph: Nodes) -> int:
    """Adds ASPP on the backbone's levels, and returns its node."""
    x = merged(graph, "aspp")
    rates = aspp_rates(graph.trained, 1 << min(graph.outputs))
    scale, kept = graph.scale, not x.summed
    piece = _aspp(x.channels, x.size, scale.aspp_filters, rates, kept, scale.head_separable)
    return graph.add("aspp", min(graph.outputs), piece, x.reads, x.summed)


def _lay(graph: Nodes) -> int:
    aspp = pyramid(graph)
    _, level, x = graph.nodes[aspp]
    piece = _decoder(x.channels, x.size, graph.scale.head_separable)
    node = graph.add("decoder", level, piece, (aspp,))
    return logits(graph, node, kept=True)


@remembered
def _aspp(
    channels: int, size: Size, filters: int, rates: tuple[int, ...], kept: bool, separable: bool
) -> Piece:
    """``kept`` as in Tape.source."""
    tape = Tape()
    x = tape.source(channels, size, kept=kept)
    branches = [tape.conv_norm_relu(x, filters, 1)]
    branches += [tape.spatial_norm_relu(x, filters, separable, rate) for rate in rates]
    mean = tape.conv_norm_relu(tape.resize(x, (1, 1)), filters, 1)
    x = tape.cat(*branches, tape.resize(mean, size))
    return tape.piece(tape.conv_norm_relu(x, filters, 1))


@remembered
def _decoder(filters: int, size: Size, separable: bool) -> Piece:
    """Dropout, a 3x3 convolution."""
    tape = Tape()
    x = tape.dropout(tape.source(filters, size))
    return tape.piece(tape.spatial_norm_relu(x, filters, separable))


HEAD = Head("DeepLabv3", "arXiv 1706.05587", _lay, rates=aspp_rates)
