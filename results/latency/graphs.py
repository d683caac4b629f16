"""A network's graph for ONNX Runtime, made of its operators: what the exporter writes, with random
weights and without tracing, which takes a hundred times as long.

It is made the way torch's exporter makes it, with batch, height and width left open: nearest
up-sampling gathers rows and columns, TensorFlow's padding is a step whose widths are computed from
the map's size, and so on. Every value is called after its operator (``u12.sum``), by which what
runs is found again however a runtime fuses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from search_space.latency.operators import (
    BILINEAR,
    CAT,
    CONV,
    DEPTHWISE,
    EXPAND,
    MEAN,
    NEAREST,
    POOL,
    SUM,
    Laid,
    Operator,
)

INPUT, OUTPUT = "image", "logits"
_OPSET = 18
_TAG = re.compile(r"u(\d+)\.")


def number_of(name: str) -> int | None:
    """The operator that a value or a node is called after."""
    found = _TAG.search(name)
    return int(found[1]) if found else None


def model_of(laid: Sequence[Laid], channels: int, weights: np.random.Generator) -> Any:
    """The ONNX model of these operators, for images of so many channels."""
    return _Graph(laid, weights).model(channels)


class _Graph:
    def __init__(self, laid: Sequence[Laid], weights: np.random.Generator) -> None:
        self._laid = laid
        self._random = weights.standard_normal(1 << 16).astype(np.float32)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._places: dict[tuple[int, int, int], str] = {}
        """(axis, of so many, to so many) -> the rows or columns that up-sampling copies."""

    def model(self, channels: int) -> Any:
        from onnx import TensorProto, helper

        values = [self._add(number, *each[1:]) for number, each in enumerate(self._laid)]
        self._nodes.append(helper.make_node("Identity", [values[-1]], [OUTPUT]))
        classes = self._laid[-1].operator.filters
        image: list[str | int | None] = ["batch", channels, "height", "width"]
        logits: list[str | int | None] = ["batch", classes, None, None]
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, image)],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, logits)],
            self._constants,
        )
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=10)

    def _add(self, number: int, operator: Operator, reads: tuple[int, ...]) -> str:
        """The value that an operator puts out."""
        xs = [INPUT if read < 0 else self._value(read) for read in reads]
        make = {
            CONV: self._conv,
            DEPTHWISE: self._conv,
            SUM: self._sum,
            CAT: self._cat,
            POOL: self._pool,
            NEAREST: self._nearest,
            BILINEAR: self._bilinear,
            MEAN: self._mean,
            EXPAND: self._expand,
        }.get(operator.kind)
        if make is None:
            return self._node(number, "Relu", xs, "out")
        last = "plain" if operator.relu else "out"
        found = make(number, operator, xs, last)
        return self._node(number, "Relu", [found], "out") if operator.relu else found

    @staticmethod
    def _value(number: int) -> str:
        return f"u{number}.out"

    def _conv(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        groups = made.filters if made.kind == DEPTHWISE else 1
        shape = (made.filters, made.channels // groups, made.kernel, made.kernel)
        spread = np.float32(np.sqrt(2 / np.prod(shape[1:])))
        weight = spread * np.resize(self._random, shape)
        names = [self._constant(number, "weight", weight)]
        names.append(self._constant(number, "bias", 0.1 * np.resize(self._random, made.filters)))
        around = 0 if made.padded else made.dilation * (made.kernel // 2)
        read = [self._padded(number, made, xs[0])] if made.padded else xs
        return self._node(
            number,
            "Conv",
            [*read, *names],
            last,
            kernel_shape=[made.kernel] * 2,
            strides=[made.stride] * 2,
            dilations=[made.dilation] * 2,
            pads=[around] * 4,
            group=groups,
        )

    def _padded(self, number: int, made: Operator, x: str) -> str:
        """By as much as gives ceil(size / stride), worked out from the size as it runs."""
        sides = []
        for axis in (2, 3):
            size = self._size(number, x, axis)
            odd = self._node(number, "Mod", [size, self._whole(number, 2)], f"odd{axis}")
            for side, short in enumerate((made.kernel - 2, made.kernel - 1)):
                all_of = [odd, self._whole(number, short)]
                total = self._node(number, "Add", all_of, f"short{axis}{side}")
                half = [total, self._whole(number, 2)]
                pad = self._node(number, "Div", half, f"pad{axis}{side}")
                sides.append(
                    self._node(number, "Reshape", [pad, self._one(number)], f"s{axis}{side}")
                )
        above, below, left, right = sides
        none = self._constant(number, "none", np.zeros(2, np.int64))
        pads = self._node(number, "Concat", [none, above, left, none, below, right], "pads", axis=0)
        return self._node(number, "Pad", [x, pads], "padded", mode="constant")

    def _sum(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        return self._node(number, "Sum", xs, last)

    def _cat(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        shaped = [self._alike(number, x, xs) if self._is_resized(x) else x for x in xs]
        return self._node(number, "Concat", shaped, last, axis=1)

    def _is_resized(self, value: str) -> bool:
        number = number_of(value)
        return number is not None and self._laid[number].operator.kind == BILINEAR

    def _alike(self, number: int, x: str, xs: list[str]) -> str:
        """See results.export.onnx_sizes."""
        like = next(other for other in xs if not self._is_resized(other))
        shape = [
            self._node(number, "Shape", [like], "batch", start=0, end=1),
            self._node(number, "Shape", [x], "channels", start=1, end=2),
            self._node(number, "Shape", [like], "size", start=2, end=4),
        ]
        joined = self._node(number, "Concat", shape, "shape", axis=0)
        return self._node(number, "Reshape", [x, joined], "shaped")

    def _pool(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        return self._node(
            number, "MaxPool", xs, last, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4
        )

    def _nearest(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        rows = self._copied(number, 2, made)
        gathered = self._node(number, "Gather", [xs[0], rows], "rows", axis=2)
        return self._node(number, "Gather", [gathered, self._copied(number, 3, made)], last, axis=3)

    def _copied(self, number: int, axis: int, made: Operator) -> str:
        """Worked out once for each pair of sizes, from the image's."""
        key = (axis, made.size[axis - 2], made.out[axis - 2])
        if key not in self._places:
            self._places[key] = self._places_of(number, *key)
        return self._places[key]

    def _places_of(self, number: int, axis: int, size: int, out: int) -> str:
        from onnx import TensorProto

        def node(kind: str, reads: list[str], name: str, **options: Any) -> str:
            return self._node(number, kind, reads, f"{name}{axis}", **options)

        image = self._size(number, INPUT, axis)
        known = {name: self._constant(number, f"{name}{axis}", np.int64(value))
                 for name, value in (("few", size), ("many", out), ("big", 1 << 40))}  # fmt: skip
        # The sizes are the network's, but seem to come from the image's, which is open.
        nothing = node("Div", [image, known["big"]], "nothing")
        few, many = (node("Add", [nothing, known[name]], f"{name}_of") for name in ("few", "many"))
        few, many = (
            node("Cast", [value], f"{name}_float", to=TensorProto.FLOAT)
            for name, value in (("few", few), ("many", many))
        )
        step = node("Div", [few, many], "step")
        zero, one = (
            self._constant(number, f"{value}_{axis}", np.float32(value)) for value in (0, 1)
        )
        places = node("Mul", [node("Range", [zero, many, one], "range"), step], "scaled")
        whole = node("Cast", [places], "whole", to=TensorProto.INT64)
        return node("Reshape", [whole, self._constant(number, f"all{axis}", np.array([-1]))], "at")

    def _bilinear(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        sides = [
            self._node(number, "Reshape", [value, self._one(number)], f"side{axis}")
            for axis, value in ((axis, self._side(number, axis, made)) for axis in (2, 3))
        ]
        size = self._node(number, "Concat", sides, "wanted", axis=0)
        before = self._node(number, "Shape", [xs[0]], "kept", start=0, end=2)
        sizes = self._node(number, "Concat", [before, size], "sizes", axis=0)
        return self._node(
            number,
            "Resize",
            [xs[0], "", "", sizes],
            last,
            mode="linear",
            coordinate_transformation_mode="pytorch_half_pixel",
        )

    def _side(self, number: int, axis: int, made: Operator) -> str:
        image = self._size(number, INPUT, axis)
        big = self._constant(number, f"big{axis}", np.int64(1 << 40))
        nothing = self._node(number, "Div", [image, big], f"nothing{axis}")
        out = self._constant(number, f"out{axis}", np.int64(made.out[axis - 2]))
        return self._node(number, "Add", [nothing, out], f"out_of{axis}")

    def _mean(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        axes = self._constant(number, "axes", np.array([2, 3]))
        return self._node(number, "ReduceMean", [xs[0], axes], last, keepdims=1)

    def _expand(self, number: int, made: Operator, xs: list[str], last: str) -> str:
        """Zeros of the wanted size plus the one pixel, as ASPP does it."""
        like = self._beside(number)
        shape = self._node(number, "Shape", [like], "shape")
        zero = self._constant(number, "zero", np.float32(0))
        zeros = self._node(number, "Expand", [zero, shape], "zeros")
        return self._node(number, "Sum", [zeros, xs[0]], last)

    def _beside(self, number: int) -> str:
        """A map of the size that one pixel is expanded to."""
        wanted = self._laid[number].operator
        for other in range(number - 1, -1, -1):
            made = self._laid[other].operator
            if made.out == wanted.out and made.filters == wanted.filters:
                return self._value(other)
        raise AssertionError("nothing has the size of what is expanded")

    def _size(self, number: int, x: str, axis: int) -> str:
        shape = self._node(number, "Shape", [x], f"shape{axis}", start=axis, end=axis + 1)
        return self._node(number, "Squeeze", [shape], f"size{axis}")

    def _whole(self, number: int, value: int) -> str:
        return self._constant(number, f"i{value}", np.int64(value))

    def _one(self, number: int) -> str:
        return self._constant(number, "one", np.array([1]))

    def _constant(self, number: int, name: str, value: Any) -> str:
        from onnx import numpy_helper

        full = f"u{number}.{name}"
        if all(each.name != full for each in self._constants[-64:]):
            self._constants.append(numpy_helper.from_array(np.asarray(value), full))
        return full

    def _node(self, number: int, kind: str, reads: list[str], name: str, **options: Any) -> str:
        from onnx import helper

        full = f"u{number}.{name}"
        self._nodes.append(helper.make_node(kind, reads, [full], full, **options))
        return full
