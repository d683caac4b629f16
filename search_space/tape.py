"""What layers cost, added up by walking through them without running them.

A Tape is to a network what autograd's own record is to its forward pass: each layer is a step
that reads earlier maps and puts one out. It counts parameters and multiply-accumulates, and which
bytes stay alive for the backward pass, where a storage that several layers keep is counted once.
All per image and in fp32. And it remembers the layers, from which a latency is predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

FLOAT, INDEX = 4, 8
"""Bytes of a value, and of the position that a max-pool remembers for each pixel."""
LAYOUTS = 5
"""Tensors of a spatial kernel's size at the peak of its gradient: the gradient itself and what
oneDNN reorders it through on a CPU (measured: mostly one to five, ten for some that are dilated
far); a 1x1 kernel needs just its gradient."""


class Map(NamedTuple):
    """What a step puts out; ``size`` is (height, width)."""

    step: int
    channels: int
    size: tuple[int, int]

    @property
    def bytes(self) -> int:
        return self.channels * self.size[0] * self.size[1] * FLOAT


Moment = tuple[int, int]
"""Bytes that are held for each image, and those that are held whatever the batch."""


class Held(NamedTuple):
    """Memory of a step: ``bytes`` of the map that it puts out, and so of the gradient that it
    waits for; ``kept`` from the forward to the backward pass; ``moments``: what its backward pass
    holds besides what is kept and the gradients that wait, where it holds most."""

    bytes: int
    kept: int
    moments: tuple[Moment, ...]


Step = tuple[tuple[int, ...], Held, bool]
"""The steps that this one reads and hands gradients to; its memory; whether all that it reads get
one and the same gradient tensor, as the parts of a sum do."""


class Layer(NamedTuple):
    """A step as it was called: its method (a ``resize`` also: ``mean``, ``smooth``), the steps that
    it reads, what it puts out. ``dilation`` 0: that of the block which it belongs to; ``padded``:
    by TensorFlow's rule, in a step of its own."""

    method: str
    reads: tuple[int, ...]
    channels: int
    size: tuple[int, int]
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    padded: bool = False


class Piece(NamedTuple):
    """A finished tape; its memory makes it one step of a larger one."""

    parameters: int
    macs: int
    channels: int
    size: tuple[int, int]
    held: Held
    layers: tuple[Layer, ...] = ()


