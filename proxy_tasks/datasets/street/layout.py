"""What stands where: a street is laid out in metres, then painted from far to near."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.street.buildings import House, paint_house
from proxy_tasks.datasets.street.canvas import Camera, Canvas, Kind, Point
from proxy_tasks.datasets.street.ground import (
    Street,
    paint_ground,
    paint_sky,
    paint_skyline,
)
from proxy_tasks.datasets.street.palette import SKIES, mix, pick
from proxy_tasks.datasets.street.things import (
    paint_bollard,
    paint_fence,
    paint_hedge,
    paint_pole,
    paint_poster,
    paint_sign,
    paint_tree,
)
from proxy_tasks.datasets.street.traffic import (
    paint_car,
    paint_crossing_car,
    paint_cyclist,
    paint_pedestrian,
)

Painter = Callable[[Canvas, float, float, Random], None]


@dataclass
class Plan:
    """Things to paint, each with its depth, and the ground that each keeps in shadow."""

    canvas: Canvas
    sun: int
    things: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    shadows: list[list[Point]] = field(default_factory=list)

    def put(self, painter: Painter, x: float, z: float, rng: Random, width: float = 0.0) -> None:
        """Stand a thing at (x, z). Its colours are drawn from a stream of its own, so that things
        too near or too far to be painted change nothing else."""
        own = Random(rng.getrandbits(62))
        if 2.2 < z < 90.0:
            self.things.append((z, lambda: painter(self.canvas, x, z, own)))
            if width:
                self._cast(x, z, width)

    def put_panel(self, near: float, far: float, paint: Callable[[], None]) -> None:
        """Something long: painted by its middle."""
        if near > 2.2:
            self.things.append(((near + far) / 2, paint))

    def _cast(self, x: float, z: float, width: float) -> None:
        reach = -self.sun * width * 2.2
        half, deep = width / 2, min(width / 2, z / 3)
        corners = (
            (x - half, z),
            (x + half, z),
            (x + reach, z + deep),
            (x + reach - half, z + deep),
        )
        self.shadows.append([self.canvas.project(a, 0.0, b) for a, b in corners])

    def paint(self) -> None:
        """The farthest first, so that what is near hides what is behind it."""
        for _, paint in sorted(self.things, key=lambda thing: -thing[0]):
            paint()


def paint_scene(size: tuple[int, int], rng: Random) -> Canvas:
    """A whole street on a canvas for a read-out of ``size`` (height, width) pixels."""
    street, camera = _lay_street(rng), _place_camera(rng)
    top, low = SKIES[int(rng.random() * len(SKIES))]
    top, low = pick(rng, (top,), 20.0), pick(rng, (low,), 20.0)
    canvas = Canvas(size, camera, low, 50 + 250 * rng.random())
    sun = -1 if rng.random() < 0.5 else 1
    paint_sky(canvas, rng, top, low)
    paint_skyline(canvas, rng)
    paint_ground(canvas, street, rng)
    plan = Plan(canvas, sun)
    houses = [house for side in (-1, 1) for house in _lay_houses(street, side, rng)]
    _furnish(plan, street, rng)
    _people(plan, street, rng)
    _drive(plan, street, rng)
    _shade(plan, houses, street, rng)
    for house in sorted(houses, key=lambda house: -house.near):
        paint_house(canvas, house, sun, rng)
    _hang_wires(canvas, street, mix(low, (20, 20, 24), 0.8), rng)
    plan.paint()
    return canvas


def _place_camera(rng: Random) -> Camera:
    return Camera(
        height=1.2 + rng.random(),
        x=-0.5 + 2.8 * rng.random(),
        focal=0.75 + 0.4 * rng.random(),
        horizon=0.36 + 0.2 * rng.random(),
        centre=0.32 + 0.36 * rng.random(),
        curve=(rng.random() - 0.5) * 0.006 if rng.random() < 0.6 else 0.0,
    )


def _lay_street(rng: Random) -> Street:
    near = 9 + 22 * rng.random()
    return Street(
        half=2.8 + 2.2 * rng.random(),
        pavements=(1.8 + 4 * rng.random(), 1.8 + 4 * rng.random()),
        lined=rng.random() < 0.7,
        junction=(near, near + 6 + 3 * rng.random()) if rng.random() < 0.4 else None,
    )


def _lay_houses(street: Street, side: int, rng: Random) -> list[House]:
    """House after house, with gaps, none in the side street."""
    dense, tall = 0.35 + 0.65 * rng.random(), 4 + 12 * rng.random()
    houses, near = [], 2.5 + 4 * rng.random()
    while near < 95.0:
        far = near + 6 + 12 * rng.random()
        height, back = tall * (0.7 + 0.6 * rng.random()), 2.5 * rng.random() ** 2
        clear = street.junction is None or far < street.junction[0] or near > street.junction[1]
        if rng.random() < dense and clear:
            houses.append(House(side, street.front(side) + side * back, near, far, height))
        near = far + (4 * rng.random() if rng.random() < 0.4 else 0.0)
    return houses


def _furnish(plan: Plan, street: Street, rng: Random) -> None:
    """Trees, posts, signs and fences, in rows along the kerb and the building line."""
    for side in (-1, 1):
        kerb, front = street.kerb(side), street.front(side)
        _row(
            plan, paint_pole, kerb + side * 0.4, 5 + 10 * rng.random(), 14 + 14 * rng.random(), rng
        )
        if rng.random() < 0.6:
            _row(
                plan,
                paint_tree,
                kerb + side * 0.9,
                7 * rng.random(),
                6 + 8 * rng.random(),
                rng,
                1.4,
            )
        for _ in range(int(rng.random() * 4)):
            x = front + side * (1 + 5 * rng.random())
            plan.put(paint_tree, x, 8 + 50 * rng.random(), rng, 1.4)
        for _ in range(1 + int(rng.random() * 3)):
            x = kerb + side * (0.3 + 0.5 * rng.random())
            plan.put(paint_sign, x, 7 + 25 * rng.random() ** 1.5, rng)
        if rng.random() < 0.3:
            _row(plan, paint_bollard, kerb + side * 0.3, 4.0, 1.6 + rng.random(), rng, 0.0, 14)
        if rng.random() < 0.3:
            plan.put(paint_poster, front - side * 0.6, 7 + 12 * rng.random(), rng)
        _enclose(plan, street, side, rng)


def _row(
    plan: Plan, painter: Painter, x: float, start: float, step: float, rng: Random,
    width: float = 0.0, number: int = 6,
) -> None:  # fmt: skip
    for place in range(number):
        z = start + step * (place + 0.3 * (rng.random() - 0.5))
        plan.put(painter, x + 0.3 * (rng.random() - 0.5), z, rng, width)


def _enclose(plan: Plan, street: Street, side: int, rng: Random) -> None:
    """A run of fence or hedge, at the kerb or at the building line."""
    if rng.random() < 0.3:
        return
    at_kerb = rng.random() < 0.35
    x = street.kerb(side) + side * 0.3 if at_kerb else street.front(side) - side * 0.15
    near = 3 + 14 * rng.random()
    number, seed, style = 2 + int(rng.random() * 6), rng.getrandbits(32), rng.random()
    hedge = not at_kerb and rng.random() < 0.3
    for place in range(number):
        start = near + 3.0 * place
        plan.put_panel(start, start + 3.0, _panel(plan.canvas, x, start, style, seed, hedge))


def _panel(
    canvas: Canvas, x: float, near: float, style: float, seed: int, hedge: bool
) -> Callable[[], None]:
    if hedge:
        return lambda: paint_hedge(canvas, x, near, near + 3.0, Random(seed))
    return lambda: paint_fence(canvas, x, near, near + 3.0, style, seed)


def _people(plan: Plan, street: Street, rng: Random) -> None:
    """On the pavements, alone or in groups; some cross the road; cyclists keep to its edges."""
    for side in (-1, 1):
        wide = street.pavements[side > 0]
        for _ in range(int(rng.random() * 7)):
            x = street.kerb(side) + side * wide * (0.15 + 0.75 * rng.random())
            z = 5 + 25 * rng.random() ** 1.5
            for member in range(1 + int(rng.random() < 0.35)):
                plan.put(paint_pedestrian, x + 0.6 * member, z + 0.2 * member, rng, 0.5)
        for _ in range(int(rng.random() * 3)):
            x = street.kerb(side) + side * (rng.random() - 0.6)
            plan.put(paint_cyclist, x, 5 + 20 * rng.random() ** 1.5, rng, 0.6)
    for _ in range(int(rng.random() * 2.5) if rng.random() < 0.4 else 0):
        x = (rng.random() * 2 - 1) * street.half
        plan.put(paint_pedestrian, x, 9 + 16 * rng.random(), rng, 0.5)


def _drive(plan: Plan, street: Street, rng: Random) -> None:
    """Parked cars along the kerbs, moving ones in their lanes, at times one that crosses."""
    for side in (-1, 1):
        if rng.random() < 0.6:
            start = 7 + 15 * rng.random()
            x = street.kerb(side) - side * 1.0
            _row(
                plan,
                paint_car,
                x,
                start,
                5.6 + 3 * rng.random(),
                rng,
                1.9,
                1 + int(rng.random() * 5),
            )
        for _ in range(int(rng.random() * 2.5)):
            lane = side * street.half * (0.35 + 0.15 * rng.random())
            plan.put(paint_car, lane, 8 + 45 * rng.random(), rng, 1.9)
    if street.junction and rng.random() < 0.5:
        middle = sum(street.junction) / 2
        plan.put(paint_crossing_car, (rng.random() * 2 - 1) * 8, middle, rng, 2.5)


def _shade(plan: Plan, houses: list[House], street: Street, rng: Random) -> None:
    """Long shadows of the houses on the sunny side and short ones of everything else."""
    strength, reach = 0.75 * rng.random(), 1 + (street.half + 2) * rng.random()
    shapes = plan.shadows
    for house in houses:
        if house.side == plan.sun:
            edge = house.x - house.side * reach
            corners = (
                (house.x, house.near),
                (edge, house.near),
                (edge, house.far),
                (house.x, house.far),
            )
            shapes.append([plan.canvas.project(x, 0.0, z) for x, z in corners])
    if shapes and strength > 0.15:
        plan.canvas.shade(shapes, strength)


def _hang_wires(canvas: Canvas, street: Street, colour: Colour, rng: Random) -> None:
    """Wires over the street: as thin as poles, but no class."""
    if rng.random() > 0.25:
        return
    z, high = 8 + 15 * rng.random(), 6 + 2 * rng.random()
    ends = [canvas.project(street.front(side), high, z) for side in (-1, 1)]
    canvas.line(ends, 1, colour, Kind.VOID, z)
