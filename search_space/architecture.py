"""The decoded block spec: what a genotype means and what a network is built from.

Block ids count from the stem: with two stem blocks, ``blocks[0]`` has id 2. The stem is a chain
(each stem block feeds the next), or the maps of an encoder from its finest level on; every other
block sums two distinct earlier ones.
Standard library only, so that an exported network can carry this file along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

from search_space.attributes import attribute, declared
from search_space.encoders import EncoderSpec, encoder
from search_space.errors import UserError
from search_space.scales import SEGMENTING

BLOCK_TYPES = ("bottleneck", "residual")
MIN_LEVEL, MAX_LEVEL = 2, 7
LEVELS = range(MIN_LEVEL, MAX_LEVEL + 1)
WIDTHS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
REPEATS = range(1, 9)
ZOOM_STEPS = 8
ZOOMS = tuple(steps / ZOOM_STEPS for steps in range(ZOOM_STEPS // 2, ZOOM_STEPS + 1))
OF_SCALE = "scale"
"""In the place of a head: that of the scale at which an architecture is built."""
FEATURE = "feature"
"""What stands for the type of an encoder's map."""


@dataclass(frozen=True)
class Block:
    """One block. Level l works on maps of ceil(image size / 2**l) pixels.

    ``inputs`` holds the ids of its two parents, and is empty for a stem block. ``dilation`` is
    the ratio of its 3x3 convolutions. An ``output`` block is a candidate for a feature level.
    ``width`` multiplies the filters of its level, ``repeats`` the scale's; 3x3 convolutions that
    are ``separable`` filter each channel by itself, and a 1x1 mixes the channels (MobileNet, arXiv
    1704.04861).
    Another attribute is one more field below these: all that has to know it reads it here.
    """

    level: int = field(
        metadata=attribute("map", "L", "Level of a block", "levels", values=LEVELS, original=True)
    )
    type: str = field(
        metadata=attribute("map", "", "Block type", "types", values=BLOCK_TYPES, original=True)
    )
    inputs: tuple[int, ...] = ()
    dilation: int = field(
        default=1, metadata=attribute("values", "d", "Dilation ratio", "dilations", original=True)
    )
    output: bool = False
    width: float = field(
        default=1.0, metadata=attribute("map", "w", "Width of a block", "widths", values=WIDTHS)
    )
    repeats: int = field(
        default=1,
        metadata=attribute("cost", "x", "Repeats of a block", "repetitions", values=REPEATS),
    )
    separable: bool = field(
        default=False,
        metadata=attribute("cost", "s", "Separable", "separable ones", values=(False, True)),
    )


ATTRIBUTES = declared(Block)
"""What a block is made of besides its wiring (``inputs`` and ``output``)."""
_map_of = attrgetter(*[each.name for each in ATTRIBUTES if each.changes == "map"])


@dataclass(frozen=True)
class Feature(Block):
    """The map of a level of an encoder (see search_space.encoders), which stands in the stem. It is
    of no block's type and has channels of its own, whatever the scale."""

    encoder: EncoderSpec | None = None

    @property
    def channels(self) -> int:
        """Of its map."""
        assert self.encoder is not None
        return self.encoder.channels[self.level]


def features(known: EncoderSpec | str) -> tuple[Feature, ...]:
    """The stem of an architecture on an encoder, or on the one of that name. UserError for a name
    that is not known."""
    spec = encoder(known) if isinstance(known, str) else known
    return tuple(Feature(level, FEATURE, encoder=spec) for level in spec.channels)


STEM = (Block(level=2, type="bottleneck"), Block(level=2, type="bottleneck"))
"""The two stem blocks of SpineNet, and of everything that is searched here."""


def stated(block: Block) -> dict[str, Any]:
    """What files say of a block: name -> plain value, in the order of the fields. Left out are
    wiring that is not there, and later attributes that have their default."""
    wiring = {"inputs": tuple(map(int, block.inputs)), "output": bool(block.output)}
    said = {name: value for name, value in wiring.items() if value}
    for each in ATTRIBUTES:
        value = getattr(block, each.name)
        if each.original or value != each.default:
            said[each.name] = each.kind(value)
    return {each.name: said[each.name] for each in fields(block) if each.name in said}


