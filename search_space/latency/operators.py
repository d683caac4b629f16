"""A network as the operators that a runtime executes, laid out from its spec alone.

A runtime folds a batch norm into the convolution before it and a ReLU into whatever comes before
it, so that they are no operators. What an operator costs also hangs on who reads its map: a
convolution that hands it to another may keep its own memory layout, and one whose map is summed may
add the other part itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from search_space.cost.graph import AUXILIARY, Graph
from search_space.nodes import Size
from search_space.tape import Layer, Piece

CONV, DEPTHWISE, SUM, CAT, POOL = "conv", "depthwise", "sum", "cat", "pool"
NEAREST, BILINEAR, MEAN, EXPAND, RELU = "nearest", "bilinear", "mean", "expand", "relu"
KINDS = (CONV, DEPTHWISE, SUM, CAT, POOL, NEAREST, BILINEAR, MEAN, EXPAND, RELU)
MAP = "map"
READERS = (CONV, SUM, POOL, MAP)
"""Of an operator's map: convolutions; sums that keep their layout; pooling; what reads plain maps.
"""
_CONVS = (CONV, DEPTHWISE)
LOGITS = "logits"
"""The part that up-samples the classes to the image's size."""
_ALIASES = frozenset({"norm", "dropout"})
"""Layers that cost nothing in inference."""
_METHODS = {"add": SUM, "cat": CAT, "pool": POOL, "resize": NEAREST, "smooth": BILINEAR}
_METHODS |= {CONV: CONV, DEPTHWISE: DEPTHWISE, MEAN: MEAN}


class Operator(NamedTuple):
    """What the latency of an operator hangs on.

    ``channels`` and ``size`` (height, width) are of the map that it reads (of all that it joins, or
    of one that it sums); ``filters`` and ``out`` of what it puts out; so many ``inputs`` meet in
    it. ``relu``: with one behind it; ``padded``: by TensorFlow's rule, in a step of its own;
    ``fused``: a sum that one of the convolutions before it may do; ``reader``: one of READERS.
    """

    kind: str
    channels: int
    filters: int
    size: Size
    out: Size
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    inputs: int = 1
    relu: bool = False
    padded: bool = False
    fused: bool = False
    reader: str = CONV

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        if self.kind not in _CONVS:
            return 0
        pixels = self.out[0] * self.out[1]
        read = self.channels if self.kind == CONV else 1
        return self.kernel * self.kernel * read * self.filters * pixels


class Laid(NamedTuple):
    """An operator in its place: the part of the network, and the operators that it reads, by their
    number; -1 is the image."""

    part: str
    operator: Operator
    reads: tuple[int, ...]


@dataclass
class _Draft:
    """An operator before it is known who reads it."""

    part: str
    kind: str
    reads: list[int]
    channels: int
    size: Size
    layer: Layer
    dilation: int = 1
    relu: bool = False
    readers: list[int] = field(default_factory=list)
    blocked: bool = False
    fused: bool = False


def operators(graph: Graph) -> list[Laid]:
    """Of the exported graph, from the image to logits of the image's size, in the order in which
    they are computed."""
    drafts = _Drafts(graph).all()
    _fuse(drafts)
    _find_layouts(drafts)
    numbers = {id(draft): number for number, draft in enumerate(d for d in drafts if d.reads)}
    return [
        Laid(draft.part, _operator(draft, drafts), tuple(_number(drafts, numbers, draft.reads)))
        for draft in drafts
        if draft.reads
    ]


def _number(drafts: Sequence[_Draft], numbers: dict[int, int], reads: list[int]) -> Iterator[int]:
    for read in reads:
        yield -1 if read < 0 else numbers[id(drafts[read])]


