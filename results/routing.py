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
TURN_COST = 0.22


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
        cost_C = _shape_cost(samples_CS2) + plan.cost(samples_CS2, start, end)
        cost_C += [_port_cost(a, b, starts, finishes) for a, b in ends]
        best = int(np.argmin(cost_C))
        curves[start, end] = curves_C42[best]
        plan.lay(samples_CS2[best])
        starts[ends[best][0]] += 1
        finishes[ends[best][1]] += 1
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
        self._shapes = shapes
        centres = np.stack(np.meshgrid(*map(np.arange, cells), indexing="ij"), axis=-1)
        points = centres * CELL + self._origin
        for index, shape in [*shapes.items(), *labels.items()]:
            self._owner[_contains(shape, points, CLEARANCE + gaps[index])] = index

    def cost(self, samples_CS2: Floats, start: int, end: int) -> Floats:
        """Of running through shapes, over laid curves, and out of the drawing."""
        inch_C = _steps(samples_CS2)[1].sum(axis=1) / samples_CS2.shape[1]
        x_CS, y_CS = self._cells(samples_CS2)
        owner_CS = self._owner[x_CS, y_CS]
        hit_CS = (owner_CS >= 0) & (owner_CS != start) & (owner_CS != end)
        for index in (start, end):
            # A curve ends right at these two, so they have no clearance.
            hit_CS |= _contains(self._shapes[index], samples_CS2, 0.0)
        shared_CS = self._laid[x_CS, y_CS]
        outside_CS = np.maximum(self._low - samples_CS2[..., 1], samples_CS2[..., 1] - self._high)
        total: Floats = inch_C * (HIT_COST * hit_CS.sum(1) + SHARED_COST * shared_CS.sum(1))
        return total + OUTSIDE_COST * outside_CS.clip(0).max(axis=1)

    def lay(self, samples_S2: Floats) -> None:
        """Remember a curve, with a rim of two cells."""
        fine = np.linspace(0, len(samples_S2) - 1, 4 * len(samples_S2))
        ticks = np.arange(len(samples_S2))
        dense = np.stack([np.interp(fine, ticks, samples_S2[:, axis]) for axis in (0, 1)], axis=-1)
        for dx in range(-2, 3):
            for dy in range(-2, 3):
                self._laid[self._cells(dense + CELL * np.array([dx, dy]))] = True

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
    ends: list[tuple[Port, Port]] = []
    curves: list[list[tuple[float, float]]] = []
    for a in leaving:
        for b in arriving:
            length = float(np.hypot(b.x - a.x, b.y - a.y))
            reaches = (0.18, 0.35, 0.6, 1.0, 0.35 * length, 0.6 * length)
            for first in reaches:
                for last in reaches:
                    p1 = (a.x + first * a.dx, a.y + first * a.dy)
                    p2 = (b.x + last * b.dx, b.y + last * b.dy)
                    ends.append((a, b))
                    curves.append([(a.x, a.y), p1, p2, (b.x, b.y)])
    return ends, np.array(curves)


def _sample(curves_C42: Floats, distance: float) -> Floats:
    count = int(np.clip(distance / 0.09, 14, 90))
    t = np.linspace(0, 1, count)
    weights_S4 = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3], axis=1)
    return np.einsum("sk,ckd->csd", weights_S4, curves_C42)


def _steps(samples_CS2: Floats) -> tuple[Floats, Floats]:
    """Vectors between neighbouring samples, and their lengths."""
    steps = np.diff(samples_CS2, axis=1)
    return steps, np.hypot(steps[..., 0], steps[..., 1])


def _shape_cost(samples_CS2: Floats) -> Floats:
    steps, lengths = _steps(samples_CS2)
    angles = np.unwrap(np.arctan2(steps[..., 1], steps[..., 0]), axis=1)
    turning = np.abs(np.diff(angles, axis=1)).sum(axis=1)
    straight = np.hypot(*(samples_CS2[:, -1] - samples_CS2[:, 0]).T)
    backwards = np.clip(-steps[..., 0], 0, None).sum(axis=1)
    total: Floats = lengths.sum(axis=1) - straight + TURN_COST * turning + 4 * backwards
    return total


def _contains(shape: Shape, points: Floats, clearance: float) -> NDArray[np.bool_]:
    dx = np.abs(points[..., 0] - shape.x) / (shape.half_width + clearance)
    dy = np.abs(points[..., 1] - shape.y) / (shape.half_height + clearance)
    inside: NDArray[np.bool_] = (dx + dy if shape.diamond else np.maximum(dx, dy)) < 1
    return inside
