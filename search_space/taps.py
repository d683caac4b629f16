"""Which kernels reach their map: the outer taps of a 3x3 convolution of dilation d lie d pixels
beside its centre, so on a map of d pixels or fewer they read nothing but padding.

Such taps are dead: training leaves them at their random start, and in larger images they wake up.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from search_space.architecture import Architecture, Block, Feature
from search_space.backbone import Backbone, seen_size, zoom_of
from search_space.backbone_encoder import BackboneEncoder
from search_space.cost.encoders import ladder
from search_space.encoders import EncoderSpec
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.shapes import before_zoom, level_size, zoomed

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class Taps:
    """The kernels of a part of a backbone that reach farthest: ``reach`` pixels beside their
    centre, on the map of ``level``. ``part``: a block's id, ``stage 4`` or ``encoder``."""

    part: str
    level: int
    reach: int

    def dead(self, size: Size) -> bool:
        """Whether none of them touches the map in images of this size, along the shorter side."""
        return not reaches(self.reach, size, self.level)

    @property
    def smallest_side(self) -> int:
        """Pixels of the shorter side of an image, as it is seen, for them to touch the map."""
        return (self.reach << self.level) + 1


def reaches(dilation: int, size: Size, level: int) -> bool:
    """Whether a tap touches the map of a level in images of this size."""
    return dilation < min(level_size(size, level))


def alive(dilations: Sequence[int], size: Size | None, level: int) -> tuple[int, ...]:
    """Those that reach a level's map; the first of them where none does, as a block has to have
    one. All without a size. ``dilations`` rise."""
    if size is None:
        return tuple(dilations)
    return tuple(d for d in dilations if reaches(d, size, level)) or tuple(dilations[:1])


def settled(block: Block, dilations: Sequence[int], size: Size | None) -> Block:
    """The block, with the largest living dilation in the place of a dead one."""
    if size is None or reaches(block.dilation, size, block.level):
        return block
    most = alive(dilations, size, block.level)[-1]
    return block if block.dilation <= most else replace(block, dilation=most)


def check_reaches(index: int, block: Block, dilations: Sequence[int], size: Size | None) -> None:
    """UserError, naming the block, for a dilation that is dead where another is not."""
    if size is not None and settled(block, dilations, size) != block:
        height, width = level_size(size, block.level)
        raise UserError(
            f"block {index}: dilation {block.dilation} reads nothing but padding on a map of"
            f" {height}x{width} pixels, level {block.level} of a crop of {size[0]}x{size[1]}"
        )


def check_crop(size: Size | None) -> None:
    """UserError unless there is none, or it is two numbers of pixels."""
    whole = size is None or (len(size) == 2 and all(type(side) is int for side in size))
    if not whole or (size and min(size) < 1):
        raise UserError(f"crop must be a height and a width in pixels but got {size!r}")


def smallest_seen(size: Size | None, zooms: Sequence[float]) -> Size | None:
    """What is seen of a crop of this size at the smallest of the zooms that a space offers."""
    return size and zoomed(size, min(zooms))


def coarsest(levels: Sequence[int], size: Size | None) -> int:
    """The coarsest of the rising levels whose map has two pixels a side, so that a kernel without
    dilation reaches it; the finest where none has."""
    if size is None:
        return levels[-1]
    return max((level for level in levels if reaches(1, size, level)), default=levels[0])


def taps(backbone: Backbone) -> Iterator[Taps]:
    """Of every part that is built."""
    if isinstance(backbone, DilatedResNet):
        for number, stage in enumerate(backbone.plan, 1):
            yield Taps(f"stage {number}", stage.level, max(stage.first_dilation, stage.dilation))
        return
    alive = [backbone.all_blocks[index] for index in sorted(backbone.alive)]
    if spec := backbone.encoder_spec:
        yield from _of_encoder(spec, [each.level for each in alive if isinstance(each, Feature)])
    for index, block in zip(sorted(backbone.alive), alive, strict=True):
        if not isinstance(block, Feature):
            yield Taps(str(index), block.level, block.dilation)


def _of_encoder(spec: EncoderSpec, levels: Sequence[int]) -> Iterator[Taps]:
    if isinstance(spec, BackboneEncoder):
        inner: Iterator[Taps] = taps(spec.up_to(levels[-1]))
        yield from (Taps("encoder", each.level, each.reach) for each in inner)
        return
    for level in levels:
        yield Taps("encoder", level, ladder(spec).reach(spec, level))


def dead(backbone: Backbone, size: Size) -> list[Taps]:
    """Of parts whose outer taps touch nothing in images of this size."""
    return [each for each in taps(backbone) if each.dead(seen_size(backbone, size))]


def smallest_side(backbone: Backbone, rates: Sequence[int] = ()) -> int:
    """Pixels that the shorter side of an image needs for every kernel to reach its map, those of a
    head with these atrous ``rates`` on the finest map that is read out as well."""
    if isinstance(backbone, Architecture):
        finest = backbone.output_levels[0]
    else:
        finest = backbone.plan[-1].level
    head = [Taps("head", finest, rate) for rate in rates]
    seen = max(each.smallest_side for each in [*taps(backbone), *head])
    return before_zoom(seen, zoom_of(backbone))
