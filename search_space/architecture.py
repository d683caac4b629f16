"""The decoded block spec: what a genotype means and what a network is built from.

Block ids count from the stem: with two stem blocks, ``blocks[0]`` has id 2. The stem is a chain
(each stem block feeds the next); every other block sums two distinct earlier blocks.
Standard library only, so that an exported network can carry this file along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from search_space.errors import UserError

BLOCK_TYPES = ("bottleneck", "residual")
MIN_LEVEL, MAX_LEVEL = 2, 7
BOTTLENECK_EXPANSION = 4
"""A bottleneck block puts out four times its filters (He et al. 2015, arXiv 1512.03385)."""


@dataclass(frozen=True)
class Block:
    """One block. Level l works on maps of ceil(image size / 2**l) pixels.

    ``inputs`` holds the ids of its two parents, and is empty for a stem block. ``dilation`` is
    the ratio of its 3x3 convolutions. An ``output`` block is a candidate for a feature level.
    """

    level: int
    type: str
    inputs: tuple[int, ...] = ()
    dilation: int = 1
    output: bool = False


STEM = (Block(level=2, type="bottleneck"), Block(level=2, type="bottleneck"))
"""The two stem blocks of SpineNet, and of everything that is searched here."""


@dataclass(frozen=True)
class Architecture:
    """A scale-permuted backbone (SpineNet, arXiv 1912.05027) with a dilation ratio per block.

    ``output_levels`` are the levels that are read out, finest first; output blocks of other
    levels stay in the spec and are built only where a read-out block depends on them.

    Raises:
        UserError: naming the block and the rule that it breaks.
    """

    stem: tuple[Block, ...]
    blocks: tuple[Block, ...]
    output_levels: tuple[int, ...]

    def __post_init__(self) -> None:
        for index, block in enumerate(self.all_blocks):
            _check_block(index, block, stem_size=len(self.stem))
        _check_outputs(self)

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
    def output_blocks(self) -> Mapping[int, int]:
        """Output level -> id of the block that is read out there, finest level first."""
        found = {block.level: i for i, block in enumerate(self.all_blocks) if block.output}
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
                pending.extend(self.parents[index])
                pending.extend(self.absorbed.get(index, ()))
        return frozenset(alive)

    def _same_shape(self, first: int, second: int) -> bool:
        a, b = self.all_blocks[first], self.all_blocks[second]
        return (a.level, a.type) == (b.level, b.type)


def _check_block(index: int, block: Block, stem_size: int) -> None:
    if not MIN_LEVEL <= block.level <= MAX_LEVEL:
        raise UserError(
            f"block {index}: level must be between {MIN_LEVEL} and {MAX_LEVEL}"
            f" but got {block.level}"
        )
    if block.type not in BLOCK_TYPES:
        raise UserError(
            f"block {index}: type must be one of {', '.join(BLOCK_TYPES)} but got {block.type!r}"
        )
    if block.dilation < 1:
        raise UserError(f"block {index}: dilation must be at least 1 but got {block.dilation}")
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
    for level in levels:
        if level not in found:
            raise UserError(f"output_levels: no block is marked as the output of level {level}")
