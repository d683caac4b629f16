"""The table of proxy scores: what is in it, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.proxy_scores import load, render
from nas.config import parse
from nas.parts import build
from proxy_tasks.task import Failure, Measurement
from results.trial import Trial, TrialState
from search_space.errors import UserError
from search_space.genes import sample

CONFIG = parse(
    {
        "seed": 3,
        "data": {"name": "camvid", "root": "/somebody/camvid"},
        "space": {"stages": {3: 2, 4: 1}, "output_levels": [3, 4], "dilations": [1, 2]},
        "proxy": {"epochs": 5},
    },
    "test",
)
SPACE = build.space(CONFIG)


def complete(number: int) -> Trial:
    genotype = sample(SPACE.genes, np.random.default_rng(number))
    return Trial(
        number=number,
        name=f"trial-{number:04d}",
        kind="candidate",
        backbone=SPACE.decode(genotype),
        key=SPACE.key(genotype),
        genotype=genotype,
        state=TrialState.COMPLETE,
        measurement=Measurement(
            5, 78891008, 845001, 60.5, 0.9, 0.2 + number / 30, 1 / (number + 1)
        ),
    )


TRIALS = [complete(number) for number in range(5)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(render(CONFIG, TRIALS), "utf-8")
    return path


def test_what_is_written_is_read_back_to_six_digits(table: Path) -> None:
    found = load(table)
    assert found.genotypes == tuple(trial.genotype for trial in TRIALS)
    assert found.space == SPACE
    assert (found.config.seed, found.config.proxy) == (CONFIG.seed, CONFIG.proxy)
    assert found.frame["key"].tolist() == [trial.key for trial in TRIALS]
    for name in ("miou", "loss", "train_loss", "macs", "parameters", "seconds"):
        wanted = [getattr(trial.measurement, name) for trial in TRIALS]
        assert found.frame[name].tolist() == pytest.approx(wanted, rel=1e-5)
    assert "0.233333," in table.read_text()
    assert found.frame["macs"].tolist() == [78891008] * 5


def test_only_complete_candidates_are_listed_and_no_folder_of_the_data(table: Path) -> None:
    diverged = Measurement(2, 1, 1, 1.0, failure=Failure.DIVERGED)
    others = [
        replace(complete(5), state=TrialState.RUNNING, measurement=None),
        replace(complete(6), state=TrialState.INFEASIBLE, measurement=diverged),
        replace(complete(7), kind="baseline", genotype=None),
    ]
    assert render(CONFIG, [*TRIALS, *others]) == table.read_text()
    assert "somebody" not in table.read_text()


def _cell_set(column: int, value: str) -> Callable[[str], str]:
    def damage(text: str) -> str:
        *before, last = text.splitlines()
        cells = last.split(",")
        cells[column] = value
        return "\n".join([*before, ",".join(cells), ""])

    return damage


def _row_twice(text: str) -> str:
    lines = text.splitlines()
    return "\n".join([*lines[:-1], lines[-2], ""])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-5], "must have 5 whole rows but got 5"),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "whole rows but got 4"),
        (lambda text: text.partition("\n")[2], "first line must be"),
        (lambda text: "", "first line must be"),
        (lambda text: text.replace("# seed: 3", "# seed: [3"), "line"),
        (lambda text: text.replace("# seed: 3", "# seed: -3"), "seed"),
        (lambda text: text.replace("# seed: 3", "#seed: 3"), "columns must be"),
        (lambda text: text.replace(",miou,", ",score,"), "columns must be trial,key"),
        (lambda text: text + '"', "is no table"),
        (_cell_set(3, "nan"), "trial 4: miou must be a finite number"),
        (_cell_set(4, "0.2.1"), "trial 4: loss must be a finite number, not 0.2.1"),
        (_cell_set(2, "1 2 3"), "trial 4: genotype must have"),
        (_cell_set(2, "x"), "trial 4: invalid literal"),
        (_cell_set(2, " ".join(["0"] * len(SPACE.genes))), "trial 4: its genotype does not build"),
        (_row_twice, "is twice"),
    ],
)
def test_a_damaged_table_is_refused_in_one_line(
    table: Path, damage: Callable[[str], str], message: str
) -> None:
    text = table.read_text()
    table.write_text(damage(text))
    assert table.read_text() != text
    with pytest.raises(UserError, match=message) as refused:
        load(table)
    assert str(refused.value).startswith(str(table))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    for path, content in ((tmp_path / "no.csv", None), (tmp_path / "bytes.csv", b"\xff\xfe\x00")):
        if content:
            path.write_bytes(content)
        with pytest.raises(UserError, match="cannot be read"):
            load(path)
