from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from proxy_tasks.task import Measurement
from results.charts import draw_front
from results.trial import Kind, Trial, TrialState
from search_space.errors import UserError
from search_space.resnet import DilatedResNet


def trial(number: int, miou: float, macs: int, kind: Kind = "candidate", name: str = "c") -> Trial:
    measurement = Measurement(1, macs, 10, 1.0, miou=miou, loss=1.0)
    state = TrialState.COMPLETE
    return Trial(number, name, kind, DilatedResNet(), "k", None, state, measurement)


TRIALS = [
    trial(0, 0.30, 100_000_000),
    trial(1, 0.35, 200_000_000),
    trial(2, 0.33, 300_000_000),
    trial(3, 0.34, 900_000_000, "baseline", "R50 <8>"),
    trial(4, 0.34, 910_000_000, "baseline", "R50 16"),
]


def texts(path: Path) -> list[str]:
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    return ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("}text")]


def test_baselines_are_named_and_the_front_is_numbered(tmp_path: Path) -> None:
    (path,) = draw_front(TRIALS, tmp_path / "front.svg", title="A & B")
    shown = texts(path)
    assert {"R50 <8>", "R50 16", "#0", "#1", "A & B", "on the front", "baseline"} <= set(shown)
    assert "#2" not in shown


def test_the_same_trials_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw_front(TRIALS, [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"])
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


@pytest.mark.parametrize("count", [0, 1])
def test_few_trials_are_drawn_too(tmp_path: Path, count: int) -> None:
    (path,) = draw_front(TRIALS[:count], tmp_path / "front.svg")
    assert ("no complete trial yet" in texts(path)) == (count == 0)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.png or \.svg"):
        draw_front(TRIALS, tmp_path / "front.gif")
