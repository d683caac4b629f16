"""Makes a graph's open sizes such that ONNX Runtime's own tools can follow them.

Its symbolic shape inference, which ``quant_pre_process`` begins with, writes the size of a map as a
formula of the image's, and gives up where two maps that meet have different formulas for one size:
one of a strided convolution, one of an up-sampling. So maps are added by ``Sum``, which it leaves
open, and an up-sampled map takes the shape of the one that it is joined with from that itself. The
values stay to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_RANK = 4
"""Of a map: batch, channels, height, width."""


def follow_sizes(model: Any) -> None:
    """In place, of a graph out of torch's exporter."""
    graph = model.graph
    maps = {each.name for each in (*graph.value_info, *graph.output) if _rank(each) == _RANK}
    resized = {node.output[0] for node in graph.node if node.op_type == "Resize"}
    nodes: list[Any] = []
    for node in graph.node:
        if node.op_type == "Add" and node.output[0] in maps:
            node.op_type = "Sum"
        if node.op_type == "Concat" and resized.intersection(node.input):
            nodes += _shaped_alike(node, resized)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _rank(value: Any) -> int:
    return len(value.type.tensor_type.shape.dim)


def _shaped_alike(join: Any, resized: set[str]) -> Iterator[Any]:
    """Nodes before a Concat of channels: its resized inputs get the batch and the size of the
    first other one."""
    from onnx.helper import make_node

    like = next(name for name in join.input if name not in resized)
    for place, name in enumerate(join.input):
        if name in resized:
            batch, channels, size, shape, shaped = (
                f"{name}_{part}" for part in ("batch", "channels", "size", "shape", "shaped")
            )
            yield make_node("Shape", [like], [batch], start=0, end=1)
            yield make_node("Shape", [name], [channels], start=1, end=2)
            yield make_node("Shape", [like], [size], start=2, end=_RANK)
            yield make_node("Concat", [batch, channels, size], [shape], axis=0)
            yield make_node("Reshape", [name, shape], [shaped])
            join.input[place] = shaped
