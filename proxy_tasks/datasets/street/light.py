"""What a camera adds to a scene: texture, light, noise, and pixels that nobody labelled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from proxy_tasks.datasets.base import IGNORE, Pixels
from proxy_tasks.datasets.street.canvas import Kind

Floats = NDArray[np.float32]

# Standard deviations (of 255) of fine, middle and coarse texture, by class.
_TEXTURE = np.zeros((256, 3), np.float32)
_TEXTURE[Kind.SKY] = 1, 1, 5
_TEXTURE[Kind.BUILDING] = 5, 5, 6
_TEXTURE[Kind.POLE] = 3, 3, 3
_TEXTURE[Kind.ROAD] = 5, 4, 7
_TEXTURE[Kind.PAVEMENT] = 7, 5, 7
_TEXTURE[Kind.TREE] = 15, 11, 6
_TEXTURE[Kind.SIGN] = 4, 3, 3
_TEXTURE[Kind.FENCE] = 8, 4, 4
_TEXTURE[Kind.CAR] = 4, 6, 3
_TEXTURE[Kind.PEDESTRIAN] = 7, 5, 3
_TEXTURE[Kind.BICYCLE] = 7, 5, 3
_THIN = np.zeros(256, bool)
_THIN[[Kind.POLE, Kind.SIGN, Kind.BICYCLE]] = True


def expose(image: Pixels, labels: Pixels, rng: np.random.Generator) -> Pixels:
    """The image (H, W, 3) with texture by class, uneven light, a colour cast, blur and noise."""
    size = labels.shape
    weights = _TEXTURE[labels]
    grain = weights[..., 0] * rng.standard_normal(size, np.float32)
    grain += weights[..., 1] * _field(size, 24, rng) + weights[..., 2] * _field(size, 6, rng)
    light = _light(size, rng)[..., None] * rng.uniform(0.92, 1.08, 3).astype(np.float32)
    pixels = (image.astype(np.float32) + grain[..., None]) * light
    blurred = _to_bytes(pixels)
    if (radius := rng.uniform(-0.6, 0.6)) > 0:
        picture = Image.fromarray(blurred).filter(ImageFilter.GaussianBlur(radius * size[1] / 128))
        blurred = np.asarray(picture)
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(2, 8))
    return _to_bytes(blurred + noise)


def _light(size: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Exposure, a slope of light over the image, clouds' shade, and darker corners."""
    v, u = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in size), indexing="ij")
    slope_u, slope_v = rng.uniform(-0.2, 0.2, 2).astype(np.float32)
    corner = np.float32(rng.uniform(0, 0.12))
    gain = np.float32(rng.uniform(0.72, 1.3))
    clouds = np.float32(rng.uniform(0, 0.08)) * _field(size, 4, rng)
    return gain * (1 + slope_u * u + slope_v * v + clouds - corner * (u * u + v * v))


def _field(size: tuple[int, ...], cells: int, rng: np.random.Generator) -> Floats:
    """Smooth noise of about unit spread, ``cells`` bumps across the image."""
    rows = max(2, round(cells * size[0] / size[1]))
    coarse = Image.fromarray(rng.standard_normal((rows, cells), np.float32))
    return np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _to_bytes(pixels: Floats) -> Pixels:
    return np.clip(pixels, 0, 255).astype(np.uint8)


def forget(labels: Pixels, rng: np.random.Generator) -> Pixels:
    """The labels with parts of the borders between classes void, as hand-drawn maps have them.
    Thin things keep their labels."""
    border = np.zeros(labels.shape, bool)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    careless = _field(labels.shape, 10, rng) > 0.4
    return np.where(border & careless & ~_THIN[labels], np.uint8(IGNORE), labels)


def add_bonnet(image: Pixels, labels: Pixels, rng: np.random.Generator) -> None:
    """In a third of the scenes, the edge of the camera's own car at the bottom, in place."""
    present, high, tone = rng.random() < 0.33, rng.uniform(0.03, 0.1), rng.uniform(20, 120)
    if not present:
        return
    height, width = labels.shape
    across = np.linspace(-1, 1, width)
    edge = height * (1 - high * (1 - 0.6 * across**2))
    inside = np.arange(height)[:, None] > edge
    image[inside] = np.uint8(tone)
    labels[inside] = IGNORE
