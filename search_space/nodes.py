"""A network as the pieces it is made of, in the order in which it computes them."""

from __future__ import annotations

from typing import NamedTuple

from search_space.scales import Scale
from search_space.tape import Piece, Step

Size = tuple[int, int]
"""(height, width) in pixels."""


class Node(NamedTuple):
    """``part``: the row of the table that the piece belongs to; ``level`` of its map."""

    part: str
    level: int
    piece: Piece


class Nodes:
    """A network as far as it is laid out: the backbone first, then the head that reads it.

    Attributes:
        scale, classes, image: what it is built for; ``image`` in pixels.
        trained: the size of the images that it is trained on, which sets atrous rates.
        nodes: its pieces.
        steps: how its backward pass goes, one a node.
        outputs: level -> node of a map that the backbone puts out.
        low: node of the map of level 2 that a head may read besides.
        dilations: of the nodes that are a block whose kernels are dilated.
    """

    def __init__(
        self, scale: Scale, classes: int, image: Size, trained: Size | None = None
    ) -> None:
        self.scale, self.classes, self.image = scale, classes, image
        self.trained = trained or image
        self.nodes: list[Node] = []
        self.steps: list[Step] = []
        self.outputs: dict[int, int] = {}
        self.low = 0
        self.dilations: dict[int, int] = {}

    def add(
        self, part: str, level: int, piece: Piece, reads: tuple[int, ...] = (), shares: bool = False
    ) -> int:
        """The new node. ``reads``: nodes whose maps it reads; ``shares``: see tape.Step."""
        self.nodes.append(Node(part, level, piece))
        self.steps.append((reads, piece.held, shares))
        return len(self.nodes) - 1
