"""DeepLabv3+ (Chen et al. 2018): DeepLabv3 with a decoder that reads the low-level map."""

from __future__ import annotations

from search_space.heads.base import Head
from search_space.heads.deeplabv3 import pyramid
from search_space.heads.parts import logits, projected, remembered
from search_space.nodes import Nodes, Size
from search_space.shapes import aspp_rates
from search_space.tape import Piece, Tape

_LEVEL = 2


def _lay(graph: Nodes) -> int:
    aspp = pyramid(graph)
    x, low = graph.nodes[aspp].piece, graph.nodes[graph.low].piece
    filters = graph.scale.low_level_filters
    narrow = projected(low.channels, low.size, filters)
    narrowed = graph.add("decoder", _LEVEL, narrow, (graph.low,))
    piece = _decoder(x.channels, x.size, filters, low.size, graph.scale.head_separable)
    node = graph.add("decoder", _LEVEL, piece, (aspp, narrowed))
    return logits(graph, node, kept=False)


@remembered
def _decoder(filters: int, coarse: Size, low_filters: int, size: Size, separable: bool) -> Piece:
    """ASPP's map up-sampled, joined with the narrowed low-level map, two 3x3 convolutions and
    dropout. The two maps are its sources, in this order."""
    tape = Tape()
    x, low = tape.source(filters, coarse), tape.source(low_filters, size)
    x = tape.cat(tape.resize(x, size, smooth=True), low)
    for _ in range(2):
        x = tape.spatial_norm_relu(x, filters, separable)
    return tape.piece(tape.dropout(x))


HEAD = Head("DeepLabv3+", "arXiv 1802.02611", _lay, level=_LEVEL, rates=aspp_rates)
