"""How thin structures are, in pixels that can be counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from proxy_tasks.datasets import IGNORE, thickness
from proxy_tasks.datasets.thickness import growth, pooled, thicknesses
from proxy_tasks.datasets.traits import Thickness

MAPS = arrays(
    np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2)
)


def field(height: int = 80, width: int = 60) -> np.ndarray:
    return np.zeros((height, width), np.uint8)


@given(st.integers(1, 40), st.booleans())
def test_a_strip_is_as_thick_as_it_is_wide(width, upright):
    labels = field()
    labels[20 : 20 + width] = 1
    found = thicknesses(labels.T if upright else labels, 3)
    assert found[1] == pytest.approx(width)
    assert np.isnan(found[2])


def test_a_diagonal_strip_is_as_thick_as_it_is_wide_to_a_pixel():
    """Of 29 diagonals, each 1 / sqrt(2) from the next."""
    rows, columns = np.indices((300, 300))
    labels = (np.abs(rows - columns) <= 14).astype(np.uint8)
    assert thicknesses(labels, 2)[1] == pytest.approx(29 / np.sqrt(2), abs=1.1)


@pytest.mark.parametrize("radius", [5, 30])
def test_a_disc_is_two_thirds_as_thick_as_a_strip_of_its_width(radius):
    """The mean distance from a circle is a third of its radius."""
    rows, columns = np.indices((100, 100)) - 50
    labels = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
    assert thicknesses(labels, 2)[1] == pytest.approx(4 / 3 * radius, abs=0.8)


@pytest.mark.parametrize("cell", [8, 15, 24])
def test_a_chequerboard_is_two_thirds_as_thick_as_its_cells(cell):
    """The mean distance from a square's edge is a sixth of its side. Void all around, as the
    image's border would be no edge."""
    board = np.kron(np.indices((6, 6)).sum(0) % 2, np.ones((cell, cell), int)).astype(np.uint8)
    found = thicknesses(np.pad(board, 1, constant_values=IGNORE), 2)
    assert found == pytest.approx([2 / 3 * cell] * 2, rel=0.05)


@given(st.integers(1, 40))
def test_the_border_of_the_image_is_no_edge(width):
    labels = field()
    labels[:width] = 1
    assert thicknesses(labels, 2) == pytest.approx([2 * (80 - width), 2 * width])


def test_void_is_an_edge():
    labels = field()
    labels[10:16] = IGNORE
    labels[12:14] = 1
    assert thicknesses(labels, 2)[1] == pytest.approx(2)


def test_what_fills_the_image_has_no_thickness():
    assert np.isnan(thicknesses(field(), 2)).all()
    assert np.isnan(thicknesses(np.full((1, 1), IGNORE, np.uint8), 2)).all()


@given(MAPS)
def test_one_transform_is_that_of_each_class_by_itself(labels):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thickness, "_peaks", lambda distance, differ: np.zeros_like(distance, bool))
        found = thickness._distances(labels)
    if found is None:
        assert len(np.unique(labels)) == 1
        return
    padded = np.pad(labels.astype(int), 1, mode="edge")
    neighbours = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    edge = np.any([each != labels for each in neighbours], 0)
    for label in np.unique(labels):
        own = labels == label
        alone = distance_transform_edt(~(edge & own))
        assert np.allclose((found - 0.5)[own], alone[own])


@given(MAPS)
def test_turning_and_renaming_change_nothing(labels):
    found = thicknesses(labels, 3)
    for turned in (labels.T, labels[::-1], labels[:, ::-1]):
        assert thicknesses(np.ascontiguousarray(turned), 3) == pytest.approx(found, nan_ok=True)
    assert thicknesses(2 - labels, 3) == pytest.approx(found[::-1], nan_ok=True)