class _Drafts:
    """Goes through a graph piece by piece."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._made: list[_Draft] = []
        self._ends: list[int] = []
        self._image = -1
        """Of each node, the draft that puts its map out."""

    def all(self) -> list[_Draft]:
        graph = self._graph
        for node, (step, (part, _, piece)) in enumerate(zip(graph.steps, graph.nodes, strict=True)):
            if part == AUXILIARY:
                self._ends.append(-1)
                continue
            self._ends.append(self._lay(node, part, piece, step[0]))
            if not step[0] and piece.size == graph.image:  # the image as it is seen, a smaller one
                self._image = self._ends[-1]
        if graph.head.pixels:
            low = graph.nodes[graph.logits[0]].piece
            if low.size != graph.labelled:
                up = Layer("smooth", (0,), low.channels, graph.labelled)
                self._put(LOGITS, BILINEAR, [self._ends[graph.logits[0]]], up)
        for number, draft in enumerate(self._made):
            for read in draft.reads:
                if read >= 0:
                    self._made[read].readers.append(number)
        return self._made

    def _lay(self, node: int, part: str, piece: Piece, reads: tuple[int, ...]) -> int:
        """The draft of the piece's map."""
        dilation = self._graph.dilations.get(node, 1)
        sources = [layer for layer in piece.layers if layer.method == "source"]
        given = iter(self._sources(part, reads, sources))
        values: list[int] = []
        for layer in piece.layers:
            if layer.method == "source":
                values.append(next(given))
            elif layer.method in _ALIASES:
                values.append(values[layer.reads[0]])
            else:
                read = [values[step] for step in layer.reads]
                values.append(self._put(part, self._kind(layer, read), read, layer, dilation))
        return values[-1]

    def _sources(self, part: str, reads: tuple[int, ...], sources: list[Layer]) -> list[int]:
        """The drafts that a piece reads: one for each source, or the sum of all for a single one;
        the image where it reads no node."""
        if not reads:
            return [self._image] * len(sources)
        ends = [self._ends[read] for read in reads]
        if len(ends) == len(sources):
            return ends
        # Connections that are up-sampled alike are summed before they are.
        last = [self._made[end] for end in ends[-2:]]
        if self._alike(last):
            inner = [draft.reads[0] for draft in last]
            up = last[0].layer
            for draft in last:
                draft.reads = []  # it is not computed
            low = up._replace(size=last[0].size)
            summed = self._put(part, SUM, inner, low)
            ends = [*ends[:-2], self._put(part, NEAREST, [summed], up)]
        total = ends[-1]
        others = ends[-2::-1] if len(ends) > 1 else []
        for other in others:
            total = self._put(part, SUM, [total, other], sources[0])
        return [total]

    @staticmethod
    def _alike(last: list[_Draft]) -> bool:
        """Whether both are up-sampled from one size, each behind a convolution of its own piece."""
        return (
            len(last) == 2
            and all(draft.kind == NEAREST and len(draft.layer.reads) == 1 for draft in last)
            and last[0].size == last[1].size
            and all(draft.layer.reads[0] > 0 for draft in last)
        )

    def _kind(self, layer: Layer, reads: list[int]) -> str:
        if layer.method == "relu":
            return SUM if len(reads) > 1 else RELU
        if layer.method == "resize" and self._size(reads[0]) == (1, 1):
            return EXPAND
        return _METHODS.get(layer.method, RELU)  # what is unknown costs about a pass over its map

    def _size(self, draft: int) -> Size:
        return self._graph.labelled if draft < 0 else self._made[draft].layer.size

    def _put(self, part: str, kind: str, reads: list[int], layer: Layer, dilation: int = 1) -> int:
        image = self._graph.labelled, self._graph.scale.channels
        read = [image if r < 0 else (self._made[r].layer.size, self._made[r].layer.channels)
                for r in reads]  # fmt: skip
        channels = sum(c for _, c in read) if kind == CAT else read[0][1]
        made = _Draft(part, kind, reads, channels, read[0][0], layer, layer.dilation or dilation)
        made.relu = layer.method == "relu" and kind == SUM
        self._made.append(made)
        return len(self._made) - 1


def _fuse(drafts: list[_Draft]) -> None:
    """A ReLU goes into the operator that nobody else reads. Bottom up, in place."""
    for number, draft in enumerate(drafts):
        if draft.kind != RELU or not draft.reads or draft.reads[0] < 0:
            continue
        before = drafts[draft.reads[0]]
        if draft.layer.method == "relu" and before.readers == [number] and not before.relu:
            before.relu, before.readers = True, draft.readers
            for reader in draft.readers:
                reads = drafts[reader].reads
                drafts[reader].reads = [draft.reads[0] if r == number else r for r in reads]
            draft.reads = []


def _find_layouts(drafts: list[_Draft]) -> None:
    """What stays in the convolutions' own layout, and which sums they do themselves."""
    for draft in drafts:
        reads = [drafts[read] for read in draft.reads if read >= 0]
        inside = len(reads) == len(draft.reads) and all(read.blocked for read in reads)
        draft.blocked = draft.kind in _CONVS or (draft.kind in (SUM, POOL) and inside)
        if draft.kind == SUM and inside:
            draft.fused = any(read.kind in _CONVS and not read.relu and _alone(read, drafts)
                              for read in reads)  # fmt: skip


def _alone(draft: _Draft, drafts: list[_Draft]) -> bool:
    """Whether just one operator reads its map."""
    return sum(1 for reader in draft.readers if drafts[reader].reads) == 1


def _operator(draft: _Draft, drafts: list[_Draft]) -> Operator:
    layer = draft.layer
    wanted = {_wanted(drafts[reader]) for reader in draft.readers if drafts[reader].reads}
    return Operator(
        draft.kind,
        draft.channels,
        layer.channels,
        draft.size,
        layer.size,
        layer.kernel,
        layer.stride,
        draft.dilation if layer.kernel > 1 else 1,
        len(draft.reads),
        draft.relu,
        layer.padded,
        draft.fused,
        wanted.pop() if len(wanted) == 1 else MAP if MAP in wanted or not wanted else CONV,
    )


def _wanted(reader: _Draft) -> str:
    """One of READERS."""
    if reader.kind in _CONVS:
        return MAP if reader.layer.padded else CONV
    if reader.kind == SUM:
        return SUM if reader.blocked else MAP
    return POOL if reader.kind == POOL else MAP
