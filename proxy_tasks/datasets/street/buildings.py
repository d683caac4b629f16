"""Houses in perspective, with windows, doors, shops and roofs."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.street.canvas import Canvas, Kind
from proxy_tasks.datasets.street.palette import ROOF, SIGNAL, WALL, lit, mix, pick

_MIXED = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: spreads small integers over all bits
_WORD = 0xFFFFFFFFFFFFFFFF
_SMALLEST = 2.0  # windows less than this many canvas pixels high only cost time


@dataclass(frozen=True)
class House:
    """From depth ``near`` to ``far`` (m) on one ``side`` of the street, its face at ``x``."""

    side: int
    x: float
    near: float
    far: float
    height: float


def paint_house(canvas: Canvas, house: House, sun: int, rng: Random) -> None:
    """The gable end that faces the camera first, then the face along the street, then its windows.
    ``sun`` is the side that the light comes from."""
    wall, glass = pick(rng, WALL), lit((70, 82, 96), 0.5 + rng.random())
    roof, shop = pick(rng, ROOF), pick(rng, SIGNAL)
    pattern, pitched, shops = rng.getrandbits(63), rng.random() < 0.4, rng.random() < 0.45
    floor, bay = 2.7 + 0.8 * rng.random(), 1.8 + 1.6 * rng.random()
    face = lit(wall, 0.78 if house.side == sun else 1.08)
    end = lit(wall, 0.92)
    middle = house.x + house.side * 7.0
    canvas.upright(middle, house.near, 14.0, 0.0, house.height, end, Kind.BUILDING)
    if pitched:
        _paint_roof(canvas, house, roof, end)
    canvas.along(house.x, house.near, house.far, 0.0, house.height, face, Kind.BUILDING)
    _paint_windows(canvas, house, face, glass, floor, bay, pattern)
    if shops:
        canvas.along(house.x, house.near + 0.6, house.far - 0.6, 2.5, 3.1, shop, Kind.BUILDING)


def _paint_roof(canvas: Canvas, house: House, roof: Colour, end: Colour) -> None:
    ridge_x, ridge_y = house.x + house.side * 4.0, house.height + 2.6
    project, near, far = canvas.project, house.near, house.far
    eaves, back = (house.x, house.height), (house.x + house.side * 8.0, house.height)
    gable = [project(*eaves, near), project(ridge_x, ridge_y, near), project(*back, near)]
    canvas.fill(gable, end, Kind.BUILDING, near)
    slope = [
        project(*eaves, near), project(ridge_x, ridge_y, near),
        project(ridge_x, ridge_y, far), project(*eaves, far),
    ]  # fmt: skip
    canvas.fill(slope, roof, Kind.BUILDING, near)


def _paint_windows(
    canvas: Canvas,
    house: House,
    wall: Colour,
    glass: Colour,
    floor: float,
    bay: float,
    pattern: int,
) -> None:
    """Windows at ``floor`` metres' rise and ``bay`` metres' distance; some are lit or curtained."""
    dim, bright = mix(glass, wall, 0.25), mix(glass, (226, 206, 160), 0.6)
    columns = int((house.far - house.near - 0.8) / bay)
    for storey in range(int(house.height / floor)):
        low = storey * floor + 0.9
        for column in range(columns):
            near = house.near + 0.6 + column * bay
            if canvas.scale(near) * 1.5 < _SMALLEST:
                break
            # A hash, not a draw: what is too small to paint must not shift the draws that follow.
            roll = (((pattern + storey * 64 + column) * _MIXED & _WORD) >> 56) & 15
            colour = bright if roll < 2 else dim if roll < 6 else glass
            canvas.along(
                house.x, near, near + bay * 0.55, low, low + floor * 0.5, colour, Kind.BUILDING
            )