class Tape:
    """Methods named after layers take the maps that the layer reads and return what it puts out.

    Convolutions keep their size but for the stride (ceil), as all that are built here do.
    """

    def __init__(self) -> None:
        self.parameters = 0
        self.macs = 0
        self._steps: list[Step] = []
        self._layers: list[Layer] = []
        self._kept: set[int] = set()

    def source(
        self, channels: int, size: tuple[int, int], *, kept: bool = True, image: bool = False
    ) -> Map:
        """A map from outside; ``kept`` if its maker keeps it. An image needs no gradient."""
        x = self._put("source", (), channels, size)
        if image:
            self._steps[-1] = (), Held(0, 0, ((0, 0),)), False
        if kept:
            self._kept.add(x.step)
        return x

    def conv(
        self,
        x: Map,
        filters: int,
        kernel: int,
        stride: int = 1,
        bias: bool = False,
        dilation: int = 1,
        padded: bool = False,
    ) -> Map:
        """Keeps what it reads. ``dilation`` and ``padded``, as in Layer, change no cost."""
        weights = kernel * kernel * x.channels * filters
        size = _strided(x.size, stride)
        self.parameters += weights + filters * bias
        self.macs += weights * size[0] * size[1]
        layouts = weights * FLOAT * (LAYOUTS if kernel > 1 else 1)
        y = self._put("conv", (x,), filters, size, kept=self._keep(x), fixed=layouts)
        return self._shaped(y, kernel, stride, dilation, padded)

    def depthwise(
        self, x: Map, kernel: int, stride: int = 1, dilation: int = 1, padded: bool = False
    ) -> Map:
        """A convolution that filters each channel by itself. Keeps what it reads."""
        weights = kernel * kernel * x.channels
        size = _strided(x.size, stride)
        self.parameters += weights
        self.macs += weights * size[0] * size[1]
        fixed = weights * FLOAT * LAYOUTS
        y = self._put("depthwise", (x,), x.channels, size, kept=self._keep(x), fixed=fixed)
        return self._shaped(y, kernel, stride, dilation, padded)

    def norm(self, x: Map) -> Map:
        """Batch norm: keeps what it reads, as its gradient needs the values before it."""
        self.parameters += 2 * x.channels
        return self._put("norm", (x,), x.channels, x.size, kept=self._keep(x))

    def relu(self, *xs: Map) -> Map:
        """In place, of a map or of a sum: keeps what it puts out."""
        y = self._put("relu", xs, xs[0].channels, xs[0].size, kept=xs[0].bytes, shares=True)
        self._kept.add(y.step)
        return y

    def add(self, *xs: Map) -> Map:
        """A sum, into a map of its own."""
        return self._put("add", xs, xs[0].channels, xs[0].size, shares=True)

    def pool(self, x: Map) -> Map:
        """3x3 max-pool of stride 2: keeps what it reads and where each maximum stood."""
        size = _strided(x.size, 2)
        indices = x.channels * size[0] * size[1] * INDEX
        return self._put("pool", (x,), x.channels, size, kept=self._keep(x) + indices)

    def resize(self, x: Map, size: tuple[int, int], smooth: bool = False) -> Map:
        """Interpolation, ``smooth``: bilinear, else nearest; or a mean, where one pixel is left."""
        method = "mean" if size == (1, 1) else "smooth" if smooth else "resize"
        return self._put(method, (x,), x.channels, size)

    def shrunk(self, image: Map, size: tuple[int, int]) -> Map:
        """An image at another size, which the convolution behind it keeps. It needs no gradient."""
        y = self._put("smooth", (image,), image.channels, size)
        self._steps[-1] = (), Held(0, y.bytes, ((0, 0),)), False
        return y

    def dropout(self, x: Map) -> Map:
        """Keeps its mask, as wide as the map."""
        return self._put("dropout", (x,), x.channels, x.size, kept=x.bytes)

    def cat(self, *xs: Map) -> Map:
        """The parts' gradients are views of the whole one, so that handing them out is free."""
        y = self._put("cat", xs, sum(x.channels for x in xs), xs[0].size)
        reads, held, shares = self._steps[-1]
        self._steps[-1] = reads, held._replace(moments=((0, 0),)), shares
        return y

    def conv_norm(
        self, x: Map, filters: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> Map:
        return self.norm(self.conv(x, filters, kernel, stride, dilation=dilation))

    def conv_norm_relu(
        self, x: Map, filters: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> Map:
        return self.relu(self.conv_norm(x, filters, kernel, stride, dilation))

    def spatial_norm_relu(self, x: Map, filters: int, separable: bool, dilation: int = 1) -> Map:
        """3x3, or where it is ``separable`` a depthwise 3x3 and a 1x1."""
        if not separable:
            return self.conv_norm_relu(x, filters, 3, dilation=dilation)
        return self.conv_norm_relu(self.depthwise_norm_relu(x, 3, dilation=dilation), filters, 1)

    def depthwise_norm_relu(
        self, x: Map, kernel: int, stride: int = 1, dilation: int = 1, padded: bool = False
    ) -> Map:
        return self.relu(self.norm(self.depthwise(x, kernel, stride, dilation, padded)))

    def piece(self, out: Map) -> Piece:
        """All that is on the tape, ending in ``out``."""
        kept = sum(held.kept for _, held, _ in self._steps)
        outside = kept + out.bytes
        moments = tuple([(most - outside, fixed) for most, fixed in peaks(self._steps)])
        held = Held(out.bytes, kept, moments)
        layers = tuple(self._layers)
        return Piece(self.parameters, self.macs, out.channels, out.size, held, layers)

    def _put(
        self,
        method: str,
        xs: tuple[Map, ...],
        channels: int,
        size: tuple[int, int],
        kept: int = 0,
        fixed: int = 0,
        shares: bool = False,
    ) -> Map:
        y = Map(len(self._steps), channels, size)
        gradients = [self._steps[x.step][1].bytes for x in xs]
        transient = max(gradients) if shares else sum(gradients)
        reads = tuple(x.step for x in xs)
        self._steps.append((reads, Held(y.bytes, kept, ((transient, fixed),)), shares))
        self._layers.append(Layer(method, reads, channels, size))
        return y

    def _shaped(self, y: Map, kernel: int, stride: int, dilation: int, padded: bool) -> Map:
        """The layer of ``y`` is a convolution of this shape."""
        self._layers[y.step] = self._layers[y.step]._replace(
            kernel=kernel, stride=stride, dilation=dilation, padded=padded
        )
        return y

    def _keep(self, x: Map) -> int:
        """Bytes that keeping ``x`` adds: none where a step before keeps it already."""
        if x.step in self._kept:
            return 0
        self._kept.add(x.step)
        return x.bytes


def peaks(steps: Sequence[Step]) -> tuple[Moment, ...]:
    """Moments of the backward pass of ``steps``, from the last one, at which most bytes are held:
    for some number of images, no other moment needs more. The first needs most for each image.

    Autograd runs them in the reverse order of the forward pass and lets go of what a step kept
    once it has run. A gradient lives from its first contribution until its own step has run.
    """
    kept = sum([held.kept for _, held, _ in steps])
    waiting = [0] * len(steps)
    gradients = waiting[-1] = steps[-1][1].bytes
    found: dict[int, int] = {}
    for index in range(len(steps) - 1, -1, -1):
        reads, held, shares = steps[index]
        live = kept + gradients
        for image, fixed in held.moments:
            if live + image > found.get(fixed, 0):
                found[fixed] = live + image
        kept -= held.kept
        gradients -= waiting[index]
        for source in reads:
            if not waiting[source]:
                waiting[source] = steps[source][1].bytes
                gradients += waiting[source]
                if shares:
                    break
    return _most(found)


def _most(found: dict[int, int]) -> tuple[Moment, ...]:
    """What is held whatever the batch -> most for each image; those that none exceeds in both."""
    kept: list[Moment] = []
    for image, fixed in sorted([(image, fixed) for fixed, image in found.items()], reverse=True):
        if not kept or fixed > kept[-1][1]:
            kept.append((image, fixed))
    return tuple(kept)


def _strided(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return (size[0] + stride - 1) // stride, (size[1] + stride - 1) // stride
