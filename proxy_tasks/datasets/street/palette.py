"""Colours of things. Classes overlap in colour on purpose: shape and place must tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from proxy_tasks.datasets.base import Colour

ASPHALT = ((92, 92, 96), (112, 108, 104), (74, 76, 82), (128, 124, 118))
PAVING = ((150, 144, 136), (126, 124, 122), (168, 152, 134), (108, 106, 108), (142, 116, 100))
WALL = (
    (150, 96, 76), (184, 166, 140), (128, 126, 126), (204, 196, 182), (108, 92, 84),
    (170, 130, 96), (120, 132, 146), (188, 150, 134), (92, 96, 100), (138, 148, 120),
)  # fmt: skip
ROOF = ((110, 62, 50), (72, 72, 80), (96, 84, 78), (60, 66, 74))
FOLIAGE = ((62, 92, 44), (44, 76, 44), (92, 108, 52), (80, 84, 52), (146, 104, 44), (120, 82, 48))
BARK = ((82, 66, 54), (104, 92, 80), (64, 58, 54))
METAL = ((96, 100, 104), (62, 66, 70), (140, 142, 144), (74, 84, 78), (112, 96, 80))
PAINT = (
    (168, 36, 38), (40, 66, 124), (208, 208, 206), (42, 44, 48), (128, 130, 134), (96, 98, 102),
    (60, 96, 78), (182, 158, 104), (84, 40, 44), (176, 180, 184),
)  # fmt: skip
CLOTH = (
    (40, 42, 54), (150, 44, 46), (70, 88, 130), (196, 190, 180), (110, 96, 72), (66, 84, 62),
    (96, 96, 100), (204, 160, 60), (130, 74, 120), (58, 52, 48),
)  # fmt: skip
SKIN = ((224, 178, 148), (190, 140, 108), (134, 92, 68), (92, 64, 50))
SIGNAL = (
    (196, 40, 40), (36, 78, 160), (220, 214, 206), (216, 178, 46), (40, 116, 70), (70, 72, 76),
)  # fmt: skip
TIMBER = ((128, 100, 72), (150, 140, 124), (96, 76, 60), (84, 96, 74), (172, 166, 156))
SKIES = (
    ((88, 132, 190), (186, 206, 222)), ((150, 156, 164), (196, 198, 200)),
    ((116, 128, 146), (208, 196, 180)), ((66, 104, 164), (158, 188, 214)),
    ((128, 120, 140), (232, 178, 134)), ((178, 184, 190), (214, 214, 212)),
)  # fmt: skip


def pick(rng: Random, colours: Sequence[Colour], spread: float = 14.0) -> Colour:
    """One of the colours, shifted as a whole and a little in each channel."""
    red, green, blue = colours[int(rng.random() * len(colours))]
    shift = (rng.random() - 0.5) * 3 * spread
    return (
        _byte(red + shift + (rng.random() - 0.5) * spread),
        _byte(green + shift + (rng.random() - 0.5) * spread),
        _byte(blue + shift + (rng.random() - 0.5) * spread),
    )


def lit(colour: Colour, factor: float) -> Colour:
    """The colour under more or less light."""
    return _byte(colour[0] * factor), _byte(colour[1] * factor), _byte(colour[2] * factor)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of the second in the first."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _byte(value: float) -> int:
    return 0 if value < 0 else 255 if value > 255 else int(value)
