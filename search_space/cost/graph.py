"""A backbone as the pieces it is made of, and the head behind it."""

from __future__ import annotations

from search_space.architecture import Architecture, Feature
from search_space.backbone import Backbone, head_of
from search_space.canonical_form import canonical_form
from search_space.cost import encoders, pieces
from search_space.cost.pieces import kind_of
from search_space.encoders import encoder
from search_space.errors import UserError
from search_space.heads import HEADS
from search_space.nodes import Nodes, Size
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

AUXILIARY = "auxiliary"
"""The part that inference leaves out."""


class Graph(Nodes):
    """The nodes of a whole network; ``logits`` are those that put out its logits.

    Raises:
        UserError: for a size or a number of classes below 1, or an auxiliary head on anything
            but a ResNet.
    """

    def __init__(
        self, backbone: Backbone, scale: Scale, classes: int, image: Size, auxiliary: bool = False
    ) -> None:
        _check(backbone, classes, image, auxiliary)
        super().__init__(scale, classes, image)
        self.third_stage = 0
        if isinstance(backbone, Architecture):
            self._architecture(backbone)
        else:
            self._resnet(backbone)
        self.head = HEADS[head_of(backbone, scale)]
        self.logits = [self.head.lay(self)]
        if auxiliary:
            self._auxiliary()

    def _architecture(self, architecture: Architecture) -> None:
        """Live blocks only, as the network computes them; what an output block absorbs is added as
        it is."""
        made = {-1: self._first(architecture)}
        for index in canonical_form(architecture).order:
            block = architecture.all_blocks[index]
            if isinstance(block, Feature):
                made[index] = self._feature(index, block, made[index - 1])
                self.low = made[0]
            elif index < len(architecture.stem):
                made[index] = self.low = self._stem_block(architecture, index, made[index - 1])
            else:
                made[index] = self._merge_block(architecture, index, made)
        self.outputs = {level: made[i] for level, i in architecture.output_blocks.items()}

    def _first(self, architecture: Architecture) -> int:
        if not architecture.encoder:
            return self._stem()
        spec = encoder(architecture.encoder)
        piece = encoders.stem(spec, self.image, self.scale.channels)
        return self.add("stem", spec.stem_level, piece)

    def _feature(self, index: int, feature: Feature, before: int) -> int:
        """What leads to an encoder's map from that of the level before."""
        spec, x = encoder(feature.encoder), self.nodes[before].piece
        piece = encoders.stage(spec, feature.level, x.channels, x.size)
        return self.add(str(index), feature.level, piece, (before,))

    def _stem_block(self, architecture: Architecture, index: int, before: int) -> int:
        block, x = architecture.stem[index], self.nodes[before].piece
        piece = pieces.body(self.scale, kind_of(block), x.channels, x.size, kept=index > 0)
        return self.add(str(index), block.level, piece, (before,))

    def _merge_block(self, architecture: Architecture, index: int, made: dict[int, int]) -> int:
        blocks, name = architecture.all_blocks, str(index)
        place = canonical_form(architecture).order.index
        block, parents = blocks[index], sorted(blocks[index].inputs, key=place)
        kinds = tuple([kind_of(blocks[parent]) for parent in parents])
        *connections, body = pieces.merge(self.scale, self.image, kinds, kind_of(block))
        absorbed = sorted(architecture.absorbed.get(index, ()), key=place)
        reads = [made[other] for other in absorbed]
        for parent, piece in zip(parents, connections, strict=True):
            reads.append(self.add(name, block.level, piece, (made[parent],)))
        return self.add(name, block.level, body, tuple(reads), shares=True)

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
            node = self.add(f"stage {number + 1}", stage.level, piece, (node,))
            if number == 0:
                self.low = node
            elif number == 2:
                self.third_stage = node
        self.outputs = {resnet.plan[-1].level: node}

    def _stem(self) -> int:
        scale = self.scale
        return self.add("stem", 2, pieces.stem(scale.first_filters, self.image, scale.channels))

    def _auxiliary(self) -> None:
        _, level, x = self.nodes[self.third_stage]
        piece = pieces.auxiliary(x.channels, x.size, self.classes)
        self.logits.append(self.add(AUXILIARY, level, piece, (self.third_stage,)))


def _check(backbone: Backbone, classes: int, image: Size, auxiliary: bool) -> None:
    if min(image) < 1:
        raise UserError(f"size: must be at least 1 pixel each way but got {image[0]}x{image[1]}")
    if classes < 1:
        raise UserError(f"classes: must be at least 1 but got {classes}")
    if auxiliary and isinstance(backbone, Architecture):
        raise UserError("auxiliary: only a ResNet has an auxiliary head: leave it out")
