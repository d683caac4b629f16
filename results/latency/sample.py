"""Which networks are measured where no search says it: of both spaces, over widths, heads and
sizes, so that shapes of any network of theirs lie between measured ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from results.latency.measure import Subject
from search_space.encoders import ENCODERS
from search_space.genes import SearchSpace
from search_space.heads import SEGMENTING
from search_space.nodes import Size
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.spine import SpineSpace

SIDES = (128, 352)
"""Pixels of an image's sides, from and to."""
WIDTHS = (0.25, 0.375, 0.5, 0.65)
"""Of SpineNet's filters."""
_CLASSES = (2, 20)
_SPINE = ("efficientnet-lite0", 6)


def usual(size: Size | None = None, seed: int = 0) -> Iterator[Subject]:
    """Without end; every second one has the encoder. For images of one ``size``, or of many."""
    rng = np.random.default_rng(seed)
    spaces = (ScalePermutedSpace(), SpineSpace(ENCODERS[_SPINE[0]], _SPINE[1]))
    while True:
        for space in spaces:
            width = float(rng.choice(WIDTHS))
            filters = max(32, round(256 * width / 16) * 16)
            head = str(rng.choice(SEGMENTING))
            scale = Scale(width, endpoint_filters=filters, aspp_filters=filters, head=head)
            sides = 32 * rng.integers(SIDES[0] // 32, SIDES[1] // 32 + 1, 2)
            drawn = size or (int(sides[0]), int(sides[1]))
            classes = int(rng.integers(_CLASSES[0], _CLASSES[1] + 1))
            yield Subject(space.decode(space.sample(rng)), scale, classes, drawn)


def of_space(
    space: SearchSpace, scales: Sequence[Scale], classes: int, size: Size, seed: int = 0
) -> Iterator[Subject]:
    """Of a search's own space, without end, at its scales by turns."""
    rng = np.random.default_rng(seed)
    while True:
        for scale in scales:
            yield Subject(space.decode(space.sample(rng)), scale, classes, size)
