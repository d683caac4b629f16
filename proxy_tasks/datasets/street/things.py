"""What stands still on a street: trees, poles, signs and fences. Sizes in metres.

Each painter draws the same random numbers whatever the canvas size, so that a scene is the same
scene at every size.
"""

from __future__ import annotations

import math
from random import Random

from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.street.canvas import Canvas, Kind
from proxy_tasks.datasets.street.palette import (
    BARK,
    CLOTH,
    FOLIAGE,
    METAL,
    SIGNAL,
    TIMBER,
    lit,
    mix,
    pick,
)


def paint_tree(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """Broad-leaved, conical, or bare."""
    height, form = 3.5 + 5 * rng.random(), rng.random()
    bark, leaf = pick(rng, BARK), pick(rng, FOLIAGE)
    trunk = height * (0.25 + 0.15 * rng.random())
    if form < 0.15:
        _paint_bare(canvas, x, z, height, bark, rng)
        return
    canvas.upright(x, z, 0.3, 0.0, trunk * 1.3, bark, Kind.TREE)
    if form < 0.35:
        _paint_cone(canvas, x, z, trunk * 0.5, height, leaf)
    else:
        _paint_crown(canvas, x, z, trunk, height, leaf, rng)


def _paint_crown(
    canvas: Canvas, x: float, z: float, trunk: float, height: float, leaf: Colour, rng: Random
) -> None:
    radius = (height - trunk) / 2
    scale = canvas.scale(z)
    u, v = canvas.project(x, trunk + radius, z)
    canvas.ellipse(u, v, scale * radius * 0.8, scale * radius, lit(leaf, 0.85), Kind.TREE, z)
    for _ in range(9):
        angle, reach = rng.random() * math.tau, radius * (0.3 + 0.6 * rng.random())
        size = radius * (0.25 + 0.3 * rng.random())
        du, dv = math.cos(angle) * reach, math.sin(angle) * reach
        # Leaves catch more light higher up.
        shade = 0.9 - 0.3 * math.sin(angle) + 0.2 * (rng.random() - 0.5)
        canvas.ellipse(
            u + scale * du, v + scale * dv, scale * size, scale * size * 0.8,
            lit(leaf, shade), Kind.TREE, z,
        )  # fmt: skip


def _paint_cone(
    canvas: Canvas, x: float, z: float, low: float, height: float, leaf: Colour
) -> None:
    for tier in range(3):
        base = low + (height - low) * tier * 0.28
        half = (height - base) * 0.28
        tip = min(height, base + (height - low) * 0.5)
        points = [
            canvas.project(x - half, base, z), canvas.project(x + half, base, z),
            canvas.project(x, tip, z),
        ]  # fmt: skip
        canvas.fill(points, lit(leaf, 0.75 + 0.12 * tier), Kind.TREE, z)


def _paint_bare(
    canvas: Canvas, x: float, z: float, height: float, bark: Colour, rng: Random
) -> None:
    canvas.upright(x, z, 0.28, 0.0, height * 0.6, bark, Kind.TREE)
    for branch in range(8):
        foot = height * (0.3 + 0.04 * branch)
        lean = (rng.random() - 0.5) * height * 0.7
        ends = [canvas.project(x, foot, z), canvas.project(x + lean, height * 0.95, z)]
        canvas.line(ends, canvas.scale(z) * 0.1, bark, Kind.TREE, z)


def paint_hedge(canvas: Canvas, x: float, near: float, far: float, rng: Random) -> None:
    """A clipped hedge along the street."""
    leaf, height = pick(rng, FOLIAGE), 0.8 + rng.random()
    canvas.upright(x + math.copysign(0.4, x), near, 0.8, 0.0, height, lit(leaf, 1.1), Kind.TREE)
    canvas.along(x, near, far, 0.0, height, leaf, Kind.TREE)


def paint_pole(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """A lamp post with an arm over the road, or a bare post."""
    height, colour = 4.5 + 4 * rng.random(), pick(rng, METAL)
    arm, thick = rng.random(), 0.12 + 0.1 * rng.random()
    canvas.upright(x, z, thick, 0.0, height, colour, Kind.POLE)
    if arm < 0.6:
        reach = -math.copysign(0.8 + 1.2 * arm, x)
        ends = [canvas.project(x, height, z), canvas.project(x + reach, height + 0.15, z)]
        canvas.line(ends, canvas.scale(z) * thick * 0.7, colour, Kind.POLE, z)


def paint_bollard(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """A knee-high post at the kerb."""
    canvas.upright(x, z, 0.18, 0.0, 0.7 + 0.4 * rng.random(), pick(rng, METAL), Kind.POLE)


def paint_sign(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """A traffic sign, a board or a traffic light on its post. The post is a pole."""
    shape, height, size = rng.random(), 2.3 + 0.8 * rng.random(), 0.35 + 0.25 * rng.random()
    face, rim, post = pick(rng, SIGNAL), pick(rng, SIGNAL), pick(rng, METAL)
    canvas.upright(x, z, 0.1, 0.0, height + size, post, Kind.POLE)
    u, v = canvas.project(x, height + size, z)
    radius = max(canvas.scale(z) * size, 3.0)
    if shape < 0.35:
        canvas.ellipse(u, v, radius, radius, rim, Kind.SIGN, z)
        canvas.ellipse(u, v, radius * 0.65, radius * 0.65, face, Kind.SIGN, z)
    elif shape < 0.6:
        turn = -1 if shape < 0.5 else 1
        points = [(u - radius, v - turn * radius), (u + radius, v - turn * radius)]
        canvas.fill([*points, (u, v + turn * radius)], face, Kind.SIGN, z)
    elif shape < 0.8:
        wide = size * 4
        canvas.upright(x, z, wide, height, height + size * 2, face, Kind.SIGN)
        canvas.upright(x, z, wide * 0.7, height + size * 0.8, height + size * 1.2, rim, Kind.SIGN)
    else:
        canvas.upright(x, z, 0.4, height, height + 1.1, (44, 46, 48), Kind.SIGN)
        lamp = ((220, 60, 50), (60, 200, 110))[int(shape * 40) % 2]
        lamp_u, lamp_v = canvas.project(x, height + (0.85 if lamp[0] > 100 else 0.25), z)
        reach = canvas.scale(z) * 0.14
        canvas.ellipse(lamp_u, lamp_v, reach, reach, lamp, Kind.SIGN, z)


def paint_poster(canvas: Canvas, x: float, z: float, rng: Random) -> None:
    """A sign's look-alike: a notice on the ground, part of the pavement's clutter (void)."""
    canvas.upright(x, z, 0.7, 0.0, 0.9 + 0.3 * rng.random(), pick(rng, CLOTH), Kind.VOID)


def paint_fence(canvas: Canvas, x: float, near: float, far: float, style: float, seed: int) -> None:
    """One panel along the street. All panels of a fence share ``seed``, hence their colour.

    What shows between the bars of a railing counts as fence, as annotators draw it.
    """
    rng = Random(seed)
    height, timber, metal = 0.9 + 0.9 * rng.random(), pick(rng, TIMBER), pick(rng, METAL)
    if style < 0.5:
        canvas.along(x, near, far, 0.0, height, timber, Kind.FENCE)
        _paint_bars(canvas, x, near, far, height, lit(timber, 0.78), 0.45)
        return
    behind = mix(pick(rng, FOLIAGE), pick(rng, TIMBER), rng.random())
    canvas.along(x, near, far, 0.1, height * 0.95, behind, Kind.FENCE)
    _paint_bars(canvas, x, near, far, height, metal, 0.3)
    rail = [canvas.project(x, height, near), canvas.project(x, height, far)]
    canvas.line(rail, canvas.scale(near) * 0.06, metal, Kind.FENCE, near)


def _paint_bars(
    canvas: Canvas, x: float, near: float, far: float, height: float, colour: Colour, step: float
) -> None:
    if canvas.scale(near) * step < 1.5:  # finer than the canvas shows
        return
    z = near
    while z < far:
        ends = [canvas.project(x, 0.0, z), canvas.project(x, height, z)]
        canvas.line(ends, canvas.scale(z) * 0.04, colour, Kind.FENCE, z)
        z += step * (1 + z / 8)
