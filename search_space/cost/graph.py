"""A backbone as the pieces it is made of, and the head behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search_space.architecture import Architecture
from search_space.backbone import Backbone, scale_of, seen_size
from search_space.backbone_encoder import BackboneEncoder
from search_space.canonical_form import canonical_form
from search_space.cost import pieces
from search_space.cost.encoders import Images, ladder
from search_space.cost.pieces import kind_of
from search_space.encoders import EncoderSpec
from search_space.errors import UserError
from search_space.heads import HEADS
from search_space.nodes import Nodes, Size
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.tape import Piece

AUXILIARY = "auxiliary"
"""The part that inference leaves out."""

Row = Callable[[str], str]
"""A part of a backbone -> the row of the table that its pieces belong to."""


class Graph(Nodes):
    """The nodes of a whole network; ``logits`` are those that put out its logits, and ``labelled``
    is the size of the images, of which it may see fewer pixels (``image``).

    Raises:
        UserError: for a size or a number of classes below 1, or an auxiliary head on anything
            but a ResNet.
    """

    def __init__(
        self, backbone: Backbone, scale: Scale, classes: int, image: Size, auxiliary: bool = False
    ) -> None:
        _check(backbone, classes, image, auxiliary)
        seen = seen_size(backbone, image)
        super().__init__(scale_of(backbone, scale), classes, seen)
        self.labelled = image
        if seen != image:
            self.add("zoom", 0, pieces.shrunk(image, scale.channels, seen))
        laid = _Laid(self, scale, str)
        laid.backbone(backbone)
        self.outputs, self.low, self.third_stage = laid.outputs, laid.low, laid.third_stage
        self.head = HEADS[self.scale.head]
        self.logits = [self.head.lay(self)]
        if auxiliary:
            self._auxiliary()

    def _auxiliary(self) -> None:
        _, level, x = self.nodes[self.third_stage]
        piece = pieces.auxiliary(x.channels, x.size, self.classes)
        self.logits.append(self.add(AUXILIARY, level, piece, (self.third_stage,)))


@dataclass
class _Laid:
    """Adds a backbone at a ``scale`` to ``nodes``, for images of the channels that these have.

    Attributes:
        row: under which row of the table its parts stand.
        outputs, low: as Nodes has them.
        third_stage: of a ResNet, for its auxiliary head.
    """

    nodes: Nodes
    scale: Scale
    row: Row

    def backbone(self, backbone: Backbone) -> None:
        self.outputs: dict[int, int] = {}
        self.low = self.third_stage = 0
        if isinstance(backbone, Architecture):
            self._architecture(backbone)
        else:
            self._resnet(backbone)

    def _add(
        self,
        part: str,
        level: int,
        piece: Piece,
        reads: tuple[int, ...] = (),
        shares: bool = False,
    ) -> int:
        return self.nodes.add(self.row(part), level, piece, reads, shares)

    def _architecture(self, architecture: Architecture) -> None:
        """Live blocks only, as the network computes them; what an output block absorbs is added as
        it is."""
        order, stem = canonical_form(architecture).order, len(architecture.stem)
        made: dict[int, int] = {}
        if architecture.encoder_spec:
            levels = [architecture.all_blocks[index].level for index in order if index < stem]
            made = dict(enumerate(self._encoder(architecture.encoder_spec, levels)))
            self.low = made[0]
        else:
            made[-1] = self._stem()
        for index in order:
            if index >= stem:
                made[index] = self._merge_block(architecture, index, made)
            elif index not in made:
                made[index] = self.low = self._stem_block(architecture, index, made[index - 1])
        self.outputs = {level: made[i] for level, i in architecture.output_blocks.items()}

    def _encoder(self, spec: EncoderSpec, levels: list[int]) -> list[int]:
        """What leads to the maps of these levels of an encoder, its finest ones."""
        if isinstance(spec, BackboneEncoder):
            return self._backbone_encoder(spec, levels)
        images = Images(self.nodes.image, self.nodes.scale.channels, levels[-1])
        kind, made = ladder(spec), []
        first, piece = kind.stem(spec, images)
        node = self._add("stem", first, piece)
        for index, level in enumerate(levels):
            piece = kind.stage(spec, level, piece, images)
            node = self._add(str(index), level, piece, (node,))
            made.append(node)
        return made

    def _backbone_encoder(self, spec: BackboneEncoder, levels: list[int]) -> list[int]:
        """Each of its blocks stands in the row of the finest map that needs it."""
        built = spec.up_to(levels[-1])
        rows = _rows(spec, built, levels)
        inner = _Laid(self.nodes, spec.scale, lambda part: self.row(rows.get(part, "0")))
        inner.backbone(built)
        maps = {min(spec.channels): inner.low, **inner.outputs}
        return [maps[level] for level in levels]

    def _stem_block(self, architecture: Architecture, index: int, before: int) -> int:
        block, x = architecture.stem[index], self.nodes.nodes[before].piece
        piece = pieces.body(self.scale, kind_of(block), x.channels, x.size, kept=index > 0)
        return self._add(str(index), block.level, piece, (before,))

    def _merge_block(self, architecture: Architecture, index: int, made: dict[int, int]) -> int:
        blocks, name = architecture.all_blocks, str(index)
        place = canonical_form(architecture).order.index
        block, parents = blocks[index], sorted(blocks[index].inputs, key=place)
        kinds = tuple([kind_of(blocks[parent]) for parent in parents])
        *connections, body = pieces.merge(self.scale, self.nodes.image, kinds, kind_of(block))
        absorbed = sorted(architecture.absorbed.get(index, ()), key=place)
        reads = [made[other] for other in absorbed]
        for parent, piece in zip(parents, connections, strict=True):
            reads.append(self._add(name, block.level, piece, (made[parent],)))
        return self._add(name, block.level, body, tuple(reads), shares=True)

    def _resnet(self, resnet: DilatedResNet) -> None:
        node = self._stem()
        for number, stage in enumerate(resnet.plan):
            before = self.nodes.nodes[node].piece
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
        filters, channels = self.scale.first_filters, self.nodes.scale.channels
        return self._add("stem", 2, pieces.stem(filters, self.nodes.image, channels))


def _rows(spec: BackboneEncoder, built: Backbone, levels: list[int]) -> dict[str, str]:
    """Part of an encoder's backbone -> place of the finest map that needs it; what the low-level
    map needs is left out."""
    if isinstance(built, DilatedResNet):
        return {f"stage {number}": str(len(levels) - 1) for number in (2, 3, 4)}
    rows: dict[str, str] = {}
    for place in range(len(levels) - 1, 0, -1):
        rows |= {str(index): str(place) for index in _alive(spec, built, levels[: place + 1])}
    return rows | dict.fromkeys(map(str, _alive(spec, built, levels[:1])), "0")


def _alive(spec: BackboneEncoder, built: Architecture, levels: list[int]) -> set[int]:
    """Blocks that the maps of these levels need."""
    pending, alive = [spec.ends[level] for level in levels], set[int]()
    while pending:
        if (index := pending.pop()) not in alive:
            alive.add(index)
            pending.extend(built.reads[index])
    return alive


def _check(backbone: Backbone, classes: int, image: Size, auxiliary: bool) -> None:
    if min(image) < 1:
        raise UserError(f"size: must be at least 1 pixel each way but got {image[0]}x{image[1]}")
    if classes < 1:
        raise UserError(f"classes: must be at least 1 but got {classes}")
    if auxiliary and isinstance(backbone, Architecture):
        raise UserError("auxiliary: only a ResNet has an auxiliary head: leave it out")
