"""How big an architecture is built: the S49- ... family, and any scale in between."""

from __future__ import annotations

from dataclasses import dataclass

from search_space.errors import UserError

LEVEL_FILTERS = {2: 64, 3: 128, 4: 256, 5: 256, 6: 256, 7: 256}
"""Filters by level at width 1 (SpineNet, arXiv 1912.05027)."""


@dataclass(frozen=True)
class Scale:
    """``filters`` multiplies every filter count; ``alpha`` shrinks a parent before resampling;
    ``repeats`` stacks each block; endpoints and ASPP have filters of their own.

    Raises:
        UserError: for a value that is not positive, or an alpha above 1.
    """

    filters: float = 1.0
    alpha: float = 0.5
    repeats: int = 1
    endpoint_filters: int = 256
    aspp_filters: int = 256

    def __post_init__(self) -> None:
        if self.filters <= 0:
            raise UserError(f"filters must be positive but got {self.filters}")
        if not 0 < self.alpha <= 1:
            raise UserError(f"alpha must be above 0 and at most 1 but got {self.alpha}")
        for name in ("repeats", "endpoint_filters", "aspp_filters"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1 but got {getattr(self, name)}")

    def level_filters(self, level: int) -> int:
        """Filters of a block of this level, before a bottleneck's fourfold expansion."""
        return max(1, int(LEVEL_FILTERS[level] * self.filters))


SCALES = {
    "S49-": Scale(filters=0.65, endpoint_filters=128, aspp_filters=128),
    "S49": Scale(),
    "S96": Scale(repeats=2),
    "S143": Scale(repeats=3, alpha=1.0),
}
"""The rows follow SpineNet-49S, 49, 96 and 143; ASPP filters equal the endpoints'."""
