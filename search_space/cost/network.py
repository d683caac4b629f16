"""Totals of a network and the rows of its table.

Parameters and multiply-accumulates are exact. Memory is a model of PyTorch's training step;
receptive fields are exact for images whose sides are multiples of the coarsest level's stride.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_space.backbone import Backbone
from search_space.cost.graph import AUXILIARY, Graph
from search_space.cost.memory import StepMemory, step_memory
from search_space.cost.receptive_field import receptive_fields
from search_space.nodes import Node
from search_space.scales import Scale
from search_space.tape import FLOAT

_COPIES = 5
"""Of the weights in training: themselves, gradient, AdamW's two moments, their average."""


@dataclass(frozen=True)
class Part:
    """One row of the table of costs.

    Attributes:
        name: ``stem``, a block's id, ``stage 1``, ``endpoint 3``, ``aspp``, ``decoder``,
            ``classifier`` or ``auxiliary``. A block comes with the connections that lead to it.
        level: of the map that it puts out; an endpoint's is that of the map it reads.
        channels: of that map.
        size: (height, width) of that map.
        parameters: that training changes.
        macs: multiply-accumulates for one image in inference; an auxiliary head has none.
        activations: bytes that training keeps of one image for the backward pass, in fp32.
    """

    name: str
    level: int
    channels: int
    size: tuple[int, int]
    parameters: int
    macs: int
    activations: int


@dataclass(frozen=True)
class Cost:
    """Totals of a network.

    Attributes:
        parameters: that training changes.
        macs: multiply-accumulates for one image in inference (papers write FLOPs): convolutions
            and matrix products, as PyTorch's counter has them.
        memory: of a training step.
        receptive_fields: output level of the backbone -> pixels of a side of the smallest square
            of the image that holds all that a pixel of the level's map can depend on, for the
            pixel for which it is largest, away from the border.
    """

    parameters: int
    macs: int
    memory: StepMemory
    receptive_fields: Mapping[int, int]

    @property
    def activations(self) -> int:
        """Bytes of one image at the peak of a training step in fp32, beyond weights, gradients
        and optimiser state: what is kept and the gradients on their way."""
        return self.memory.image

    def step_bytes(self, batch: int) -> int:
        """Peak of a training step beyond weights, gradients and optimiser state, in fp32: the
        activations, and what the loss or the gradient of a kernel needs whatever the batch."""
        return self.memory.peak(batch)

    def training_bytes(self, batch: int) -> int:
        """Memory of training with AdamW and averaged weights in fp32, about: the images of a
        batch and the program itself come on top."""
        weights = _COPIES * FLOAT * self.parameters
        return weights + self.step_bytes(batch)


def parts(
    backbone: Backbone,
    scale: Scale,
    classes: int,
    size: tuple[int, int],
    auxiliary: bool = False,
) -> tuple[Part, ...]:
    """The rows whose parameters and MACs add up to ``cost``'s; see there. Blocks stand by rising
    id, whichever of them is computed first."""
    named: dict[str, list[Node]] = {}
    for node in Graph(backbone, scale, classes, size, auxiliary).nodes:
        named.setdefault(node.part, []).append(node)
    rows = [_part(name, nodes) for name, nodes in named.items()]
    blocks = iter(sorted((row for row in rows if row.name.isdecimal()), key=lambda r: int(r.name)))
    return tuple(next(blocks) if row.name.isdecimal() else row for row in rows)


def cost(
    backbone: Backbone,
    scale: Scale,
    classes: int,
    size: tuple[int, int],
    auxiliary: bool = False,
) -> Cost:
    """Cost of the network that ``proxy_tasks.networks.build`` makes of the same arguments.

    Args:
        classes: that the network tells apart.
        size: (height, width) of the image in pixels.
        auxiliary: with the second head that a ResNet can be trained with.

    Raises:
        UserError: for a size or a number of classes below 1, or an auxiliary head on anything
            but a ResNet.
    """
    graph = Graph(backbone, scale, classes, size, auxiliary)
    return Cost(
        parameters=sum(node.piece.parameters for node in graph.nodes),
        macs=sum(map(_macs, graph.nodes)),
        memory=step_memory(graph),
        receptive_fields=receptive_fields(backbone, scale.repeats),
    )


def _part(name: str, nodes: list[Node]) -> Part:
    last = nodes[-1]
    return Part(
        name=name,
        level=last.level,
        channels=last.piece.channels,
        size=last.piece.size,
        parameters=sum(node.piece.parameters for node in nodes),
        macs=sum(map(_macs, nodes)),
        activations=sum(node.piece.held.kept for node in nodes),
    )


def _macs(node: Node) -> int:
    return 0 if node.part == AUXILIARY else node.piece.macs
