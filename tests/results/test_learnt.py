"""What is said of networks that do not find every class."""

from __future__ import annotations

import pytest

from results.learnt import found_of, learnt

FIELD = ("soil", "weed", "crop")


@pytest.mark.parametrize(
    ("class_iou", "shares", "words"),
    [
        ((0.9, 0.4, 0.5), (0.93, 0.02, 0.05), ""),
        ((0.925, 0.0, 0.0), (0.93, 0.02, 0.05), "knows only soil: weed and crop are never found"),
        (
            (0.925, 0.01, 0.0), (0.93, 0.02, 0.05),
            "knows only soil: crop is never found, weed (IoU 1 %) is hardly found",
        ),
        (
            (0.93, 0.0, 0.0), (0.93, 0.02, 0.05),
            "predicts soil everywhere: weed and crop are never found",
        ),
        ((0.9, 0.4, 0.0), (0.93, 0.02, 0.05), "never finds crop"),
        ((0.9, 0.0, 0.5), (0.95, 0.0, 0.05), ""),  # predicted somewhere, but it is not there
        ((0.9, None, 0.5), (), ""),
        ((0.93, 0.0, 0.0), (), "knows only soil: weed and crop are never found"),
        ((0.0, 0.0, 0.015), (), "knows no class: soil and weed are never found, crop (IoU 1.5 %)"),
        ((1.0, None, None), (1.0, 0.0, 0.0), ""),  # nothing else is there to be found
    ],
)  # fmt: skip
def test_what_is_missed_is_said_in_plain_words(class_iou, shares, words: str) -> None:
    found = learnt(FIELD, class_iou, shares)
    assert found.words.startswith(words)
    assert (found.words == "") == (words == "") == found.whole


def test_classes_that_are_hardly_found_are_told_with_their_figure() -> None:
    found = learnt(("a", "b", "c", "d"), (0.5, 0.5, 0.0, 0.0123))
    assert found.words == "never finds c and hardly finds d (IoU 1.2 %)"
    assert found.missed == ("c", "d")


def test_of_many_classes_a_few_are_named() -> None:
    names = [f"c{number}" for number in range(9)]
    assert learnt(names, (0.5, 0.5, *[0.0] * 7)).words == "never finds c2, c3, c4, c5 and 3 more"


def test_a_class_that_any_network_leaves_out_unpunished_is_not_there() -> None:
    # The third class is not in the images: the second network predicted it, in vain.
    assert found_of([(0.5, 0.0, None), (0.6, 0.3, 0.0), ()]) == [(1, 2), (2, 2), None]
