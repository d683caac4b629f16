"""How much a training step holds at its peak, from a spec: the whole network as one tape."""

from __future__ import annotations

from dataclasses import dataclass

from search_space.cost.graph import Graph
from search_space.tape import FLOAT, Held, Moment, peaks

_BAND_BYTES, _LIVE_BANDS = 2**21, 2
"""The loss up-samples the logits in bands of about this size on a CPU, and holds a band's logits
and their logarithmic probabilities at a time."""
_PIXEL_BYTES = 5
"""Of a labelled pixel in the loss: whether it counts, and its weight."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes of a training step beyond weights, gradients and optimiser state, in fp32.

    ``moments`` of the backward pass (see tape.peaks); ``in_loss``: what is held for each image
    while the loss is computed, ``logits``: of one image, at the image's size.
    """

    moments: tuple[Moment, ...]
    in_loss: int
    logits: int

    @property
    def image(self) -> int:
        """For each image, where the backward pass holds most."""
        return self.moments[0][0]

    def peak(self, batch: int) -> int:
        bands = _LIVE_BANDS * min(_BAND_BYTES, batch * self.logits)
        return max(
            batch * self.in_loss + bands, *(batch * each + fixed for each, fixed in self.moments)
        )


def step_memory(graph: Graph) -> StepMemory:
    """A classifier's loss reads one pixel, so that nothing is held for it."""
    pixels = graph.labelled[0] * graph.labelled[1] if graph.head.pixels else 0
    low = sum([graph.nodes[node].piece.held.bytes for node in graph.logits])
    loss = tuple(graph.logits), Held(0, low, ((low, 0),)), False
    kept = sum([held.kept for _, held, _ in graph.steps])
    return StepMemory(
        moments=peaks([*graph.steps, loss]),
        in_loss=kept + 2 * low + pixels * _PIXEL_BYTES,
        logits=graph.classes * pixels * FLOAT,
    )
