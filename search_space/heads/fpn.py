"""The semantic branch of a panoptic FPN (Kirillov et al. 2019), in its lightest form: the sum of
the levels and one 3x3 convolution. It has no pyramid, and costs a fifth of DeepLabv3's head."""

from __future__ import annotations

from search_space.heads.base import Head
from search_space.heads.parts import logits, merged, remembered
from search_space.nodes import Nodes, Size
from search_space.tape import Piece, Tape


def _lay(graph: Nodes) -> int:
    x = merged(graph, "decoder")
    scale, kept = graph.scale, not x.summed
    piece = _decoder(x.channels, x.size, scale.aspp_filters, kept, scale.head_separable)
    node = graph.add("decoder", min(graph.outputs), piece, x.reads, x.summed)
    return logits(graph, node, kept=False)


@remembered
def _decoder(channels: int, size: Size, filters: int, kept: bool, separable: bool) -> Piece:
    """A 3x3 convolution and dropout; ``kept`` as in Tape.source."""
    tape = Tape()
    x = tape.source(channels, size, kept=kept)
    return tape.piece(tape.dropout(tape.spatial_norm_relu(x, filters, separable)))


HEAD = Head("FPN", "arXiv 1901.02446", _lay)
