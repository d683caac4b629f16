"""Classes from labels, and what the user says about them."""

from pathlib import Path
from typing import Any

import pytest

from proxy_tasks.datasets.annotations.naming import Naming, name_classes, palette
from proxy_tasks.datasets.base import IGNORE
from search_space.errors import UserError

SOURCE = Path("labels.json")


def named(*labels: str, **said: Any) -> Naming:
    return name_classes(labels, SOURCE, **said)


def complaint(*labels: str, **said: Any) -> str:
    with pytest.raises(UserError) as refused:
        named(*labels, **said)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_labels_are_classes_in_their_order():
    found = named("road", "car", "void")
    assert found == Naming(("road", "car"), {"road": 0, "car": 1, "void": IGNORE})


def test_labels_may_share_a_class_or_be_void_and_others_keep_their_names():
    found = named("road", "truck", "car", "dirt", values={"truck": "car", "dirt": "void"})
    assert found.classes == ("road", "car")
    assert found.meaning == {"road": 0, "truck": 1, "car": 1, "dirt": IGNORE}


def test_the_users_classes_give_the_order_and_the_choice():
    found = named("road", "car", "sky", classes=("sky", "road"))
    assert found.classes == ("sky", "road")
    assert found.meaning == {"road": 1, "sky": 0}  # a car is a fault, not silently something else


@pytest.mark.parametrize("uncovered", [None, "void", "car", "background"])
def test_uncovered_pixels_are_what_is_said(uncovered):
    found = named("road", "car", uncovered=uncovered)
    expected = {None: None, "void": IGNORE, "car": 1, "background": 0}[uncovered]
    assert found.uncovered == expected
    assert found.classes == ("background",) * (uncovered == "background") + ("road", "car")


def test_a_class_called_background_is_the_background():
    found = named("road", "background", uncovered="background")
    assert (found.classes, found.uncovered) == (("road", "background"), 1)
    found = named("weed", classes=("weed", "background"), uncovered="background")
    assert (found.classes, found.uncovered) == (("weed", "background"), 1)


def test_one_class_is_enough_with_a_background():
    assert named("weed", uncovered="background").classes == ("background", "weed")
    assert "data.uncovered: background" in complaint("weed")
    assert "data.uncovered" not in complaint("weed", uncovered="void")


def test_what_does_not_go_together_is_refused_with_the_names_that_do():
    assert "no label 'lorry'; it has road, car" in complaint("road", "car", values={"lorry": "car"})
    assert "write one of background, void, road, car" in complaint("road", "car", uncovered="sky")
    assert "'car' is listed twice" in complaint("road", "car", classes=("car", "road", "car"))
    assert "data.classes: 2 to 255" in complaint("road", "car", classes=("car",))
    assert "cannot be a class" in complaint("road", "car", classes=("car", "void"))


def test_the_tools_colours_are_kept_where_they_tell_classes_apart():
    grey = (9, 9, 9)
    found = palette(("background", "a", "b", "c"), {"a": grey, "b": grey, "c": (128, 0, 0)})
    assert found[:2] == ((0, 0, 0), grey)
    assert found[3] == (128, 0, 0)
    assert len(set(found)) == 4