@pytest.mark.parametrize("shape", [(2100, 2100), (90, 60_000), (60_000, 90), (1200, 20_000)])
def test_large_label_maps_are_looked_at_in_tiles(shape, monkeypatch):
    """Stripes of 7 and 11 pixels along the short side."""
    pattern = np.repeat([0, 1], [7, 11]).astype(np.uint8)
    along = int(shape[0] > shape[1])
    row = np.resize(pattern, shape[1 - along])
    labels = np.broadcast_to(row if along == 0 else row[:, None], shape)
    seen = []
    whole = thickness._distances
    monkeypatch.setattr(thickness, "_distances", lambda tile: (seen.append(tile), whole(tile))[1])
    assert thicknesses(labels, 2) == pytest.approx([7, 11], rel=0.02)
    assert 1 < len(seen) <= thickness.TILES
    assert max(tile.size for tile in seen) <= thickness.TILE**2


def test_quartile_and_median_are_over_the_images_that_show_a_class():
    column = np.array([1, 2, 3, 4, np.nan, 9])
    measured = np.stack([column, np.full(6, np.nan)], 1)
    assert pooled(measured) == (Thickness(2.0, 3.0, 5), Thickness(None, None, 0))
    assert pooled(np.zeros((0, 1))) == (Thickness(None, None, 0),)


SIDES = np.geomspace(200, 800, 12)


def grown(power: float, scatter: float = 0.0) -> np.ndarray:
    """Three classes; the thickest is a third of the image at any size, the thinnest seldom seen."""
    factors = np.exp(scatter * np.random.default_rng(0).standard_normal((12, 1)))
    thin = np.array([3.0, 12.0]) * (SIDES[:, None] / 400) ** power * factors
    thin[::2, 0] = np.nan
    return np.column_stack([thin, SIDES / 3])


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_growth_is_the_power_of_the_short_side(power):
    found = growth(grown(power), SIDES, np.arange(12))
    assert (found.slope, found.error, found.pairs) == (pytest.approx(power), pytest.approx(0), 18)
    assert found.grows is (power == 1)


def test_growth_within_its_error_is_left_open():
    found = growth(grown(0.5, 0.3), SIDES, np.arange(12))
    assert abs(found.slope - 0.5) < 2 * found.error
    assert found.grows is None


def test_the_class_that_scatters_less_counts_more():
    measured = np.column_stack([np.full(12, 10.0), 10 * (SIDES / 400) ** 2])
    even = growth(measured, SIDES, np.arange(12)).slope
    assert even < 0.01


def test_images_of_one_scene_count_once():
    """The same images four times over: as sure as once, not twice as sure."""
    once = growth(grown(0.0, 0.3), SIDES, np.arange(12))
    again = growth(np.tile(grown(0.0, 0.3), (4, 1)), np.tile(SIDES, 4), np.tile(np.arange(12), 4))
    assert (again.slope, again.error) == (pytest.approx(once.slope), pytest.approx(once.error))
    assert again.pairs == 4 * once.pairs


FIRST, EVERY = np.arange(12)[:, None] < 5, np.arange(12)
TWO_SIZES = np.repeat([200, 800], 6)
A_SIZE_EACH = np.where(TWO_SIZES[:, None] == [200, 800], 9.0, np.nan)


@pytest.mark.parametrize(
    ("sides", "measured", "clusters"),
    [
        (np.linspace(400, 480, 12), grown(0.0), EVERY),
        (SIDES, np.where(FIRST, grown(0.0), np.nan), EVERY),
        (SIDES, grown(0.0), 0 * EVERY),
        (SIDES, SIDES[:, None] / 3, EVERY),
        (np.zeros(0), np.zeros((0, 3)), np.zeros(0, int)),
        (TWO_SIZES, A_SIZE_EACH, EVERY),
    ],
    ids=["one size", "few pairs", "one scene", "thick", "no images", "a size a class"],
)
def test_what_cannot_be_told_is_not(sides, measured, clusters):
    assert growth(measured, sides, clusters) is None
