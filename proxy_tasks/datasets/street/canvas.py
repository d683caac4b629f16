"""A pinhole camera over a road, and a canvas that paints colour and class in one stroke.

World coordinates in metres: x to the right of the road's centre line, y up from the ground,
z forward from the camera. Pixels are (u, v), v down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from PIL import Image, ImageDraw

from proxy_tasks.datasets.base import IGNORE, Colour, Pixels

Point = tuple[float, float]


class Kind(IntEnum):
    """The classes, by label value."""

    SKY = 0
    BUILDING = 1
    POLE = 2
    ROAD = 3
    PAVEMENT = 4
    TREE = 5
    SIGN = 6
    FENCE = 7
    CAR = 8
    PEDESTRIAN = 9
    BICYCLE = 10
    VOID = IGNORE


@dataclass(frozen=True)
class Camera:
    """Lengths in metres; ``focal`` in image widths, ``horizon`` and ``centre`` in parts of the
    image's height and width; the road bends by ``curve`` * z**2 metres at distance z."""

    height: float
    x: float
    focal: float
    horizon: float
    centre: float
    curve: float


class Canvas:
    """Draws at twice the size asked for, so that reading out halves the jaggies.

    The class is the fourth channel of the picture: one stroke sets both, and what hides a thing
    hides its label too.
    """

    OVERSAMPLING = 2

    def __init__(self, size: tuple[int, int], camera: Camera, haze: Colour, sight: float) -> None:
        self.height, self.width = size[0] * self.OVERSAMPLING, size[1] * self.OVERSAMPLING
        self.camera = camera
        self._haze, self._sight = haze, sight
        self._focal = camera.focal * self.width
        self._u0 = camera.centre * self.width
        self.horizon = camera.horizon * self.height
        self._image = Image.new("RGBA", (self.width, self.height))
        self._draw = ImageDraw.Draw(self._image)

    def project(self, x: float, y: float, z: float) -> Point:
        """Where a point of the world falls, in pixels of the canvas."""
        across = x - self.camera.x + self.camera.curve * z * z
        scale = self._focal / z
        return self._u0 + scale * across, self.horizon + scale * (self.camera.height - y)

    def scale(self, z: float) -> float:
        """Pixels of the canvas to a metre at distance z."""
        return self._focal / z

    def tint(self, colour: Colour, kind: Kind, z: float) -> tuple[int, int, int, int]:
        """The colour as seen through z metres of air, with its class as fourth channel."""
        clear = math.exp(-z / self._sight)
        fog = 1.0 - clear
        haze = self._haze
        return (
            int(colour[0] * clear + haze[0] * fog),
            int(colour[1] * clear + haze[1] * fog),
            int(colour[2] * clear + haze[2] * fog),
            int(kind),
        )

    def fill(self, points: Sequence[Point], colour: Colour, kind: Kind, z: float) -> None:
        """A polygon in pixels."""
        self._draw.polygon(points, fill=self.tint(colour, kind, z))

    def ellipse(
        self, u: float, v: float, ru: float, rv: float, colour: Colour, kind: Kind, z: float
    ) -> None:
        """An ellipse about (u, v) with radii in pixels."""
        ru, rv = max(ru, 1.0), max(rv, 1.0)
        self._draw.ellipse((u - ru, v - rv, u + ru, v + rv), fill=self.tint(colour, kind, z))

    def ring(self, u: float, v: float, radius: float, colour: Colour, kind: Kind, z: float) -> None:
        """A circle's outline, as wide as survives the halving."""
        radius = max(radius, self.OVERSAMPLING)
        width = max(self.OVERSAMPLING, round(radius / 5))
        box = (u - radius, v - radius, u + radius, v + radius)
        self._draw.ellipse(box, outline=self.tint(colour, kind, z), width=width)

    def line(
        self, points: Sequence[Point], width: float, colour: Colour, kind: Kind, z: float
    ) -> None:
        """A stroke, never thinner than a pixel of the read-out."""
        width = max(self.OVERSAMPLING, round(width))
        self._draw.line(points, fill=self.tint(colour, kind, z), width=width)

    def upright(
        self, x: float, z: float, wide: float, low: float, high: float, colour: Colour, kind: Kind
    ) -> None:
        """A rectangle that faces the camera, centred on x, from ``low`` to ``high`` metres."""
        u, top = self.project(x, high, z)
        half = max(self.scale(z) * wide / 2, self.OVERSAMPLING / 2)
        bottom = self.project(x, low, z)[1]
        if bottom >= top:
            box = (u - half, top, u + half - 1, bottom)
            self._draw.rectangle(box, fill=self.tint(colour, kind, z))

    def along(
        self, x: float, near: float, far: float, low: float, high: float, colour: Colour, kind: Kind
    ) -> None:
        """A rectangle that runs along the road at x, such as a facade."""
        ends = ((low, near), (high, near), (high, far), (low, far))
        points = [self.project(x, y, z) for y, z in ends]
        self.fill(points, colour, kind, near)

    def flat(
        self, left: float, right: float, near: float, far: float, colour: Colour, kind: Kind,
        y: float = 0.0,
    ) -> None:  # fmt: skip
        """A rectangle that lies level at height y and bends with the road."""
        steps = 1 if far - near < 6 else 10
        depths = [near * (far / near) ** (i / steps) for i in range(steps + 1)]
        points = [self.project(left, y, z) for z in depths]
        points += [self.project(right, y, z) for z in reversed(depths)]
        self.fill(points, colour, kind, math.sqrt(near * far))

    def gradient(self, top: Colour, bottom: Colour, kind: Kind) -> None:
        """From the upper border down to the horizon."""
        rows = max(1, math.ceil(self.horizon))
        share = np.linspace(0, 1, rows)[:, None]
        colours = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
        for row, (red, green, blue) in enumerate(colours.astype(int).tolist()):
            self._draw.line((0, row, self.width, row), fill=(red, green, blue, int(kind)))

    def shade(self, shapes: Sequence[Sequence[Point]], strength: float) -> None:
        """Darken what lies under the polygons, keeping its class."""
        mask = Image.new("L", self._image.size)
        draw = ImageDraw.Draw(mask)
        for points in shapes:
            draw.polygon(points, fill=int(255 * strength))
        dark = self._image.point([i // 4 for i in range(256)] * 3 + list(range(256)))
        self._image.paste(dark, mask=mask)
        self._draw = ImageDraw.Draw(self._image)

    def read(self) -> tuple[Pixels, Pixels]:
        """The picture (H, W, 3) and its labels (H, W) at the size asked for."""
        pixels = np.asarray(self._image)
        sums = pixels[0::2, :, :3].astype(np.uint16) + pixels[1::2, :, :3]
        image = ((sums[:, 0::2] + sums[:, 1::2] + 2) // 4).astype(np.uint8)
        return image, pixels[::2, ::2, 3].copy()
