"""The space of spines: scale-permuted, dilated blocks that stand on the maps of an encoder.

As in SpineNet (arXiv 1912.05027) a block has a level and two parents among all that is there
before it, and as in Dilated SpineNet (arXiv 2103.12270) a dilation ratio; the encoder's maps take
the place of the stem. Which levels the head reads, and of each whether from the encoder or from
the spine, is part of the search, so that the encoder alone with a head on several levels is a point
of the space: blocks that reach no level that is read are never built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations, product
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import MAX_LEVEL, MIN_LEVEL, Architecture, Block, features
from search_space.box import Box
from search_space.canonical import canonical_key
from search_space.coding import pair_decode, pair_encode
from search_space.encoders import EncoderSpec, encoder
from search_space.errors import UserError
from search_space.features import network_features
from search_space.genes import Gene, Genotype, check
from search_space.offers import (
    Choices,
    Offers,
    as_choices,
    check_choices,
    chosen,
    network_varied,
    offers,
    places,
    usual,
    varied,
)
from search_space.spine_features import spine_features
from search_space.taps import (
    Size,
    alive,
    check_crop,
    check_reaches,
    coarsest,
    settled,
)

ENCODER, SPINE = 0, 1
"""Where the map of a level that is read comes from."""
_TRIES = 100
_FINEST = 3


@dataclass(frozen=True)
class SpineSpace(Box):
    """Up to ``blocks`` blocks on the maps of ``encoder``, given by itself or by its name, each at
    one of ``levels``; the head reads some of ``output_levels``. ``dilations``, ``choices`` and
    ``crop`` as ScalePermutedSpace has them. A network may stand on one of ``encoders`` instead,
    which have maps of the same levels.

    Raises:
        UserError: naming the parameter that breaks a rule.
    """

    encoder: EncoderSpec | str
    blocks: int = 6
    levels: tuple[int, ...] = (3, 4, 5)
    output_levels: tuple[int, ...] = (3, 4, 5)
    dilations: tuple[int, ...] = (1, 2, 4)
    choices: Choices = ()
    crop: Size | None = None
    encoders: tuple[EncoderSpec | str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("levels", "output_levels", "dilations"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "choices", as_choices(self.choices))
        object.__setattr__(self, "encoder", _known(self.encoder))
        object.__setattr__(self, "encoders", tuple(map(_known, self.encoders)))
        if self.crop is not None:
            object.__setattr__(self, "crop", tuple(self.crop))
        _check_parameters(self)

    def decode(self, genotype: Genotype) -> Architecture:
        """Every genotype in the box has a valid architecture, of the blocks that are built.
        ValueError outside of the box."""
        return _decoded(self, tuple(genotype))

    def encode(self, architecture: Architecture) -> Genotype:
        """A genotype that decodes to this architecture, as far as it is built (with the parents in
        rising order).

        Raises:
            UserError: naming what lies outside of the space.
        """
        self._check_member(architecture)
        key = canonical_key(architecture)
        for spare in product(*map(range, (len(self._levels), *map(len, self._offers.values())))):
            genotype = self._encoded(architecture, spare)
            if self.key(genotype) == key:
                return genotype
        raise UserError("outputs: in this space the last block of a level is its output")

    def _encoded(self, architecture: Architecture, spare: Sequence[int]) -> Genotype:
        """Places that are left over come first, as the last block of a level is its output; their
        blocks have the level and the attributes of ``spare``. An output adds blocks of its shape
        that nothing reads, so some of these would be built."""
        values = {"reads": self._reads.index(tuple(architecture.output_levels))}
        values["encoder"] = self._named.index(architecture.encoder)
        values |= places(self._network, architecture)
        for level, index in architecture.output_blocks.items():
            values[f"from.{level}"] = SPINE if index >= self._stem else ENCODER
        over = self.blocks - len(architecture.blocks)
        told = ("level", *self._offers)
        for index in self._block_ids[:over]:
            values |= {f"b{index:02d}.{n}": v for n, v in zip(told, spare, strict=True)}
        for index, block in enumerate(architecture.blocks, self._stem + over):
            read = (i + over if i >= self._stem else i for i in block.inputs)
            values[f"b{index:02d}.inputs"] = pair_encode(*read)
            values[f"b{index:02d}.level"] = self._levels.index(block.level)
            for name, offered in self._offers.items():
                values[f"b{index:02d}.{name}"] = offered.index(getattr(block, name))
        return tuple(values.get(gene.name, 0) for gene in self.genes)

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """One decision made otherwise, so that another network is built, or where none is found
        another spec. One parent of a block is rewired at a time. Blocks that are not built drift:
        they are drawn anew each time, so that a level that is read from blocks from now on may have
        any (neutral drift, as in Cartesian genetic programming: Miller and Thomson 2000)."""
        key, changed = self.key(genotype), genotype
        for _ in range(_TRIES):
            changed = self._changed(self._drifted(genotype, rng), rng)
            if self.key(changed) != key:
                break
        return changed

    def cross(self, a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype:
        """Blocks from either by coin, each with all that is decided on it; levels likewise."""
        parts = [gene.name.split(".")[0] for gene in self.genes]
        coins = dict(zip(dict.fromkeys(parts), rng.integers(2, size=len(parts)), strict=False))
        mixed = zip(parts, a, b, strict=True)
        return tuple(second if coins[part] else first for part, first, second in mixed)

    @property
    def alone(self) -> Genotype:
        """``encoder`` without a block, of which the head reads the usual levels."""
        stem, levels = features(self._spec), usual_levels(self.output_levels)
        return self.encode(Architecture(stem, (), levels, **self._usual))

    def beside_alone(self, rng: np.random.Generator) -> Genotype:
        """The encoder alone, but that the head reads one of its levels from random blocks, or finer
        levels too, or that one attribute of the whole network or the encoder is another. An encoder
        knows much, and most blocks in its way take something away: a uniform draw is seldom as
        good."""
        names = [gene.name for gene in self.genes]
        read = dict(zip(names, self.alone, strict=True))
        whole = {"encoder", *self._network, *(["reads"] if self._finer else [])}
        other = [name for name in names if name.startswith("from.") or name in whole]
        drawn = self.alone
        for _ in range(_TRIES if other else 0):
            blocks = dict(zip(names, self.sample(rng), strict=True))
            turned = str(rng.choice(other))
            values = {n: v if n.startswith("b") else read[n] for n, v in blocks.items()}
            values[turned] = blocks[turned] if turned in whole else SPINE
            drawn = tuple(values[name] for name in names)
            if self.key(drawn) != self.key(self.alone):
                break
        return drawn

    def key(self, genotype: Genotype) -> str:
        """Canonical key of the decoded architecture: equal for the same network."""
        return _key(self, tuple(genotype))

    def features(self, genotype: Genotype) -> dict[str, NDArray[np.float64]]:
        """What a surrogate is told of the decoded architecture (see ``spine_features``)."""
        architecture, told = self.decode(genotype), varied(self._offers)
        stands = [float(name == architecture.encoder) for name in self._named]
        return {
            **({"encoder": np.array(stands)} if self.encoders else {}),
            **spine_features(architecture, self.blocks, self.output_levels, told),
            **network_features(architecture, network_varied(self.choices)),
        }

    def settled(self, block: Block) -> Block:
        """The block, at the coarsest level and with the largest dilation that is left at the crop,
        in place of one that is not."""
        if block.level in self.levels and block.level not in self._levels and not block.output:
            block = replace(block, level=self._levels[-1])
        return settled(block, self.dilations, self._seen)

    def _drifted(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """The same network; as it was where a block that is drawn would be an output."""
        built = {f"b{index:02d}" for index in self._whole(genotype).alive}
        drawn = tuple(
            new if gene.name[0] == "b" and gene.name.split(".")[0] not in built else old
            for gene, old, new in zip(self.genes, genotype, self.sample(rng), strict=True)
        )
        return drawn if self.key(drawn) == self.key(genotype) else genotype

    def _changed(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        place = int(rng.integers(len(self.genes)))
        gene, values = self.genes[place], list(genotype)
        if gene.name.endswith(".inputs") and gene.radix > 1:
            index = int(gene.name[1:3])
            kept = pair_decode(values[place])[int(rng.integers(2))]
            others = [n for n in range(index) if n not in pair_decode(values[place])]
            values[place] = pair_encode(kept, int(rng.choice(others)))
        else:
            step = int(rng.integers(1, gene.radix))
            values[place] = (values[place] + step) % gene.radix
        return tuple(values)

    def _whole(self, genotype: Genotype) -> Architecture:
        """With the blocks that are not built."""
        check(self.genes, genotype)
        values = {g.name: int(v) for g, v in zip(self.genes, genotype, strict=True)}
        blocks = [self._block(index, values) for index in self._block_ids]
        reads = self._reads[values.get("reads", 0)]
        for level in reads:
            places = [place for place, block in enumerate(blocks) if block.level == level]
            if places and (values.get(f"from.{level}") or level not in self._maps):
                blocks[places[-1]] = replace(blocks[places[-1]], output=True)
        stem = features(self._specs[values.get("encoder", 0)])
        return Architecture(stem, tuple(blocks), reads, **chosen(self._network, values))

    def _block(self, index: int, values: dict[str, int]) -> Block:
        name = f"b{index:02d}"
        block = Block(
            level=self._levels[values.get(f"{name}.level", 0)],
            inputs=pair_decode(values.get(f"{name}.inputs", 0)),
            **{
                attribute: offered[values.get(f"{name}.{attribute}", 0)]
                for attribute, offered in self._offers.items()
            },
        )
        return self.settled(block)

    def _all_genes(self) -> Iterator[Gene]:
        yield Gene("reads", len(self._reads))
        if self.blocks:
            shared = (level for level in self.output_levels if level in self._levels)
            yield from (Gene(f"from.{level}", 2) for level in shared)
        for index in self._block_ids:
            yield Gene(f"b{index:02d}.inputs", comb(index, 2))
            yield Gene(f"b{index:02d}.level", len(self._levels))
            for name, offered in self._offers.items():
                yield Gene(f"b{index:02d}.{name}", len(offered))
        for name, offered in self._network.items():
            yield Gene(name, len(offered))
        yield Gene("encoder", len(self._specs))

    @cached_property
    def _maps(self) -> tuple[int, ...]:
        """Levels of the encoder's maps."""
        return tuple(self._spec.channels)

    @property
    def _spec(self) -> EncoderSpec:
        assert not isinstance(self.encoder, str)
        return self.encoder

    @cached_property
    def _specs(self) -> tuple[EncoderSpec, ...]:
        """All that a network may stand on."""
        return tuple(spec for spec in (self.encoder, *self.encoders) if not isinstance(spec, str))

    @cached_property
    def _named(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self._specs)

    @property
    def _stem(self) -> int:
        return len(self._maps)

    @property
    def _block_ids(self) -> range:
        return range(self._stem, self._stem + self.blocks)

    @cached_property
    def _reads(self) -> tuple[tuple[int, ...], ...]:
        """What the head may read: all levels first, then ever fewer."""
        levels = self.output_levels
        counts = range(len(levels), 0, -1)
        return tuple(chosen for count in counts for chosen in combinations(levels, count))

    @cached_property
    def _offers(self) -> Offers:
        return offers(alive(self.dilations, self._seen, self.levels[0]), self.choices)

    @cached_property
    def _usual(self) -> dict[str, Any]:
        """What is decided of a whole network where nothing is: the default, if it is offered."""
        return usual(self._network)

    @property
    def _finer(self) -> bool:
        """Whether the head may read more than the usual levels."""
        return usual_levels(self.output_levels) != self.output_levels

    @cached_property
    def _levels(self) -> tuple[int, ...]:
        """Those with a map that a block's kernels reach."""
        most = coarsest(self.levels, self._seen)
        return tuple(level for level in self.levels if level <= most)

    def _check_member(self, architecture: Architecture) -> None:
        if architecture.encoder not in self._named:
            stands = architecture.encoder or "a stem of its own"
            named = " or ".join(self._named)
            raise UserError(f"encoder: this space is built on {named}, not on {stands}")
        if tuple(architecture.output_levels) not in self._reads:
            raise UserError(
                f"output_levels: this space reads some of {list(self.output_levels)}"
                f" but got {list(architecture.output_levels)}"
            )
        if len(architecture.blocks) > self.blocks:
            raise UserError(
                f"blocks: this space has at most {self.blocks} but got {len(architecture.blocks)}"
            )
        for index, block in enumerate(architecture.blocks, self._stem):
            for name, offered in {"level": self._levels, **self._offers}.items():
                if (value := getattr(block, name)) not in offered:
                    raise UserError(
                        f"block {index}: {name} must be one of {list(offered)} but got {value}"
                    )
            check_reaches(index, block, self.dilations, self._seen)


