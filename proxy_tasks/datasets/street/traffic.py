"""What moves on a street: cars, pedestrians and cyclists. Sizes in metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.street.canvas import Canvas, Kind
from proxy_tasks.datasets.street.palette import CLOTH, METAL, PAINT, SKIN, lit, pick

GLASS: Colour = (54, 64, 76)
TYRE: Colour = (34, 34, 36)


@dataclass(frozen=True)
class Box:
    """A block standing on the road, its nearest face at depth ``near``."""

    x: float
    near: float
    wide: float
    long: float
    low: float
    high: float


def paint_car(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """A car, a van or a lorry, seen from behind or from the front, along the road."""
    kind, paint, front = rng.random(), pick(rng, PAINT), rng.random() < 0.4
    jitter = 0.92 + 0.16 * rng.random()
    if kind < 0.75:
        body = Box(x, z, 1.8 * jitter, 4.2 * jitter, 0.25, 0.85 * jitter)
        _paint_box(canvas, body, paint)
        start = 1.2 if front else 0.35
        cabin = Box(x, z + start, 1.5 * jitter, 2.5 * jitter, 0.85 * jitter, 1.45 * jitter)
        _paint_box(canvas, cabin, lit(paint, 0.95))
        _paint_glass(canvas, cabin)
    else:
        high = (2.1 if kind < 0.9 else 3.0) * jitter
        body = Box(x, z, (1.95 if kind < 0.9 else 2.4) * jitter, high * 2.4, 0.3, high)
        _paint_box(canvas, body, paint)
        _paint_glass(canvas, Box(x, z, body.wide, body.long * 0.4, high * 0.55, high * 0.95))
    _paint_lights(canvas, body, front)
    _paint_wheels(canvas, body)


def _visible_side(canvas: Canvas, box: Box) -> float | None:
    """x of the flank that the camera sees, if it sees one."""
    towards = canvas.camera.x - canvas.camera.curve * box.near**2
    if box.x + box.wide / 2 < towards:
        return box.x + box.wide / 2
    if box.x - box.wide / 2 > towards:
        return box.x - box.wide / 2
    return None


def _paint_box(canvas: Canvas, box: Box, paint: Colour) -> None:
    far = box.near + box.long
    left, right = box.x - box.wide / 2, box.x + box.wide / 2
    if canvas.camera.height > box.high:
        canvas.flat(left, right, box.near, far, lit(paint, 1.2), Kind.CAR, box.high)
    if (flank := _visible_side(canvas, box)) is not None:
        canvas.along(flank, box.near, far, box.low, box.high, lit(paint, 0.85), Kind.CAR)
    canvas.upright(box.x, box.near, box.wide, box.low, box.high, paint, Kind.CAR)


def _paint_glass(canvas: Canvas, cabin: Box) -> None:
    low, high = cabin.low + 0.06, cabin.high - 0.1
    if (flank := _visible_side(canvas, cabin)) is not None:
        near, far = cabin.near + 0.25, cabin.near + cabin.long - 0.3
        canvas.along(flank, near, far, low, high, GLASS, Kind.CAR)
    canvas.upright(cabin.x, cabin.near, cabin.wide * 0.84, low, high, GLASS, Kind.CAR)


def _paint_lights(canvas: Canvas, body: Box, front: bool) -> None:
    colour = (228, 224, 200) if front else (186, 34, 30)
    high = 0.25 + 0.55 * (0.85 - 0.25)
    for side in (-1, 1):
        x = body.x + side * body.wide * 0.4
        canvas.upright(x, body.near, body.wide * 0.16, high, high + 0.16, colour, Kind.CAR)


def _paint_wheels(canvas: Canvas, body: Box) -> None:
    for side in (-1, 1):
        canvas.upright(body.x + side * body.wide * 0.39, body.near, 0.22, 0.0, 0.35, TYRE, Kind.CAR)
    if (flank := _visible_side(canvas, body)) is None:
        return
    for share in (0.2, 0.8):
        z = body.near + body.long * share
        (u1, v), (u2, _) = (
            canvas.project(flank, 0.32, z - 0.32),
            canvas.project(flank, 0.32, z + 0.32),
        )
        tall = canvas.scale(z) * 0.32
        canvas.ellipse((u1 + u2) / 2, v, abs(u2 - u1) / 2, tall, TYRE, Kind.CAR, z)


def paint_crossing_car(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """A car across the road, seen from its side."""
    paint, way = pick(rng, PAINT), -1 if rng.random() < 0.5 else 1

    def shape(corners: tuple[tuple[float, float], ...], colour: Colour) -> None:
        canvas.fill([canvas.project(x + way * a, b, z) for a, b in corners], colour, Kind.CAR, z)

    shape(((-2.1, 0.3), (-2.1, 0.8), (-1.7, 0.95), (2.0, 0.85), (2.15, 0.3)), paint)
    shape(((-1.7, 0.9), (-1.1, 1.45), (0.5, 1.45), (1.2, 0.9)), lit(paint, 0.95))
    shape(((-1.4, 0.93), (-1.0, 1.36), (-0.3, 1.36), (-0.3, 0.93)), GLASS)
    shape(((-0.2, 0.93), (-0.2, 1.36), (0.4, 1.36), (0.95, 0.93)), GLASS)
    radius = canvas.scale(z) * 0.33
    for hub in (-1.3, 1.3):
        u, v = canvas.project(x + hub, 0.33, z)
        canvas.ellipse(u, v, radius, radius, TYRE, Kind.CAR, z)


def paint_pedestrian(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """Somebody who stands or walks: legs, coat, arms, head; sometimes a bag."""
    height, stride = 1.25 + 0.6 * rng.random(), (rng.random() - 0.5) * 0.7
    coat, trousers, skin = pick(rng, CLOTH), pick(rng, CLOTH), pick(rng, SKIN)
    bag, girth = rng.random(), 0.38 + 0.16 * rng.random()
    scale, hip, neck = canvas.scale(z), height * 0.48, height * 0.84
    for foot in (stride, -stride):
        ends = [canvas.project(x, hip, z), canvas.project(x + foot * 0.6, 0.0, z)]
        canvas.line(ends, scale * 0.16, trousers, Kind.PEDESTRIAN, z)
    canvas.upright(x, z, girth, hip * 0.92, neck, coat, Kind.PEDESTRIAN)
    for side in (-1, 1):
        shoulder, hand = x + side * girth * 0.5, x + side * (girth * 0.6 + abs(stride) * 0.3)
        ends = [canvas.project(shoulder, neck * 0.97, z), canvas.project(hand, hip * 0.95, z)]
        canvas.line(ends, scale * 0.11, lit(coat, 0.85), Kind.PEDESTRIAN, z)
    if bag < 0.25:
        canvas.upright(x + girth * 0.7, z, 0.3, hip * 0.5, hip, pick(rng, CLOTH), Kind.PEDESTRIAN)
    u, v = canvas.project(x, height * 0.92, z)
    canvas.ellipse(u, v, scale * 0.11, scale * height * 0.075, skin, Kind.PEDESTRIAN, z)


def paint_cyclist(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """A bicycle with its rider, or a parked one; from the side or from behind."""
    sideways, ridden = rng.random() < 0.55, rng.random() < 0.7
    way, frame = -1 if rng.random() < 0.5 else 1, pick(rng, METAL, 40.0)
    coat, trousers, skin = pick(rng, CLOTH), pick(rng, CLOTH), pick(rng, SKIN)
    if sideways:
        _paint_bicycle(canvas, x, z, way, frame)
    else:
        canvas.upright(x, z, 0.08, 0.0, 0.95, TYRE, Kind.BICYCLE)
        canvas.upright(x, z, 0.6, 0.98, 1.04, frame, Kind.BICYCLE)
    if ridden:
        _paint_rider(canvas, x, z, way * sideways, (coat, trousers, skin))


def _paint_bicycle(canvas: Canvas, x: float, z: float, way: int, frame: Colour) -> None:
    scale = canvas.scale(z)
    for hub in (-0.52, 0.52):
        u, v = canvas.project(x + hub, 0.34, z)
        canvas.ring(u, v, scale * 0.34, TYRE, Kind.BICYCLE, z)
    corners = ((-0.52, 0.34), (-0.15, 0.85), (0.38, 0.85), (0.05, 0.34), (-0.15, 0.85))
    for (a, b), (c, d) in pairwise(corners):
        ends = [canvas.project(x + way * a, b, z), canvas.project(x + way * c, d, z)]
        canvas.line(ends, scale * 0.06, frame, Kind.BICYCLE, z)
    fork = [canvas.project(x + way * 0.52, 0.34, z), canvas.project(x + way * 0.36, 1.0, z)]
    canvas.line(fork, scale * 0.06, frame, Kind.BICYCLE, z)


def _paint_rider(
    canvas: Canvas, x: float, z: float, way: int, colours: tuple[Colour, Colour, Colour]
) -> None:
    """``way`` is -1 or 1 towards that side, 0 along the road."""
    coat, trousers, skin = colours
    scale, seat = canvas.scale(z), x - way * 0.15
    spread = 0.0 if way else 0.12
    for side in (-1, 1):
        leg = [(seat + side * spread, 0.95), (seat + way * 0.25 + side * spread, 0.3)]
        canvas.line(
            [canvas.project(a, b, z) for a, b in leg], scale * 0.15, trousers, Kind.BICYCLE, z
        )
    shoulder = seat + way * 0.3
    trunk = [canvas.project(seat, 0.9, z), canvas.project(shoulder, 1.45, z)]
    canvas.line(trunk, scale * (0.28 if way else 0.42), coat, Kind.BICYCLE, z)
    hand = seat + way * 0.52 + (0.0 if way else 0.25)
    arm = [canvas.project(shoulder, 1.38, z), canvas.project(hand, 1.02, z)]
    canvas.line(arm, scale * 0.1, lit(coat, 0.85), Kind.BICYCLE, z)
    u, v = canvas.project(shoulder + way * 0.08, 1.62, z)
    radius = scale * 0.12
    canvas.ellipse(u, v, radius, math.ceil(radius * 1.1), skin, Kind.BICYCLE, z)
