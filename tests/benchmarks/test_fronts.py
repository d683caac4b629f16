"""Hypervolume regret on a table: 1 of nothing, 0 of the whole front, and rightly between."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fronts
from benchmarks.fronts import OPTUNA, Study


@pytest.fixture
def table(tmp_path: Path) -> str:
    """27 networks: every digit adds to both accuracy and MACs."""
    rows = {
        "".join(code): {"accuracy": 10.0 * sum(map(int, code)), "macs": 1 + sum(map(int, code))}
        for code in product("012", repeat=3)
    }
    path = tmp_path / "table.json"
    path.write_text(json.dumps(rows))
    return str(path)


@pytest.mark.parametrize("name", ["pareto", "random", OPTUNA])
def test_regret_falls_and_is_gone_when_the_front_is_found(table: str, name: str) -> None:
    regrets = Study(table, name, 1, 60 if name == OPTUNA else 27).regrets(seed=0)
    assert 0 < regrets[0] <= 1
    assert (np.diff(regrets) <= 1e-12).all()
    if name != OPTUNA:  # which may draw a network again
        assert regrets[-1] == pytest.approx(0, abs=1e-12)


def test_regret_is_the_share_of_the_area_that_is_not_covered(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Accuracy 0 to 0.6 in steps of 0.1 against MACs 1 to 7: steps 0.1 wide, 6, 5, ... 1 high.
    monkeypatch.setattr(Study, "_points", lambda *_: np.array([[0.3, 4.0], [0.0, 1.0], [0.1, 5.0]]))
    whole = 0.1 * sum(7 - macs for macs in range(2, 8))
    regrets = Study(table, "random", 1, 4).regrets(seed=0)
    np.testing.assert_allclose(regrets, 1 - 0.3 * (7 - 4) / whole)


def test_a_table_without_macs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.json"
    path.write_text(json.dumps({"0": {"accuracy": 1.0}, "1": {"accuracy": 2.0}}))
    with pytest.raises(SystemExit):
        fronts.main(["--table", str(path)])
    assert "every code needs macs beside its accuracy" in capsys.readouterr().err
