"""What is said of a head where it is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search_space.nodes import Nodes, Size


def no_rates(size: Size, stride: int) -> tuple[int, ...]:
    """Of a head without atrous convolutions."""
    return ()


@dataclass(frozen=True)
class Head:
    """A head, as far as it is known without building it.

    Attributes:
        title: as its paper writes it.
        paper: where it was published.
        lay: adds its pieces to those of a backbone and returns the node of its logits. They are
            exactly what its network computes: same parameters, MACs and maps.
        pixels: whether it labels pixels; else whole images.
        level: of the map that it labels; None: the finest that the backbone puts out.
        rates: its atrous rates, for an image of (height, width) pixels and the stride of the
            backbone's finest map.
    """

    title: str
    paper: str
    lay: Callable[[Nodes], int]
    pixels: bool = True
    level: int | None = None
    rates: Callable[[Size, int], tuple[int, ...]] = no_rates

    @property
    def atrous(self) -> bool:
        """Whether it is a pyramid with atrous rates, on one map of all levels."""
        return self.rates is not no_rates

    def stride(self, finest: int) -> int:
        """Of the map that it labels, on a backbone whose finest output has this level."""
        return 1 << (finest if self.level is None else self.level)
