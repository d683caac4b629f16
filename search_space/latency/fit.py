"""What an operator takes whose shape was never measured, from those that were.

The law is a sum of what a machine spends: a fixed time, multiply-accumulates, bytes that are read
and written, with coefficients that are not negative, so that more of anything never costs less
(least squares of relative errors). How far shapes like the wanted one lie off that law is known
where they were measured: a Gaussian process over the logarithms of the shape interpolates it, and
far from all that was measured the law alone counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_space.latency.operators import BILINEAR, CONV, DEPTHWISE, MAP, NEAREST, Operator

Values = NDArray[np.float64]

BLOCK = 16
"""Channels that a convolution computes at a time where it is vectorised."""
LEAST = 0.002
"""Milliseconds that count as nothing in a relative error: a timer's own noise."""
REACH = 1.0
"""How far a measurement tells of other shapes, in units of ``_shape``."""
NOISE = 0.03
"""Of a measurement, relative."""
MOST = 800
"""Measurements that a law is made of: more take long and tell little."""


def family(operator: Operator) -> str:
    """Operators that one law holds for."""
    if operator.kind == CONV:
        return "conv 1x1" if operator.kernel == 1 else "conv"
    return operator.kind


@dataclass(frozen=True)
class Law:
    """Of one family, fitted to measured operators and their milliseconds."""

    weights: Values
    shapes: Values
    off: Values

    def __call__(self, operators: Sequence[Operator]) -> Values:
        """Milliseconds of each."""
        base = self._base(operators)
        if not len(self.shapes):
            return base
        wanted = np.array([_shape(each) for each in operators])
        return np.asarray(base * np.exp(_kernel(wanted, self.shapes) @ self.off))

    def _base(self, operators: Sequence[Operator]) -> Values:
        spent = np.array([_spent(each) for each in operators])
        return np.asarray(np.maximum(spent @ self.weights, LEAST / 10))


def fitted(operators: Sequence[Operator], milliseconds: Sequence[float]) -> Law:
    """To at least one operator of a family."""
    step = -(-len(operators) // MOST)
    pairs = sorted(zip(operators, milliseconds, strict=True))[::step]
    operators, taken = [each for each, _ in pairs], np.array([ms for _, ms in pairs])
    spent = np.array([_spent(each) for each in operators])
    relative = 1 / (taken + LEAST)
    weights = not_negative(spent * relative[:, None], taken * relative)
    law = Law(weights, np.zeros((0, 1)), np.zeros(0))
    shapes = np.array([_shape(each) for each in operators])
    residual = np.log((taken + LEAST) / (law(operators) + LEAST))
    covariance = _kernel(shapes, shapes) + np.diag(NOISE**2 + (LEAST * relative) ** 2)
    return Law(weights, shapes, np.asarray(np.linalg.solve(covariance, residual), np.float64))


def not_negative(a: Values, b: Values, sweeps: int = 2000) -> Values:
    """Least squares of ``a @ x - b`` with no x below 0, by coordinate descent."""
    size = np.maximum(np.sqrt((a * a).sum(0)), 1e-300)
    a = a / size
    gram, target = a.T @ a, a.T @ b
    x = np.zeros(a.shape[1])
    for _ in range(sweeps):
        before = x.copy()
        for j in range(len(x)):
            x[j] = max(0.0, x[j] + target[j] - gram[j] @ x)
        if np.abs(x - before).max() <= 1e-9 * max(1.0, np.abs(x).max()):
            break
    return np.asarray(x / size)


def _spent(made: Operator) -> list[float]:
    """What it needs of a machine: see the file's first lines."""
    read, put = _pixels(made.size), _pixels(made.out)
    blocks = -(-made.filters // BLOCK) * BLOCK
    macs = made.macs / made.filters * blocks * _inside(made)
    plain = float(put * made.filters) if made.reader == MAP else 0.0
    around = float(read * made.channels) if made.padded else 0.0
    weights = macs / put if made.kind in (CONV, DEPTHWISE) else 0.0
    return [
        1.0,
        macs / 1e6,
        read * made.channels * (made.inputs if made.channels == made.filters else 1) / 1e6,
        put * made.filters / 1e6,
        plain / 1e6,
        around / 1e6,
        weights / 1e6,
        0.0 if made.fused else put * made.filters / 1e6,
        0.0 if made.fused else 1.0,
        float(made.padded),
        float(made.reader == MAP),
    ]


def _shape(made: Operator) -> list[float]:
    """Coordinates in which near means alike."""
    deep = made.kind in (CONV, DEPTHWISE, NEAREST, BILINEAR)
    return [
        0.5 * np.log2(made.channels),
        0.5 * np.log2(made.filters),
        0.35 * np.log2(_pixels(made.size)),
        0.35 * np.log2(_pixels(made.out)) if deep else 0.0,
        1.0 * made.kernel,
        1.0 * made.stride,
        2.0 * (1 - _inside(made)),
        0.7 * (made.dilation > 1),
        0.7 * (-made.filters % BLOCK > 0),
        0.7 * (-made.channels % BLOCK > 0),
        0.7 * made.inputs,
        0.3 * made.relu,
        2.0 * made.padded,
        2.0 * made.fused,
        *(1.0 * (made.reader == name) for name in ("sum", "pool", "map")),
    ]


def _kernel(a: Values, b: Values) -> Values:
    """Of the Gaussian process; half of the law's usual error is shared."""
    square = ((a[:, None] - b[None]) ** 2).sum(-1) / REACH**2
    return np.asarray(0.15 * np.exp(-np.sqrt(square)))


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _inside(made: Operator) -> float:
    """The part of a kernel's taps that fall inside the map: the rest are left out."""
    share = 1.0
    for side in made.size:
        reach = made.dilation * (made.kernel // 2)
        share *= 1 - _outside(side, reach, made)
    return share


def _outside(side: int, reach: int, made: Operator) -> float:
    """Of one axis, the part of taps outside."""
    arms = made.kernel // 2
    lost = sum(min(side, made.dilation * arm) for arm in range(1, arms + 1))
    return 2 * lost / (side * made.kernel)
