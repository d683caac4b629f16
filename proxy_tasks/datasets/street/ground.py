"""Sky, skyline, pavement and the road with its markings."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.street.canvas import Canvas, Kind
from proxy_tasks.datasets.street.palette import ASPHALT, FOLIAGE, PAVING, WALL, lit, mix, pick

NEAR, FAR = 1.2, 140.0
WHITE: Colour = (206, 204, 196)


@dataclass(frozen=True)
class Street:
    """Half the road's width, the pavements' width on the left and right (m), whether the road has
    a middle line, and the depths of a side street's two edges, if there is one."""

    half: float
    pavements: tuple[float, float]
    lined: bool
    junction: tuple[float, float] | None

    def kerb(self, side: int) -> float:
        """x of the road's edge; ``side`` is -1 (left) or 1."""
        return side * self.half

    def front(self, side: int) -> float:
        """x of the building line."""
        return side * (self.half + self.pavements[side > 0])


def paint_sky(canvas: Canvas, rng: Random, top: Colour, bottom: Colour) -> None:
    """A gradient, and clouds on some days."""
    canvas.gradient(top, bottom, Kind.SKY)
    for _ in range(int(rng.random() * 6) if rng.random() < 0.6 else 0):
        u, v = rng.random() * canvas.width, rng.random() * canvas.horizon
        colour = mix(bottom, (240, 240, 240), rng.random() * 0.6)
        for _ in range(4):
            ru, rv = (0.03 + 0.06 * rng.random()) * canvas.width, 0.02 * canvas.height
            canvas.ellipse(u, min(v, canvas.horizon - rv), ru, rv, colour, Kind.SKY, 0.0)
            u += ru


def paint_skyline(canvas: Canvas, rng: Random) -> None:
    """Far houses and trees that close the view."""
    x = -160.0
    while x < 160.0:
        wide, high = 4 + 12 * rng.random(), 3 + 14 * rng.random() ** 2
        middle = x + wide / 2
        if rng.random() < 0.55:
            colour = pick(rng, WALL)
            canvas.upright(middle, FAR, wide, -2.0, high, colour, Kind.BUILDING)
        else:
            colour = pick(rng, FOLIAGE)
            u, v = canvas.project(middle, high * 0.3, FAR)
            scale = canvas.scale(FAR)
            canvas.ellipse(u, v, scale * wide * 0.7, scale * high * 0.6, colour, Kind.TREE, FAR)
        x += wide * (0.7 + 0.6 * rng.random())


def paint_ground(canvas: Canvas, street: Street, rng: Random) -> None:
    """Pavement up to the horizon, the road over it, kerbs, side street, markings, patches."""
    paving, asphalt = pick(rng, PAVING), pick(rng, ASPHALT)
    bottom, width = float(canvas.height), float(canvas.width)
    top = canvas.horizon
    canvas.fill([(0, top), (width, top), (width, bottom), (0, bottom)], paving, Kind.PAVEMENT, 10.0)
    _paint_slabs(canvas, street, lit(paving, 0.82 + 0.3 * rng.random()), rng)
    canvas.flat(-street.half, street.half, NEAR, FAR, asphalt, Kind.ROAD)
    _paint_kerbs(canvas, street, pick(rng, PAVING))
    _paint_patches(canvas, street, asphalt, rng)
    if street.junction:
        _paint_junction(canvas, street, asphalt, rng)
    if street.lined:
        _paint_lines(canvas, street, rng)


def _paint_slabs(canvas: Canvas, street: Street, colour: Colour, rng: Random) -> None:
    step = 0.8 + rng.random()
    for side in (-1, 1):
        inner, outer = street.kerb(side), street.front(side)
        z = 4.0
        while z < 30.0:
            canvas.flat(inner, outer, z, z + 0.06 * step + 0.004 * z, colour, Kind.PAVEMENT)
            z += step * (1 + z / 16)


def _paint_kerbs(canvas: Canvas, street: Street, colour: Colour) -> None:
    for side in (-1, 1):
        kerb = street.kerb(side)
        canvas.flat(kerb, kerb + side * 0.25, NEAR, FAR, colour, Kind.PAVEMENT)


def _paint_patches(canvas: Canvas, street: Street, asphalt: Colour, rng: Random) -> None:
    """Mended asphalt, drains and puddles: never a class of their own."""
    for _ in range(int(rng.random() * 5)):
        x = (rng.random() * 2 - 1) * street.half * 0.7
        z = 4 + 20 * rng.random()
        wide, deep = 0.3 + rng.random(), 0.5 + 4 * rng.random()
        factor = 0.7 + 0.5 * rng.random()
        canvas.flat(x - wide, x + wide, z, z + deep, lit(asphalt, factor), Kind.ROAD)


def _paint_junction(canvas: Canvas, street: Street, asphalt: Colour, rng: Random) -> None:
    assert street.junction is not None
    near, far = street.junction
    sides = ((-1,), (1,), (-1, 1))[int(rng.random() * 3)]
    for side in sides:
        left, right = sorted((street.kerb(side), side * 60.0))
        canvas.flat(left, right, near, far, asphalt, Kind.ROAD)
    if rng.random() < 0.7:
        x = -street.half + 0.4
        while x < street.half - 0.4:
            canvas.flat(x, x + 0.5, max(near - 3.5, 3.0), near - 0.5, WHITE, Kind.ROAD)
            x += 1.0


def _paint_lines(canvas: Canvas, street: Street, rng: Random) -> None:
    colour = lit(WHITE, 0.75 + 0.25 * rng.random())
    dash, z = 1.5 + 2 * rng.random(), 2.0 + 2 * rng.random()
    dashed = rng.random() < 0.75
    while z < 70.0:
        canvas.flat(-0.08, 0.08, z, z + dash, colour, Kind.ROAD)
        z += dash * (2.2 if dashed else 1.0)
    if rng.random() < 0.5:
        for side in (-1, 1):
            x = street.kerb(side) - side * 0.4
            canvas.flat(x - 0.06, x + 0.06, NEAR, 80.0, colour, Kind.ROAD)