def usual_levels(levels: Sequence[int]) -> tuple[int, ...]:
    """Those of ``levels`` that a head usually reads, of stride 8 and coarser; all where none is."""
    return tuple(level for level in levels if level >= _FINEST) or tuple(levels)


@lru_cache(maxsize=1 << 12)
def _decoded(space: SpineSpace, genotype: Genotype) -> Architecture:
    """Parents are varied, and candidates looked at, more than once."""
    whole = space._whole(genotype)
    # A block that is not built may still keep another one from being added to an output.
    return built if canonical_key(built := whole.built) == canonical_key(whole) else whole


@lru_cache(maxsize=1 << 12)
def _key(space: SpineSpace, genotype: Genotype) -> str:
    """A controller that has made up its mind proposes the same again and again."""
    return canonical_key(_decoded(space, genotype))


def _known(given: EncoderSpec | str) -> EncoderSpec:
    return encoder(given) if isinstance(given, str) else given


def _check_parameters(space: SpineSpace) -> None:
    maps = space._maps
    if len(set(space._named)) < len(space._named):
        raise UserError(f"encoders must be others than encoder, each once: {list(space._named)}")
    for spec in space._specs:
        if tuple(spec.channels) != maps:
            raise UserError(
                f"encoders must have maps of levels {list(maps)}, but {spec.name} has"
                f" {list(spec.channels)}"
            )
    if type(space.blocks) is not int or space.blocks < 0:
        raise UserError(f"blocks must be a whole number, at least 0, but got {space.blocks!r}")
    _check_rising("levels", space.levels, range(MIN_LEVEL, MAX_LEVEL + 1))
    _check_rising("output_levels", space.output_levels, maps)
    _check_rising("dilations", space.dilations, range(1, 1 << 16))
    check_choices(space.choices)
    check_crop(space.crop)


def _check_rising(name: str, values: Sequence[int], among: Iterable[int]) -> None:
    known = list(among)
    if not values or any(type(value) is not int or value not in known for value in values):
        shown = f"{known[0]} to {known[-1]}"
        raise UserError(f"{name} must be whole numbers of {shown} but got {list(values)}")
    if list(values) != sorted(set(values)):
        raise UserError(f"{name} must rise, each value once, but got {list(values)}")
