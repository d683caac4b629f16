"""A latency table that a simple machine would give, without measuring anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from search_space.backbone import Backbone
from search_space.cost.graph import Graph
from search_space.encoders import ENCODERS
from search_space.latency.operators import Operator, operators
from search_space.latency.table import LatencyTable, Measured, Row
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.spine import SpineSpace

SMALL = Scale(0.25, endpoint_filters=32, aspp_filters=32)
SIZE = (64, 96)
MACHINE = Measured("a simple machine", "onnxruntime 1", 1, "2026-12-01")


def networks(count: int, seed: int = 0) -> Iterator[Backbone]:
    """By turns from scratch and on an encoder."""
    rng = np.random.default_rng(seed)
    spaces = (ScalePermutedSpace(), SpineSpace(ENCODERS["efficientnet-lite0"], 4))
    for number in range(count):
        space = spaces[number % 2]
        yield space.decode(space.sample(rng))


def law(made: Operator) -> float:
    """Milliseconds: a fixed time, MACs, and bytes that are read and written."""
    read = made.size[0] * made.size[1] * made.channels
    put = made.out[0] * made.out[1] * made.filters
    return 0.01 + made.macs / 2e7 + (read + put) / 1e6


def table(
    backbones: Iterable[Backbone], scale: Scale = SMALL, classes: int = 3, size=SIZE
) -> LatencyTable:
    """Of the operators of these networks."""
    found = {
        each.operator
        for backbone in backbones
        for each in operators(Graph(backbone, scale, classes, size))
    }
    return LatencyTable(MACHINE, tuple(Row(each, law(each)) for each in sorted(found)))
