"""Small ONNX networks, as other programs write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper


def linear(
    path: Path,
    classes: int,
    *,
    channels: int = 3,
    size: tuple[Any, Any] = ("height", "width"),
    softmax: bool = False,
    labels: bool = False,
    told: dict[str, Any] | None = None,
) -> Path:
    """One layer of kernels of one pixel; its output may be ``softmax``ed, or be ``labels``."""
    weights = np.random.default_rng(0).normal(size=(classes, channels, 1, 1)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["image", "weights"], ["scores"])]
    output = "scores"
    if softmax:
        nodes.append(helper.make_node("Softmax", ["scores"], ["out"], axis=1))
        output = "out"
    shape: list[Any] = ["batch", classes, *size]
    kind = TensorProto.FLOAT
    if labels:
        nodes.append(helper.make_node("ArgMax", ["scores"], ["labels"], axis=1, keepdims=0))
        output, shape, kind = "labels", ["batch", *size], TensorProto.INT64
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", channels, *size])],
        [helper.make_tensor_value_info(output, kind, shape)],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {name: json.dumps(value) for name, value in (told or {}).items()})
    onnx.save(model, path)
    return path
