"""A network as the pieces it is made of, in the order in which it computes them."""

from __future__ import annotations

from typing import NamedTuple

from search_space.architecture import Architecture
from search_space.backbone import Backbone, head_of
from search_space.cost import pieces
from search_space.cost.pieces import Size, kind_of
from search_space.cost.tape import Piece, Step
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import CLASSIFIER, DEEPLABV3_PLUS, Scale

AUXILIARY = "auxiliary"
"""The part that inference leaves out."""


class Node(NamedTuple):
    """``part``: the row of the table that the piece belongs to; ``level`` of its map."""

    part: str
    level: int
    piece: Piece


class Graph:
    """The nodes of a network, how their backward pass goes (``steps``, one a node), and the nodes
    that put out the ``logits``.

    Raises:
        UserError: for a size or a number of classes below 1, or an auxiliary head on anything
            but a ResNet.
    """

    def __init__(
        self, backbone: Backbone, scale: Scale, classes: int, image: Size, auxiliary: bool = False
    ) -> None:
        _check(backbone, classes, image, auxiliary)
        self.scale, self.classes, self.image = scale, classes, image
        self.nodes: list[Node] = []
        self.steps: list[Step] = []
        self.outputs: dict[int, int] = {}
        self.logits: list[int] = []
        self.low = self.third_stage = 0
        if isinstance(backbone, Architecture):
            self._architecture(backbone)
        else:
            self._resnet(backbone)
        self.head = head_of(backbone, scale)
        self._head()
        if auxiliary:
            self._auxiliary()

    def _add(
        self, part: str, level: int, piece: Piece, reads: tuple[int, ...] = (), shares: bool = False
    ) -> int:
        self.nodes.append(Node(part, level, piece))
        self.steps.append((reads, piece.held, shares))
        return len(self.nodes) - 1

    def _architecture(self, architecture: Architecture) -> None:
        """Live blocks only; what an output block absorbs is added as it is."""
        made = {-1: self._stem()}
        for index in sorted(architecture.alive):
            if index < len(architecture.stem):
                made[index] = self.low = self._stem_block(architecture, index, made[index - 1])
            else:
                made[index] = self._merge_block(architecture, index, made)
        self.outputs = {level: made[i] for level, i in architecture.output_blocks.items()}

    def _stem_block(self, architecture: Architecture, index: int, before: int) -> int:
        block, x = architecture.stem[index], self.nodes[before].piece
        piece = pieces.body(self.scale, kind_of(block), x.channels, x.size, kept=index > 0)
        return self._add(str(index), block.level, piece, (before,))

    def _merge_block(self, architecture: Architecture, index: int, made: dict[int, int]) -> int:
        blocks, name = architecture.all_blocks, str(index)
        block, parents = blocks[index], sorted(blocks[index].inputs)
        kinds = tuple([kind_of(blocks[parent]) for parent in parents])
        *connections, body = pieces.merge(self.scale, self.image, kinds, kind_of(block))
        reads = [made[other] for other in architecture.absorbed.get(index, ())]
        for parent, piece in zip(parents, connections, strict=True):
            reads.append(self._add(name, block.level, piece, (made[parent],)))
        return self._add(name, block.level, body, tuple(reads), shares=True)

    def _resnet(self, resnet: DilatedResNet) -> None:
        node = self._stem()
        for number, stage in enumerate(resnet.plan):
            before = self.nodes[node].piece
            piece = pieces.blocks(
                "bottleneck",
                before.channels,
                self.scale.scaled(stage.filters),
                before.size,
                stage.blocks,
                stride=stage.stride,
                kept=number > 0,
            )
            node = self._add(f"stage {number + 1}", stage.level, piece, (node,))
            if number == 0:
                self.low = node
            elif number == 2:
                self.third_stage = node
        self.outputs = {resnet.plan[-1].level: node}

    def _stem(self) -> int:
        scale = self.scale
        return self._add("stem", 2, pieces.stem(scale.level_filters(2), self.image, scale.channels))

    def _head(self) -> None:
        if self.head == CLASSIFIER:
            self._classifier()
        elif self.head == DEEPLABV3_PLUS:
            self._plus_decoder(self._aspp())
        else:
            self._decoder(self._aspp())

    def _aspp(self) -> int:
        finest = min(self.outputs)
        source = self.nodes[self.outputs[finest]].piece
        if summed := len(self.outputs) > 1:
            reads = self._endpoints("aspp", source.size)
            source = self.nodes[reads[0]].piece
        else:
            reads = [self.outputs[finest]]
        filters = self.scale.aspp_filters
        piece = pieces.aspp(source.channels, source.size, filters, kept=not summed)
        return self._add("aspp", finest, piece, tuple(reads), summed)

    def _endpoints(self, reader: str, target: Size) -> list[int]:
        """Output levels, brought to one number of channels and resized for the reader."""
        made = [self._endpoint(level, node) for level, node in self.outputs.items()]
        return [self._resized(reader, node, target) for node in made]

    def _endpoint(self, level: int, node: int) -> int:
        x = self.nodes[node].piece
        piece = pieces.endpoint(x.channels, x.size, self.scale.endpoint_filters)
        return self._add(f"endpoint {level}", level, piece, (node,))

    def _resized(self, reader: str, node: int, target: Size) -> int:
        _, level, x = self.nodes[node]
        if x.size == target:
            return node
        return self._add(reader, level, pieces.resized(x.channels, x.size, target), (node,))

    def _decoder(self, aspp: int) -> None:
        _, level, x = self.nodes[aspp]
        node = self._add("decoder", level, pieces.decoder(x.channels, x.size), (aspp,))
        self._logits(node, kept=True)

    def _plus_decoder(self, aspp: int) -> None:
        x, low = self.nodes[aspp].piece, self.nodes[self.low].piece
        filters = self.scale.low_level_filters
        narrow = pieces.low_level(low.channels, low.size, filters)
        narrowed = self._add("decoder", 2, narrow, (self.low,))
        piece = pieces.plus_decoder(x.channels, x.size, filters, low.size)
        self._logits(self._add("decoder", 2, piece, (aspp, narrowed)), kept=False)

    def _classifier(self) -> None:
        """Reads the mean of the endpoints' means over the image."""
        self._logits(*self._endpoints("classifier", (1, 1)), kept=False)

    def _logits(self, *reads: int, kept: bool) -> None:
        _, level, x = self.nodes[reads[0]]
        piece = pieces.classifier(x.channels, x.size, self.classes, kept)
        node = self._add("classifier", level, piece, reads, len(reads) > 1)
        self.logits.append(node)

    def _auxiliary(self) -> None:
        _, level, x = self.nodes[self.third_stage]
        piece = pieces.auxiliary(x.channels, x.size, self.classes)
        self.logits.append(self._add(AUXILIARY, level, piece, (self.third_stage,)))


def _check(backbone: Backbone, classes: int, image: Size, auxiliary: bool) -> None:
    if min(image) < 1:
        raise UserError(f"size: must be at least 1 pixel each way but got {image[0]}x{image[1]}")
    if classes < 1:
        raise UserError(f"classes: must be at least 1 but got {classes}")
    if auxiliary and isinstance(backbone, Architecture):
        raise UserError("auxiliary: only a ResNet has an auxiliary head: leave it out")
