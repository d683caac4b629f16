"""Curves for the connections of a block diagram, laid so that they miss the blocks.

Every connection gets a few hundred candidate curves (cubic Bezier, leaving and arriving through
any free side) and takes the cheapest: short, little turning, through no block or label, not on
top of a connection laid before it. numpy only; lengths are inches; the result is deterministic.

Shapes: C candidates, S samples along a curve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = NDArray[np.float64]
"""Four control points, shape (4, 2)."""

CLEARANCE = 0.055
HEAD = 0.085
CELL = 0.025
"""Side of a cell of the map in which obstacles and laid curves are looked up."""

HIT_COST = 40.0
OUTSIDE_COST = 1000.0
SHARED_COST = 6.0
SAME_START_COST, SAME_END_COST, BOTH_WAYS_COST = 0.15, 1.0, 1.5
TURN_COST = 0.2
BACKWARDS_COST = 4.0


@dataclass(frozen=True)
class Shape:
    """A box, or a diamond inscribed in it, around (x, y)."""

    x: float
    y: float
    half_width: float
    half_height: float
    diamond: bool = False


@dataclass(frozen=True)
class Port:
    """A point off the rim of a shape, and the direction that leads away from it.

    Ports of one ``place`` are the same but for the distance to the rim.
    """

    x: float = field(compare=False)
    y: float = field(compare=False)
    dx: float
    dy: float
    place: tuple[float, float, int]


def route(
    shapes: Mapping[int, Shape],
    labels: Mapping[int, Shape],
    edges: Iterable[tuple[int, int]],
    gaps: Mapping[int, float],
    last: Collection[tuple[int, int]] = (),
) -> dict[tuple[int, int], Curve]:
    """A curve for each (from, to), where ``from`` stands left of ``to``.

    ``labels`` are boxes on top of the shapes of the same id; ``gaps`` is the distance to keep
    between a shape's rim and the ends of its curves, to which an arriving curve adds HEAD for its
    arrow head. The edges in ``last`` are laid when all others are.
    """
    # Short ones first: they have the least choice.
    ordered = sorted(set(edges), key=lambda e: (e in last, _distance(shapes, e), e))
    plan = _Map(shapes, labels, gaps)
    starts: Counter[Port] = Counter()
    finishes: Counter[Port] = Counter()
    curves: dict[tuple[int, int], Curve] = {}
    for start, end in ordered:
        leaving = _ports(shapes[start], gaps[start], side=1, top=start not in labels)
        arriving = _ports(shapes[end], gaps[end] + HEAD, side=-1, top=end not in labels)
        ends, curves_C42 = _candidates(leaving, arriving)
        samples_CS2 = _sample(curves_C42, _distance(shapes, (start, end)))
        cost_C = _shape_cost(curves_C42, samples_CS2) + plan.cost(samples_CS2, start, end)
        port_costs = [_port_cost(a, b, starts, finishes) for a, b in ends]
        cost_C += np.repeat(port_costs, len(cost_C) // len(ends))
        best = int(np.argmin(cost_C))
        curves[start, end] = curves_C42[best]
        plan.lay(samples_CS2[best])
        first, final = ends[best * len(ends) // len(cost_C)]
        starts[first] += 1
        finishes[final] += 1
    return curves


def _port_cost(a: Port, b: Port, starts: Counter[Port], finishes: Counter[Port]) -> float:
    alike = SAME_START_COST * starts[a] + SAME_END_COST * finishes[b]
    return alike + BOTH_WAYS_COST * (finishes[a] + starts[b])


class _Map:
    """The drawing as a grid: which shape covers a cell, and whether a curve passes near it."""

    def __init__(
        self,
        shapes: Mapping[int, Shape],
        labels: Mapping[int, Shape],
        gaps: Mapping[int, float],
    ) -> None:
        xs, ys = [s.x for s in shapes.values()], [s.y for s in shapes.values()]
        self._low, self._high = min(ys) - 0.6, max(ys) + 0.6
        self._origin = np.array([min(xs) - 2.0, min(ys) - 4.0])
        self._last = (np.array([max(xs) + 2.0, max(ys) + 4.0]) - self._origin) // CELL
        cells = self._last.astype(int) + 1
        self._owner = np.full(cells, -1)
        self._laid = np.zeros(cells, dtype=bool)
        self._heads = np.zeros(cells, dtype=bool)
        self._shapes = shapes
        for index, shape in [*shapes.items(), *labels.items()]:
            self._cover(index, shape, CLEARANCE + gaps[index])

    def _cover(self, index: int, shape: Shape, clearance: float) -> None:
        half = np.array([shape.half_width, shape.half_height]) + clearance
        middle = np.array([shape.x, shape.y])
        low, high = (self._cells(middle + sign * half) for sign in (-1, 1))
        window = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
        cells = np.moveaxis(np.mgrid[window], 0, -1)
        covered = _contains(shape, cells * CELL + self._origin, clearance)
        self._owner[window][covered] = index

    def cost(self, samples_CS2: Floats, start: int, end: int) -> Floats:
        """Of running through shapes, over laid curves, and out of the drawing."""
        inch_C = _lengths(samples_CS2).sum(axis=1) / samples_CS2.shape[1]
        x_CS, y_CS = self._cells(samples_CS2)
        owner_CS = self._owner[x_CS, y_CS]
        hit_CS = (owner_CS >= 0) & (owner_CS != start) & (owner_CS != end)
        for index in (start, end):
            # A curve ends right at these two, so they have no clearance.
            hit_CS |= _contains(self._shapes[index], samples_CS2, 0.0)
        hit_CS |= self._heads[x_CS, y_CS]
        shared_CS = self._laid[x_CS, y_CS]
        outside_CS = np.maximum(self._low - samples_CS2[..., 1], samples_CS2[..., 1] - self._high)
        total: Floats = inch_C * (HIT_COST * hit_CS.sum(1) + SHARED_COST * shared_CS.sum(1))
        return total + OUTSIDE_COST * outside_CS.clip(0).max(axis=1)

    def lay(self, samples_S2: Floats) -> None:
        """Remember a curve, with a rim of two cells, and its arrow head."""
        fine = np.linspace(0, len(samples_S2) - 1, 4 * len(samples_S2))
        ticks = np.arange(len(samples_S2))
        dense = np.stack([np.interp(fine, ticks, samples_S2[:, axis]) for axis in (0, 1)], axis=-1)
        for dx in range(-2, 3):
            for dy in range(-2, 3):
                rim = CELL * np.array([dx, dy])
                self._laid[self._cells(dense + rim)] = True
                self._heads[self._cells(samples_S2[-1:] + rim)] = True

    def _cells(self, points: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        found = np.clip((points - self._origin) / CELL, 0, self._last).astype(np.intp)
        return found[..., 0], found[..., 1]


def _distance(shapes: Mapping[int, Shape], edge: tuple[int, int]) -> float:
    a, b = shapes[edge[0]], shapes[edge[1]]
    return float(np.hypot(b.x - a.x, b.y - a.y))


def _ports(shape: Shape, gap: float, side: int, top: bool) -> list[Port]:
    """Ports on the side (1 right, -1 left), two beside it, and those above and below."""
    width, height = shape.half_width + gap, shape.half_height + gap
    if shape.diamond:
        beside = [(side * width / 2, up * height / 2, side * 0.7, up * 0.7) for up in (1, -1)]
    else:
        beside = [(side * width, up * shape.half_height / 2, side, 0.0) for up in (1, -1)]
    found = [(side * width, 0.0, side, 0.0), *beside, (0.0, -height, 0.0, -1.0)]
    if top:
        found.append((0.0, height, 0.0, 1.0))
    return [
        Port(shape.x + x, shape.y + y, dx, dy, (shape.x, shape.y, order))
        for order, (x, y, dx, dy) in enumerate(found)
    ]


def _candidates(
    leaving: Sequence[Port], arriving: Sequence[Port]
) -> tuple[list[tuple[Port, Port]], Floats]:
    """Pairs of ports, and the curves: equally many for each pair, in the pairs' order."""
    ends = [(a, b) for a in leaving for b in arriving]
    first_P2 = np.array([(a.x, a.y) for a, _ in ends])
    last_P2 = np.array([(b.x, b.y) for _, b in ends])
    out_P2 = np.array([(a.dx, a.dy) for a, _ in ends])
    in_P2 = np.array([(b.dx, b.dy) for _, b in ends])
    length_P = np.hypot(*(last_P2 - first_P2).T)
    fixed = [np.full(len(ends), reach) for reach in (0.18, 0.35, 0.6, 1.0)]
    reach_PR = np.stack([*fixed, 0.35 * length_P, 0.6 * length_P], axis=1)
    curves = np.empty((len(ends), reach_PR.shape[1], reach_PR.shape[1], 4, 2))
    curves[..., 0, :] = first_P2[:, None, None]
    curves[..., 1, :] = (first_P2[:, None] + reach_PR[..., None] * out_P2[:, None])[:, :, None]
    curves[..., 2, :] = (last_P2[:, None] + reach_PR[..., None] * in_P2[:, None])[:, None]
    curves[..., 3, :] = last_P2[:, None, None]
    return ends, curves.reshape(-1, 4, 2)


