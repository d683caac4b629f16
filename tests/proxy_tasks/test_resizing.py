"""Resizing: Pillow's to the bit, and the same rule where Pillow has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from proxy_tasks import resizing
from proxy_tasks.resizing import resized

SIDE = st.integers(1, 130)


def pixels(seed: int, height: int, width: int, harsh: bool = False) -> np.ndarray:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return np.where(image > 127, 255, 0).astype(np.uint8) if harsh else image


def by_pillow(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    resized = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized)


@given(st.integers(0, 2**32 - 1), SIDE, SIDE, SIDE, SIDE, st.booleans())
@settings(max_examples=300, deadline=None)
def test_eight_bits_come_out_as_pillow_makes_them(seed, height, width, high, wide, harsh) -> None:
    """One side at a time, as which of them comes first differs between Pillow's releases."""
    image = pixels(seed, height, width, harsh)
    first = (high, width) if height - high > max(0, 2 * (width - wide)) else (height, wide)
    expected = by_pillow(by_pillow(image, first), (high, wide))
    assert np.array_equal(resized(image, (high, wide)), expected)


@pytest.mark.parametrize("size", [(700, 2), (1, 1), (3, 1300), (600, 500), (601, 501)])
def test_sides_longer_than_a_block_of_the_product(size, monkeypatch) -> None:
    image = pixels(0, 600, 500)
    assert np.array_equal(resized(image, size), by_pillow(image, size))
    monkeypatch.setattr(resizing, "_ROWS", 5)
    monkeypatch.setattr(resizing, "_COLUMNS", 7)
    assert np.array_equal(resized(image, size), by_pillow(image, size))


@pytest.mark.parametrize("size", [(20, 33), (90, 70), (7, 100)])
def test_sixteen_bits_follow_the_same_rule(size) -> None:
    image = np.random.default_rng(0).integers(0, 2**16, (40, 50, 4), np.uint16)
    found = resized(image, size)
    assert (found.dtype, found.shape) == (np.uint16, (*size, 4))
    exact = np.stack(
        [
            np.asarray(
                Image.fromarray(image[..., band].astype(np.float32)).resize(
                    size[::-1], Image.Resampling.BILINEAR
                )
            )
            for band in range(4)
        ],
        -1,
    )
    assert abs(found - exact).max() <= 1.01  # rounded twice, where Pillow's floats are not
    brightest = np.full((9, 11, 2), 65535, np.uint16)
    assert (resized(brightest, size) == 65535).all()


def test_an_image_of_the_size_already_is_left_as_it_is() -> None:
    image = pixels(0, 8, 9)
    assert np.array_equal(resized(image, (8, 9)), image)
