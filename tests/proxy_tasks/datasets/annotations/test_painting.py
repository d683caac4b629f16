"""The order of shapes, and what is counted of it."""

import numpy as np

from proxy_tasks.datasets.annotations.painting import paint
from proxy_tasks.datasets.annotations.shapes import box
from proxy_tasks.datasets.base import IGNORE

SIZE = (4, 10)
SMALL, LARGE = box(2, 0, 5, 2), box(0, 0, 8, 4)


def test_later_shapes_lie_on_top():
    labels = paint([(1, SMALL), (2, LARGE)], SIZE, "file").labels
    assert set(np.unique(labels[:, :8])) == {2}
    labels = paint([(2, LARGE), (1, SMALL)], SIZE, "file").labels
    assert (labels[:2, 2:5] == 1).all()


def test_small_shapes_lie_on_top_in_whatever_order_they_come():
    for order in (1, -1):
        labels = paint([(1, SMALL), (2, LARGE)][::order], SIZE, "small").labels
        assert (labels[:2, 2:5] == 1).all()
        assert (labels == 2).sum() == 32 - 6


def test_of_equally_large_shapes_the_later_lies_on_top():
    same = [(1, box(0, 0, 4, 4)), (2, box(2, 0, 6, 4))]
    assert paint(same, SIZE, "small").labels[0].tolist()[:6] == [1, 1, 2, 2, 2, 2]


def test_pixels_in_no_shape_are_what_was_said():
    assert (paint([(1, SMALL)], SIZE, "file", 7).labels == 7).sum() == 34
    assert (paint([], SIZE, "file").labels == IGNORE).all()


def test_pixels_of_two_classes_are_counted_and_those_of_one_are_not():
    found = paint([(1, LARGE), (1, SMALL), (2, box(6, 0, 10, 1))], SIZE, "file").tally
    assert found == (40, 2, 6)  # all, in road and car, in none


def test_void_shapes_cover_too():
    tally = paint([(IGNORE, LARGE), (0, SMALL)], SIZE, "file").tally
    assert (tally.contested, tally.uncovered) == (6, 8)