def _sample(curves_C42: Floats, distance: float) -> Floats:
    count = int(np.clip(distance / 0.1, 14, 80))
    t = np.linspace(0, 1, count)
    weights_S4 = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3], axis=1)
    return np.matmul(weights_S4, curves_C42)


def _lengths(points_CN2: Floats) -> Floats:
    """Distances between neighbouring points, (C, N - 1)."""
    steps = np.diff(points_CN2, axis=1)
    return np.hypot(steps[..., 0], steps[..., 1])


def _shape_cost(curves_C42: Floats, samples_CS2: Floats) -> Floats:
    legs = np.diff(curves_C42, axis=1)
    angles = np.arctan2(legs[..., 1], legs[..., 0])
    # The control polygon turns at least as much as its curve.
    turning = np.abs((np.diff(angles, axis=1) + np.pi) % (2 * np.pi) - np.pi).sum(axis=1)
    straight = np.hypot(*(samples_CS2[:, -1] - samples_CS2[:, 0]).T)
    backwards = np.clip(-np.diff(samples_CS2[..., 0], axis=1), 0, None).sum(axis=1)
    extra = _lengths(samples_CS2).sum(axis=1) - straight
    total: Floats = extra + TURN_COST * turning + BACKWARDS_COST * backwards
    return total


def _contains(shape: Shape, points: Floats, clearance: float) -> NDArray[np.bool_]:
    dx = np.abs(points[..., 0] - shape.x) / (shape.half_width + clearance)
    dy = np.abs(points[..., 1] - shape.y) / (shape.half_height + clearance)
    inside: NDArray[np.bool_] = (dx + dy if shape.diamond else np.maximum(dx, dy)) < 1
    return inside
