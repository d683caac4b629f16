"""How big an architecture is built: the published scales, the S49- ... family, and any between."""

from __future__ import annotations

from dataclasses import dataclass, replace

from search_space.errors import UserError

LEVEL_FILTERS = {2: 64, 3: 128, 4: 256, 5: 256, 6: 256, 7: 256}
"""Filters by level at width 1 (SpineNet, arXiv 1912.05027)."""

STEM_FILTERS = 64
"""Filters of the first convolution at width 1."""

CLASSIFIER, DEEPLABV3, DEEPLABV3_PLUS, FPN = "classifier", "deeplabv3", "deeplabv3+", "fpn"
SEGMENTING = (DEEPLABV3, DEEPLABV3_PLUS, FPN)
HEADS = (CLASSIFIER, *SEGMENTING)
"""What reads the backbone: ImageNet's classifier as SpineNet was published with, DeepLabv3
(arXiv 1706.05587), DeepLabv3+ (arXiv 1802.02611) with its low-level map, or the sum of its levels
alone, as in a panoptic FPN (arXiv 1901.02446)."""


@dataclass(frozen=True)
class Scale:
    """``filters`` multiplies every filter count; ``alpha`` shrinks a parent before resampling;
    ``repeats`` stacks each block; endpoints and ASPP have filters of their own; ``head`` is one
    of HEADS; ``channels`` are those of an image. ``stem_filters`` are those of the first
    convolution: SpineNet's published code has 64 at every width, None multiplies them like all
    others. On an encoder they say nothing. Where the head is ``head_separable``, each of its 3x3
    convolutions is a depthwise one and a 1x1, as in the code that DeepLabv3+ was published with.

    Raises:
        UserError: for a value that is not positive, an alpha above 1, or an unknown head.
    """

    filters: float = 1.0
    alpha: float = 0.5
    repeats: int = 1
    endpoint_filters: int = 256
    aspp_filters: int = 256
    head: str = DEEPLABV3
    channels: int = 3
    stem_filters: int | None = None
    head_separable: bool = False

    def __post_init__(self) -> None:
        if self.filters <= 0:
            raise UserError(f"filters must be positive but got {self.filters}")
        if not 0 < self.alpha <= 1:
            raise UserError(f"alpha must be above 0 and at most 1 but got {self.alpha}")
        for name in ("repeats", "endpoint_filters", "aspp_filters", "channels"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1 but got {getattr(self, name)}")
        if self.stem_filters is not None and self.stem_filters < 1:
            raise UserError(f"stem_filters must be at least 1 but got {self.stem_filters}")
        if self.head not in HEADS:
            raise UserError(f"head must be one of {', '.join(HEADS)} but got {self.head!r}")

    def level_filters(self, level: int, width: float = 1.0) -> int:
        """Filters of a block of this level and width, before a bottleneck's fourfold expansion."""
        return self.scaled(LEVEL_FILTERS[level] * width)

    def scaled(self, filters: float) -> int:
        """A filter count of width 1 at this width."""
        return max(1, int(filters * self.filters))

    @property
    def first_filters(self) -> int:
        """Filters of the first convolution."""
        return self.scaled(STEM_FILTERS) if self.stem_filters is None else self.stem_filters

    @property
    def low_level_filters(self) -> int:
        """Filters of the low-level map in DeepLabv3+: 48 beside 256 of ASPP, as published."""
        return max(1, round(48 * self.aspp_filters / 256))


_FAMILY = {
    "S49-": Scale(filters=0.65, endpoint_filters=128, aspp_filters=128),
    "S49": Scale(),
    "S96": Scale(repeats=2),
    "S143": Scale(repeats=3, alpha=1.0),
    "S143+": Scale(repeats=3, alpha=1.0, head=DEEPLABV3_PLUS),
}
_PUBLISHED = {
    name: replace(scale, head=CLASSIFIER, stem_filters=STEM_FILTERS)
    for name, scale in {
        "49S": _FAMILY["S49-"],
        "49": _FAMILY["S49"],
        "96": _FAMILY["S96"],
        "143": _FAMILY["S143"],
        "190": Scale(1.3, alpha=1.0, repeats=4, endpoint_filters=512),
    }.items()
}
SCALES = {**_FAMILY, **_PUBLISHED}
"""SpineNet-Seg's S49- to S143+ by the rows of SpineNet-49S, 49, 96 and 143, with ASPP filters
equal to the endpoints' (the paper's own table is in no source that we hold) and a stem that is
scaled with the rest; and SpineNet's 49S to 190, the ImageNet classifiers of arXiv 1912.05027 with
the stem of their published code."""


def named(name: str) -> Scale:
    """Raises UserError, listing the names, for one that is not there."""
    if name not in SCALES:
        raise UserError(f"no scale is called {name!r}: write one of {', '.join(SCALES)}")
    return SCALES[name]
