"""The SpineNet-Seg space: block order, cross-scale connections, levels, types and dilations.

SpineNet (arXiv 1912.05027) permutes the intermediate and the output blocks of a ResNet apart,
gives each block two parents among all earlier ones, a level offset and a type; Dilated SpineNet
(arXiv 2103.12270) adds a dilation ratio per block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import MAX_LEVEL, MIN_LEVEL, STEM, Architecture, Block
from search_space.box import Box
from search_space.canonical import canonical_key
from search_space.coding import lehmer_decode, lehmer_encode, pair_decode, pair_encode
from search_space.errors import UserError
from search_space.features import architecture_features, network_features
from search_space.genes import Gene, Genotype, check
from search_space.level_reach import OFFSETS, LevelReach
from search_space.offers import (
    Choices,
    Offers,
    as_choices,
    check_choices,
    chosen,
    network_varied,
    offers,
    places,
    varied,
)
from search_space.taps import (
    Size,
    alive,
    check_crop,
    check_reaches,
    coarsest,
    settled,
)
from search_space.variation import Variation


@dataclass(frozen=True)
class ScalePermutedSpace(Box):
    """Two stem blocks, permuted intermediate blocks, permuted output blocks.

    ``stages`` counts the intermediate blocks by base level, as pairs or as a mapping; the default
    is ResNet-50's 3, 4, 6, 3 blocks of levels 2 to 5 less the two stem blocks and one output
    block each at levels 3, 4 and 5. No intermediate block rises above ``max_level``. ``choices``
    are the values to choose from of attributes besides level, type and dilation, as pairs or as a
    mapping from the attribute's name; an attribute that is not there keeps its default. ``crop`` is
    the (height, width) in pixels of the smallest crop that networks are trained on: a block has
    only dilations that reach its level's map there, and no intermediate block a level whose map
    none reaches (see ``taps``); None, as in spaces of earlier releases, leaves both. An
    intermediate block reads two of the ``window`` blocks before it, of all where that is None; an
    output block always of all.

    Raises:
        UserError: naming the parameter that breaks a rule.
    """

    stages: tuple[tuple[int, int], ...] = ((2, 1), (3, 3), (4, 5), (5, 2))
    output_levels: tuple[int, ...] = (3, 4, 5)
    max_level: int = MAX_LEVEL
    dilations: tuple[int, ...] = (1, 2, 4)
    choices: Choices = ()
    crop: Size | None = None
    window: int | None = None

    def __post_init__(self) -> None:
        # Frozen, yet lists and mappings from a configuration become hashable tuples here.
        for name in ("stages", "output_levels", "dilations", "choices"):
            object.__setattr__(self, name, _as_tuple(name, getattr(self, name)))
        if self.crop is not None:
            object.__setattr__(self, "crop", _as_tuple("crop", self.crop))
        _check_parameters(self)

    def decode(self, genotype: Genotype) -> Architecture:
        """Every genotype in the box has a valid architecture. ValueError outside of the box."""
        return _decoded(self, tuple(genotype))

    def _decode(self, genotype: Genotype) -> Architecture:
        check(self.genes, genotype)
        values = dict(zip(self._names, map(int, genotype), strict=True))
        order = lehmer_decode([values.get(name, 0) for name in self._order_names])
        outputs = lehmer_decode([values.get(name, 0) for name in self._output_names])
        blocks = []
        for position, (inputs, level_name, *named) in enumerate(self._block_names):
            is_output = position >= len(order)
            if is_output:
                level = self.output_levels[outputs[position - len(order)]]
            else:
                level = self._reach.level(order[position], values[level_name])
            decided = {
                attribute: offered[values.get(name, 0)]
                for (attribute, offered), name in zip(self._offers.items(), named, strict=True)
            }
            first = self._first(position)
            one, two = pair_decode(values.get(inputs, 0))
            wiring = first + one, first + two
            block = Block(level=level, inputs=wiring, output=is_output, **decided)
            blocks.append(self.settled(block))
        whole = chosen(self._network, values)
        return Architecture(STEM, tuple(blocks), self.output_levels, **whole)

    def encode(self, architecture: Architecture) -> Genotype:
        """A genotype that decodes to this architecture (with the parents in rising order).

        Raises:
            UserError: naming the block and the rule, if it lies outside of the space.
        """
        self._check_member(architecture)
        blocks = architecture.blocks
        order = self._reach.assign([block.level for block in blocks[: self._intermediates]])
        outputs = [self.output_levels.index(b.level) for b in blocks[self._intermediates :]]
        values = dict(zip(self._order_names, lehmer_encode(order), strict=True))
        values.update(zip(self._output_names, lehmer_encode(outputs), strict=True))
        for position, (names, block) in enumerate(zip(self._block_names, blocks, strict=True)):
            inputs, level, *named = names
            first = self._first(position)
            values[inputs] = pair_encode(*(parent - first for parent in block.inputs))
            if position < len(order):
                values[level] = self._reach.choice(order[position], block.level)
            for name, (attribute, offered) in zip(named, self._offers.items(), strict=True):
                values[name] = offered.index(getattr(block, attribute))
        values |= places(self._network, architecture)
        return tuple([values[name] for name in self._names])

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """One semantic change; it decodes to a different architecture (see ``Variation``)."""
        return self.encode(self._variation.mutate(self.decode(genotype), rng))

    def cross(self, a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype:
        """A mixture of two architectures block by block (see ``Variation``)."""
        return self.encode(self._variation.cross(self.decode(a), self.decode(b), rng))

    def key(self, genotype: Genotype) -> str:
        """Canonical key of the decoded architecture: equal for the same network."""
        return _key(self, tuple(genotype))

    def features(self, genotype: Genotype) -> dict[str, NDArray[np.float64]]:
        """What a surrogate is told of the decoded architecture (see ``architecture_features``)."""
        architecture = self.decode(genotype)
        return {
            **architecture_features(architecture, varied(self._offers)),
            **network_features(architecture, network_varied(self.choices)),
        }

    def settled(self, block: Block) -> Block:
        """The block, at the coarsest level and with the largest dilation that is left at the crop,
        in place of one that is not."""
        most = self._reach.max_level
        if most < block.level <= self.max_level and not block.output:
            block = replace(block, level=most)
        return settled(block, self.dilations, self._seen)

    def _all_genes(self) -> Iterator[Gene]:
        for names in (self._order_names, self._output_names):
            for position, name in enumerate(names):
                yield Gene(name, len(names) - position)
        for index, names in zip(self._block_ids, self._block_names, strict=True):
            inputs, level, *named = names
            yield Gene(inputs, comb(index - self._first(index - len(STEM)), 2))
            if index < len(STEM) + self._intermediates:
                yield Gene(level, len(OFFSETS))
            for name, offered in zip(named, self._offers.values(), strict=True):
                yield Gene(name, len(offered))
        for name, offered in self._network.items():
            yield Gene(name, len(offered))

    def _first(self, position: int) -> int:
        """Id of the first block that the block at a place behind the stem may read."""
        if self.window is None or position >= self._intermediates:
            return 0
        return max(0, len(STEM) + position - self.window)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(gene.name for gene in self.genes)

    @cached_property
    def _intermediates(self) -> int:
        return sum(count for _, count in self.stages)

    @cached_property
    def _block_ids(self) -> range:
        return range(len(STEM), len(STEM) + self._intermediates + len(self.output_levels))

    @cached_property
    def _order_names(self) -> tuple[str, ...]:
        return tuple(f"order.{position:02d}" for position in range(self._intermediates))

    @cached_property
    def _output_names(self) -> tuple[str, ...]:
        return tuple(f"outputs.{position:02d}" for position in range(len(self.output_levels)))

    @cached_property
    def _block_names(self) -> tuple[tuple[str, ...], ...]:
        """Of each block the names of what can be decided on it."""
        parts = ("inputs", "level", *self._offers)
        return tuple(tuple(f"b{i:02d}.{part}" for part in parts) for i in self._block_ids)

    @cached_property
    def _offers(self) -> Offers:
        return offers(alive(self.dilations, self._seen, MIN_LEVEL), self.choices)

    @cached_property
    def _reach(self) -> LevelReach:
        """A block may fall below its base by one level and no farther."""
        bases = tuple(level for level, count in self.stages for _ in range(count))
        most = coarsest(range(MIN_LEVEL, self.max_level + 1), self._seen)
        return LevelReach(bases, max(most, bases[-1] + OFFSETS[0]))

    @cached_property
    def _variation(self) -> Variation:
        network = network_varied(self.choices)
        return Variation(self._reach, varied(self._offers), network, self.settled, self._first)

    def _check_member(self, architecture: Architecture) -> None:
        if architecture.stem != STEM:
            raise UserError("stem: this space has two bottleneck blocks of level 2, dilation 1")
        if len(architecture.blocks) != len(self._block_ids):
            raise UserError(
                f"blocks: this space has {len(self._block_ids)} after the stem"
                f" but got {len(architecture.blocks)}"
            )
        if tuple(architecture.output_levels) != self.output_levels:
            raise UserError(
                f"output_levels: this space reads out {list(self.output_levels)}"
                f" but got {list(architecture.output_levels)}"
            )
        for index, block in zip(self._block_ids, architecture.blocks, strict=True):
            self._check_block(index, block)
        self._check_levels(architecture)

    def _check_block(self, index: int, block: Block) -> None:
        for name, offered in self._offers.items():
            if (value := getattr(block, name)) not in offered:
                raise UserError(
                    f"block {index}: {name} must be one of {list(offered)} but got {value}"
                )
        check_reaches(index, block, self.dilations, self._seen)
        if min(block.inputs) < (first := self._first(index - len(STEM))):
            raise UserError(
                f"block {index}: in this space it reads two of the {self.window} blocks before it,"
                f" {first} to {index - 1}, but got {list(block.inputs)}"
            )
        if block.output != (index >= len(STEM) + self._intermediates):
            raise UserError(
                f"block {index}: in this space the last {len(self.output_levels)} blocks are the"
                f" outputs, but this block is {'an' if block.output else 'no'} output"
            )

    def _check_levels(self, architecture: Architecture) -> None:
        levels = [block.level for block in architecture.blocks[: self._intermediates]]
        if (position := self._reach.misfit(levels)) is not None:
            raise UserError(
                f"block {position + len(STEM)}: level {levels[position]} is out of reach: base"
                f" levels {list(self._reach.bases)} move by {OFFSETS[0]} to {OFFSETS[-1]}"
                f" and stay within {MIN_LEVEL} to {self._reach.max_level}{self._why}"
            )

    @property
    def _why(self) -> str:
        """Where the levels end before ``max_level``."""
        if self._seen is None or self._reach.max_level == self.max_level:
            return ""
        height, width = self._seen
        return f", as maps of a crop of {height}x{width} are one pixel high or wide beyond"


@lru_cache(maxsize=1 << 12)
def _decoded(space: ScalePermutedSpace, genotype: Genotype) -> Architecture:
    """Parents are varied, and candidates looked at, more than once."""
    return space._decode(genotype)


@lru_cache(maxsize=1 << 12)
def _key(space: ScalePermutedSpace, genotype: Genotype) -> str:
    """A controller that has made up its mind proposes the same again and again."""
    return canonical_key(_decoded(space, genotype))


def _as_tuple(name: str, value: Any) -> tuple[Any, ...]:
    try:
        if name == "choices":
            return as_choices(value)
        if name == "stages":
            pairs = value.items() if isinstance(value, Mapping) else value
            return tuple(sorted(tuple(pair) for pair in pairs))
        return tuple(value)
    except (TypeError, ValueError):
        wanted = _PAIRS.get(name, "a list of whole numbers")
        raise UserError(f"{name} must be {wanted} but got {value!r}") from None


_PAIRS = {"stages": "pairs of a level and a count", "choices": "pairs of an attribute and values"}


_MOST_BLOCKS = 1000


def _check_parameters(space: ScalePermutedSpace) -> None:
    if type(space.max_level) is not int or not MIN_LEVEL <= space.max_level <= MAX_LEVEL:
        raise UserError(
            f"max_level must be between {MIN_LEVEL} and {MAX_LEVEL} but got {space.max_level!r}"
        )
    limits = f"between {MIN_LEVEL} and max_level {space.max_level}"
    levels = range(MIN_LEVEL, space.max_level + 1)
    if not space.stages or any(len(pair) != 2 for pair in space.stages):
        raise UserError(f"stages must be pairs of a level and a count but got {list(space.stages)}")
    _check_rising("stages: levels", [level for level, _ in space.stages])
    _check_rising("output_levels", space.output_levels)
    _check_rising("dilations", space.dilations)
    for level, count in space.stages:
        if level not in levels:
            raise UserError(f"stages: levels must lie {limits} but got {level}")
        if type(count) is not int or count < 1:
            raise UserError(f"stages: level {level} must have at least 1 block but got {count!r}")
    if (blocks := sum(count for _, count in space.stages)) > _MOST_BLOCKS:
        raise UserError(f"stages must have at most {_MOST_BLOCKS} blocks but got {blocks}")
    for level in space.output_levels:
        if level not in levels:
            raise UserError(f"output_levels must lie {limits} but got {level}")
    if space.dilations[0] < 1:
        raise UserError(f"dilations must be at least 1 but got {space.dilations[0]}")
    check_crop(space.crop)
    if space.window is not None and (type(space.window) is not int or space.window < 2):
        raise UserError(f"window must be a whole number, at least 2, but got {space.window!r}")
    check_choices(space.choices)


def _check_rising(name: str, values: Iterable[object]) -> None:
    given = list(values)
    if not given or any(type(value) is not int for value in given):
        raise UserError(f"{name} must be whole numbers, at least one, but got {given}")
    if given != sorted(set(given)):  # type: ignore[type-var]
        raise UserError(f"{name} must rise, each value once, but got {given}")
