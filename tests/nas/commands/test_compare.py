"""``nas compare``: two full trainings on the images that both were scored on."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nas.commands import compare as command
from nas.runs import promotion_records
from nas.runs.promotion_records import RECORD, Promotion
from search_space.errors import UserError
from tests.nas.runs.test_rivals import score, trained

PLACES: dict[Path, Promotion] = {}


@pytest.fixture(autouse=True)
def _records(monkeypatch: pytest.MonkeyPatch) -> None:
    """The records are those that were put there; how they are read is tested elsewhere."""
    PLACES.clear()
    monkeypatch.setattr(promotion_records, "load", lambda folder: PLACES[folder])


def put(folder: Path, *arguments: Any, **more: Any) -> Path:
    one = trained(folder, *arguments, **more)
    assert one.weights is not None
    place = one.weights.parent
    (place / RECORD).touch()
    PLACES[place] = one
    return place


def told(*arguments: Any, part: str | None = None, as_json: bool = False) -> str:
    console = Console(file=io.StringIO(), width=400)
    command.compare(*arguments, part, as_json, console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(said, str)
    return said


def test_the_better_one_is_told_with_interval_and_p(tmp_path: Path) -> None:
    a = put(tmp_path, "ka", "a", 1, 0.7)
    b = put(tmp_path, "kb", "b", 2, 0.4)
    said = told(a, b)
    assert said.startswith("a is better than b: 70.0 and 40.0 % mIoU on val, a difference of +30.0")
    assert "how far seeds differ is not in the interval" in said
    assert "b is worse than a" in told(b, a / "best.safetensors")
    found = json.loads(told(a, b, as_json=True))
    assert (found["verdict"], found["seeds"], found["images"]) == ("better", 1, 30)


def test_seeds_of_the_same_recipe_count_and_others_do_not(tmp_path: Path) -> None:
    a = put(tmp_path, "ka", "a", 1, 0.7)
    put(tmp_path, "ka", "a-seed1", 1, 0.5, seed=1)
    put(tmp_path, "ka", "a-longer", 1, 0.9, epochs=99)
    b = put(tmp_path, "kb", "b", 2, 0.4)
    put(tmp_path, "kb", "b-seed1", 2, 0.4, seed=1)
    said = told(a, b)
    assert "60.0 and 40.0 % mIoU" in said
    assert "the 30 images and the seeds" in said


def test_the_test_part_comes_first_and_a_part_may_be_asked_for(tmp_path: Path) -> None:
    places = [put(tmp_path, f"k{n}", n, 1, m) for n, m in (("a", 0.7), ("b", 0.4))]
    for place in places:
        score(PLACES[place], "test", 0.3)
    assert "not told apart" in told(*places)
    assert "on val" in told(*places, part="val")


@pytest.mark.parametrize("images", [30, 20])
def test_other_images_are_not_compared(tmp_path: Path, images: int) -> None:
    a = put(tmp_path, "ka", "a", 1, 0.7)
    b = put(tmp_path, "kb", "b", 2, 0.4, part="train", images=images)
    with pytest.raises(UserError, match="a and b were not all scored on the same images"):
        told(a, b)


def test_one_network_is_not_compared_with_itself(tmp_path: Path) -> None:
    a = put(tmp_path, "ka", "a", 1, 0.7)
    with pytest.raises(UserError, match="is the same network under the same recipe"):
        told(a, a)
    with pytest.raises(UserError, match="no promotion is here; give a run, or RUN/promotions/NAME"):
        told(a, tmp_path)


def test_one_whose_weights_are_gone_is_no_training(tmp_path: Path) -> None:
    a, b = (put(tmp_path, f"k{n}", n, 1, 0.5) for n in "ab")
    PLACES[b] = replace(PLACES[b], weights=None)
    with pytest.raises(UserError, match="were not all scored"):
        told(a, b)