@dataclass(frozen=True)
class Architecture:
    """A scale-permuted backbone (SpineNet, arXiv 1912.05027) with a dilation ratio per block.

    ``output_levels`` are the levels that are read out, finest first; output blocks of other
    levels stay in the spec and are built only where a read-out block depends on them. A level
    without an output block is read from the encoder itself, where the stem is one: so an encoder
    alone, without a block, is an architecture too.

    ``head`` reads it instead of the scale's; ``head_width`` multiplies the scale's filters of
    endpoints and head; where it is ``head_separable``, the head's 3x3 convolutions are; ``zoom`` is
    the part of their sides to which images are shrunk first.
    Another attribute of the whole network is one more field, as it is with Block.

    Raises:
        UserError: naming the block and the rule that it breaks.
    """

    stem: tuple[Block, ...]
    blocks: tuple[Block, ...]
    output_levels: tuple[int, ...]
    head: str = field(
        default=OF_SCALE,
        metadata=attribute("cost", "head ", "Head", "heads", values=(OF_SCALE, *SEGMENTING)),
    )
    head_width: float = field(
        default=1.0,
        metadata=attribute("cost", "head w", "Width of the head", "head widths", values=WIDTHS),
    )
    head_separable: bool = field(
        default=False,
        metadata=attribute(
            "cost", "head separable", "Separable head", "separable heads", values=(False, True)
        ),
    )
    zoom: float = field(
        default=1.0, metadata=attribute("cost", "zoom ", "Zoom", "zooms", values=ZOOMS)
    )

    def __post_init__(self) -> None:
        for each in NETWORK_ATTRIBUTES:
            each.check(getattr(self, each.name))
        if self.encoder_spec and self.stem != features(self.encoder_spec):
            raise UserError(f"stem: on an encoder it is features({self.encoder!r})")
        for index, block in enumerate(self.all_blocks):
            if not isinstance(block, Feature):
                _check_block(index, block, stem_size=len(self.stem))
        _check_outputs(self)

    @cached_property
    def encoder_spec(self) -> EncoderSpec | None:
        """The encoder that it stands on; None where its stem is trained from scratch."""
        found = (block.encoder for block in self.all_blocks if isinstance(block, Feature))
        return next(found, None)

    @property
    def encoder(self) -> str:
        """The name of that encoder; empty where there is none."""
        return self.encoder_spec.name if self.encoder_spec else ""

    @cached_property
    def all_blocks(self) -> tuple[Block, ...]:
        """Stem blocks, then the others; the position is the id."""
        return self.stem + self.blocks

    @cached_property
    def parents(self) -> tuple[tuple[int, ...], ...]:
        """For each id the blocks it reads by design: its inputs, or its predecessor in the stem."""
        stem = tuple((index - 1,) if index else () for index in range(len(self.stem)))
        return stem + tuple(block.inputs for block in self.blocks)

    @cached_property
    def absorbed(self) -> Mapping[int, tuple[int, ...]]:
        """For each output block, the earlier blocks that it adds although it does not name them.

        These are the blocks of its level and width that nothing has consumed when it is built
        (SpineNet, arXiv 1912.05027, section 3.1: no feature is left dangling).
        """
        consumed: set[int] = set()
        absorbed: dict[int, tuple[int, ...]] = {}
        for index, block in enumerate(self.all_blocks):
            consumed.update(self.parents[index])
            if block.output:
                absorbed[index] = tuple(
                    earlier
                    for earlier in range(index)
                    if earlier not in consumed and self._same_shape(earlier, index)
                )
                consumed.update(absorbed[index])
        return absorbed

    @cached_property
    def reads(self) -> tuple[tuple[int, ...], ...]:
        """For each id all blocks that it adds up: its parents, then what it absorbs."""
        absorbed = self.absorbed
        return tuple((*named, *absorbed.get(i, ())) for i, named in enumerate(self.parents))

    @cached_property
    def output_blocks(self) -> Mapping[int, int]:
        """Output level -> id of the block, or the encoder's map, that is read out there, finest
        level first."""
        found = {block.level: i for i, block in enumerate(self.stem) if self.encoder}
        found |= {block.level: i for i, block in enumerate(self.all_blocks) if block.output}
        return {level: found[level] for level in self.output_levels}

    @cached_property
    def alive(self) -> frozenset[int]:
        """Ids of the blocks that reach a read-out level. The others are never built."""
        alive: set[int] = set()
        pending = list(self.output_blocks.values())
        while pending:
            index = pending.pop()
            if index not in alive:
                alive.add(index)
                pending.extend(self.reads[index])
        return frozenset(alive)

    @property
    def built(self) -> Architecture:
        """The same network, without the blocks that are never built."""
        kept = [i for i in range(len(self.all_blocks)) if i < len(self.stem) or i in self.alive]
        place = {old: new for new, old in enumerate(kept)}
        blocks = (self.all_blocks[old] for old in kept[len(self.stem) :])
        return replace(
            self,
            blocks=tuple(replace(b, inputs=tuple(place[i] for i in b.inputs)) for b in blocks),
        )

    def _same_shape(self, first: int, second: int) -> bool:
        return bool(_map_of(self.all_blocks[first]) == _map_of(self.all_blocks[second]))


NETWORK_ATTRIBUTES = declared(Architecture)
"""What is decided of a whole network besides its blocks."""


def stated_of_network(architecture: Architecture) -> dict[str, Any]:
    """As ``stated``, of the attributes of the whole network that do not have their default."""
    values = ((each, each.kind(getattr(architecture, each.name))) for each in NETWORK_ATTRIBUTES)
    return {each.name: value for each, value in values if value != each.default}


def _check_block(index: int, block: Block, stem_size: int) -> None:
    try:
        for each in ATTRIBUTES:
            each.check(getattr(block, each.name))
    except UserError as error:
        raise UserError(f"block {index}: {error}") from None
    if index < stem_size:
        if block.inputs or block.output:
            raise UserError(f"block {index}: a stem block has no inputs and is no output")
        if block.level != MIN_LEVEL:
            raise UserError(f"block {index}: a stem block has level 2 but got {block.level}")
        return
    if len(block.inputs) != 2 or block.inputs[0] == block.inputs[1]:
        raise UserError(
            f"block {index}: inputs must be two distinct blocks but got {list(block.inputs)}"
        )
    for parent in block.inputs:
        if not 0 <= parent < index:
            raise UserError(
                f"block {index}: every input must be an earlier block (0 to {index - 1})"
                f" but got {parent}"
            )


def _check_outputs(architecture: Architecture) -> None:
    if len(architecture.stem) < 2:
        raise UserError(f"stem: at least two blocks are needed but got {len(architecture.stem)}")
    levels = architecture.output_levels
    if not levels:
        raise UserError("output_levels: at least one level is needed")
    if list(levels) != sorted(set(levels)):
        raise UserError(f"output_levels: must rise, each level once, but got {list(levels)}")
    found = [block.level for block in architecture.all_blocks if block.output]
    for level in found:
        if found.count(level) > 1:
            raise UserError(f"level {level}: only one block may be its output")
    found += [feature.level for feature in architecture.stem if architecture.encoder]
    for level in levels:
        if level not in found:
            raise UserError(f"output_levels: no block is marked as the output of level {level}")
