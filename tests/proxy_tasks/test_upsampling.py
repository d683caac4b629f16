"""Up-sampling by bands equals torch's interpolation, whatever the bands."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from proxy_tasks.upsampling import BandedUpsampling, bilinear_matrix

SIZES = [
    ((3, 4), (12, 16)),
    ((4, 5), (13, 19)),
    ((1, 1), (5, 7)),
    ((6, 4), (6, 4)),
    ((2, 9), (9, 9)),
]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def whole(low: Tensor, size: tuple[int, int], elements: int) -> Tensor:
    """All bands put together, as interpolate returns it."""
    bands = BandedUpsampling(low, size, elements)
    full = low.new_full((len(low), size[0], low.shape[1], size[1]), float("nan"))
    for band in bands:
        full[band.images, band.rows] = bands.up(band)
    return full.transpose(1, 2)


@pytest.mark.parametrize("elements", [1, 150, 700, 10**6])
@pytest.mark.parametrize(("small", "large"), SIZES)
def test_bands_put_together_are_the_interpolated_map(
    small: tuple[int, int], large: tuple[int, int], elements: int
) -> None:
    low = torch.randn(5, 3, *small, dtype=torch.float64)
    expected = interpolate(low, size=large, mode="bilinear", align_corners=False)
    torch.testing.assert_close(whole(low, large, elements), expected)


@pytest.mark.parametrize("elements", [1, 150, 700])
def test_a_band_holds_no_more_than_it_may_but_at_least_a_row(elements: int) -> None:
    bands = BandedUpsampling(torch.randn(5, 3, 4, 5), (13, 19), elements)
    sizes = [bands.up(band).numel() for band in bands]
    assert max(sizes) <= max(elements, 3 * 19)
    assert sum(sizes) == 5 * 3 * 13 * 19


@pytest.mark.parametrize("elements", [150, 10**6])
def test_down_is_the_adjoint_of_up(elements: int) -> None:
    bands = BandedUpsampling(torch.randn(5, 3, 4, 5, dtype=torch.float64), (13, 19), elements)
    for band in bands:
        large = torch.randn_like(bands.up(band))
        small = bands.low_BhKw[band.images, band.low]
        assert (bands.down(band, large) * small).sum() == pytest.approx(
            float((large * bands.up(band)).sum())
        )


def test_every_pixel_is_a_mean_of_at_most_two_per_axis() -> None:
    matrix = bilinear_matrix(7, 30)
    torch.testing.assert_close(matrix.sum(1), torch.ones(30, dtype=torch.float64))
    assert int((matrix > 0).sum(1).max()) == 2
