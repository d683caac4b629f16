"""A backbone of our own as an encoder: what was found or trained here is what others stand on.

Its maps are those that a head would read: the low-level map of level 2, and that of each output
level. Like every encoder it is built up to the deepest map that is used.
Standard library only, so that an exported network can carry this file along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256

from search_space.architecture import MIN_LEVEL, Architecture
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.resnet import BOTTLENECK_EXPANSION, DilatedResNet
from search_space.scales import Scale
from search_space.shapes import map_channels


@dataclass(frozen=True)
class BackboneEncoder:
    """``backbone`` as it is built at ``scale``, of which filters, alpha, repeats and the stem's
    filters count; images have the channels of the network that stands on it. ``mean`` and ``std``
    are those of its weights, empty where it has none.

    Raises:
        UserError: for a backbone that gives a single map.
    """

    backbone: Backbone
    scale: Scale
    title: str = "a backbone of ours"
    mean: tuple[float, ...] = field(default=())
    std: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if len(self.channels) < 2:
            raise UserError(
                f"encoder: {self.title} gives the map of level {min(self.channels)} alone, and an"
                " encoder gives two or more"
            )

    @cached_property
    def name(self) -> str:
        """Of what is built: the backbone's canonical key, and what counts of the scale."""
        scale = self.scale
        counts = (scale.filters, scale.alpha, scale.repeats, scale.first_filters)
        text = f"{canonical_key(self.backbone)} {' '.join(map(repr, counts))}"
        return f"backbone-{sha256(text.encode()).hexdigest()[:16]}"

    @cached_property
    def channels(self) -> Mapping[int, int]:
        """Level -> channels of its map, finest level first."""
        if isinstance(self.backbone, DilatedResNet):
            first, *_, last = self.backbone.plan
            stages = {stage.level: stage.filters for stage in (first, last)}
            return {n: BOTTLENECK_EXPANSION * self.scale.scaled(f) for n, f in stages.items()}
        blocks = self.backbone.all_blocks
        found = {n: map_channels(blocks[i], self.scale) for n, i in self.ends.items()}
        return dict(sorted(found.items()))

    @cached_property
    def ends(self) -> Mapping[int, int]:
        """Level -> id of the block of an architecture whose map it is."""
        assert isinstance(self.backbone, Architecture)
        stem = len(self.backbone.stem)
        low = max(i for i in self.backbone.alive if i < (1 if self.backbone.encoder else stem))
        return {MIN_LEVEL: low, **self.backbone.output_blocks}

    def up_to(self, deepest: int) -> Backbone:
        """What of the backbone is built for the maps up to a level: at least one output level and
        the low-level map; of a ResNet all."""
        if isinstance(self.backbone, DilatedResNet):
            return self.backbone
        levels, low = self.backbone.output_levels, self.ends[MIN_LEVEL]
        fewest = max(1, sum(level <= deepest for level in levels))
        for count in range(fewest, len(levels)):
            built = replace(self.backbone, output_levels=levels[:count])
            if low in built.alive:
                return built
        return self.backbone

    def __hash__(self) -> int:
        """Of a string that is made once: costs and keys are looked up for every candidate."""
        return hash(self.name)
