"""How much a training step holds of one image, from its spec: the whole network as one tape."""

from __future__ import annotations

from search_space.cost.graph import Graph
from search_space.cost.tape import FLOAT, Held, peak
from search_space.scales import CLASSIFIER

BAND_BYTES, LIVE_BANDS = 2**21, 2
"""The loss up-samples the logits in bands of about this size on a CPU, and holds a band's logits
and their logarithmic probabilities at a time."""
_PIXEL_BYTES = 5
"""Of a labelled pixel in the loss: whether it counts, and its weight."""


def peak_bytes(graph: Graph) -> int:
    """Bytes of one image beyond weights, gradients and optimiser state, at the step's peak."""
    logits = sum([graph.nodes[node].piece.held.bytes for node in graph.logits])
    height, width = graph.image
    labels = 0 if graph.head == CLASSIFIER else height * width * _PIXEL_BYTES
    loss = tuple(graph.logits), Held(0, logits, max(logits, labels)), False
    return peak([*graph.steps, loss])


def logits_bytes(graph: Graph) -> int:
    """Bytes of one image's logits at the image's size, as many as a segmenter would hold."""
    height, width = graph.image
    return 0 if graph.head == CLASSIFIER else graph.classes * height * width * FLOAT
