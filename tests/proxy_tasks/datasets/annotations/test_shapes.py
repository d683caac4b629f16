"""Which pixels shapes cover."""

import numpy as np
import pytest

from proxy_tasks.datasets.annotations.shapes import (
    Polygons,
    Shape,
    Size,
    box,
    ellipse,
    packed,
    polygons,
)

SIZE = (20, 30)


def covered(shape: Shape | None, size: Size = SIZE) -> np.ndarray:
    """(H, W) bool."""
    assert shape is not None
    window = shape.window(size)
    found = np.zeros(size, bool)
    found[window.place] = window.inside
    return found


def centres_inside(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Of the pixels of an upright box."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return (left < x) & (x < right) & (top < y) & (y < bottom)


@pytest.mark.parametrize(
    "corners",
    [
        (0, 0, 30, 20),
        (3, 4, 9, 11),
        (3.2, 4.2, 9.3, 11.3),
        (3.7, 4.7, 9.8, 11.8),
        (-5, -5, 4, 4),
        (25.3, 15.3, 99, 99),
    ],
)
def test_a_pixel_belongs_to_the_polygon_that_holds_its_centre(corners):
    assert np.array_equal(covered(box(*corners)), centres_inside(*corners))


def test_neighbours_share_an_edge_and_no_pixel():
    corners = np.array([(0, 0), (30, 0), (30, 20), (0, 20)], np.float64)
    middle = np.array([(13.3, 7.9)])
    parts = [
        covered(Polygons((np.concatenate([corners[[i, (i + 1) % 4]], middle]),))) for i in range(4)
    ]
    assert (np.sum(parts, 0) == 1).all()


def test_of_a_large_image_only_a_window_is_painted():
    window = box(40_000, 30_000, 40_010, 30_006).window((60_000, 90_000))
    assert window.inside.shape[0] < 9
    assert window.inside.sum() == 60
    assert (window.top, window.left) == (30_000, 40_000)


def test_several_rings_are_one_area_also_where_they_overlap():
    rings = [[0, 0, 9, 0, 9, 9, 0, 9], [3, 3, 12, 3, 12, 12, 3, 12]]
    expected = centres_inside(0, 0, 9, 9) | centres_inside(3, 3, 12, 12)
    assert np.array_equal(covered(polygons(rings)), expected)


def test_a_hole_reached_by_a_slit_stays_open():
    slit = [0, 0, 12, 0, 12, 12, 0, 12, 0, 0, 3, 3, 3, 9, 9, 9, 9, 3, 3, 3]
    assert np.array_equal(
        covered(polygons([slit])), centres_inside(0, 0, 12, 12) & ~centres_inside(3, 3, 9, 9)
    )


def test_relative_coordinates_are_shares_of_width_and_height():
    quarter = polygons([[0.5, 0.5, 1, 0.5, 1, 1, 0.5, 1]], relative=True)
    assert np.array_equal(covered(quarter), centres_inside(15, 10, 30, 20))
    assert covered(quarter, (8, 4)).sum() == 8


def test_rings_of_two_points_enclose_nothing():
    assert polygons([[1, 1, 9, 9]]) is None
    assert covered(polygons([[1, 1, 9, 9], [0, 0, 4, 0, 4, 4, 0, 4]])).sum() == 16


@pytest.mark.parametrize("ring", [[0, 0, 1], [0, 0, 4, 0, float("nan"), 4]])
def test_what_are_no_coordinates_is_refused(ring):
    with pytest.raises(ValueError, match=r"reshape|finite"):
        polygons([ring])


def test_boxes_turn_clockwise():
    upright = covered(box(10, 5, 20, 9))
    assert np.array_equal(covered(box(10, 5, 20, 9, 180)), upright)
    on_end = covered(box(10, 5, 20, 9, 90))
    assert np.array_equal(on_end, centres_inside(13, 2, 17, 12))
    slanted = covered(box(10, 5, 20, 9, 30))
    assert abs(slanted.sum() - 40) <= 2
    rows, columns = np.nonzero(slanted)
    assert rows[columns < 12].mean() < rows[columns > 17].mean()  # its right end goes down


def test_an_ellipse_has_its_area():
    size = (400, 600)
    assert covered(ellipse(300, 200, 150, 80), size).sum() == pytest.approx(
        np.pi * 150 * 80, rel=0.003
    )


def test_masks_come_back_and_what_sticks_out_is_cut_off():
    mask = np.random.default_rng(0).random((6, 8)) > 0.5
    whole = np.zeros((40, 60), bool)
    for top, left in ((3, 4), (-2, -3), (16, 25), (19, 29)):
        whole[:] = False
        whole[10 + top : 16 + top, 10 + left : 18 + left] = mask
        assert np.array_equal(covered(packed(mask, top, left)), whole[10:30, 10:40])


@pytest.mark.parametrize("corner", [(-9, -9), (50, 3), (3, 50)])
def test_shapes_beside_the_image_cover_nothing(corner):
    x, y = corner
    assert not covered(box(x, y, x + 4, y + 4)).any()
    assert not covered(packed(np.ones((4, 4), bool), y, x)).any()


@pytest.mark.parametrize("step", [2, 3, 7])
def test_with_a_step_every_so_many_pixels_are_looked_at(step):
    mask = np.random.default_rng(1).random((23, 31)) > 0.5
    middle = step // 2
    for top, left in ((0, 0), (5, 4), (-3, -8), (11, 20)):
        shape = packed(mask, top, left)
        rows, columns = SIZE[0] // step, SIZE[1] // step
        expected = covered(shape)[middle::step, middle::step][:rows, :columns]
        found = np.zeros((rows, columns), bool)
        window = shape.window(SIZE, step)
        found[window.place] = window.inside
        assert np.array_equal(found, expected)


def test_with_a_step_polygons_keep_their_share():
    window = ellipse(300, 200, 150, 80).window((400, 600), 4)
    assert window.inside.sum() * 16 == pytest.approx(np.pi * 150 * 80, rel=0.03)
    half = polygons([[0, 0, 0.5, 0, 0.5, 1, 0, 1]], relative=True)
    assert half is not None
    assert half.window((40, 64), 4).inside.sum() == 80
