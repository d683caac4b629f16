"""How large a network sees an image: its working resolution, never a stretch.

Bundled into exports, so it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

Extent = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class Sight:
    """One of four rules from an image's own size to the size that is seen.

    ``factor`` times its pixels, for images whose pixels have one size in the world; ``short_side``
    in pixels, for images of many cameras; ``cover``: the smallest size of the image's shape that is
    at least so high and wide; ``stretch``: this size whatever the image's shape, as weights of
    releases before sights were trained.

    ``window``: an image that is half as large again, as it is seen, goes through windows of this
    size. A network that was trained on crops knows the mean of a crop, which image pooling reads,
    and not that of a photograph (nnU-Net slides windows of its patches for that reason).

    Raises:
        ValueError: for none of them or several, or for a rule that leaves no pixel.
    """

    factor: float | None = None
    short_side: int | None = None
    cover: Extent | None = None
    stretch: Extent | None = None
    window: Extent | None = None

    def __post_init__(self) -> None:
        given = [
            value
            for value in (self.factor, self.short_side, self.cover, self.stretch)
            if value is not None
        ]
        if len(given) != 1:
            raise ValueError(f"a sight has one rule, not {len(given)}")
        (rule,) = given
        if not (min(rule) if isinstance(rule, tuple) else rule) > 0:
            raise ValueError(f"a sight's rule must be positive but is {rule}")
        if self.window is not None and not min(self.window) > 0:
            raise ValueError(f"a sight's window must be positive but is {self.window}")

    def __str__(self) -> str:
        """What becomes of an image: follows "it is seen"."""
        parts = f", large ones through windows of {_text(self.window)}" if self.window else ""
        return f"{self._rule()}{parts}"

    def _rule(self) -> str:
        if self.factor is not None:
            return "at its own size" if self.factor == 1 else f"at {self.factor:g} of its size"
        if self.short_side is not None:
            return f"with its short side at {self.short_side} pixels"
        if self.cover is not None:
            return f"just large enough to cover {_text(self.cover)}"
        assert self.stretch is not None  # one rule is there
        return f"at {_text(self.stretch)}, whatever its shape"

    def to_dict(self) -> dict[str, Any]:
        """The one rule by its name, and the window where there is one, in plain types."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sight:
        """The inverse of to_dict. TypeError or ValueError for anything else."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**plain)

    def seen(self, size: Extent) -> Extent:
        """The (height, width) at which the network sees an image of this ``size``."""
        height, width = size
        if self.stretch is not None:
            return self.stretch
        if self.cover is not None:
            scale = max(self.cover[0] / height, self.cover[1] / width)
            seen = _times(size, scale)
            return max(seen[0], self.cover[0]), max(seen[1], self.cover[1])
        if self.short_side is not None:
            return _times(size, self.short_side / min(size))
        assert self.factor is not None  # one rule is there
        return _times(size, self.factor)


OWN = Sight(factor=1.0)
"""Every image at its own size."""


def _times(size: Extent, scale: float) -> Extent:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _text(size: Extent) -> str:
    return f"{size[0]}x{size[1]}"
