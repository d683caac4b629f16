from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from proxy_tasks.objectives import Metric
from proxy_tasks.task import Measurement
from results import units
from results.leaderboard import COLUMNS, dilations, headings, leaderboard, to_csv, to_markdown
from results.tables import as_table
from results.trial import Kind, Trial, TrialState
from search_space.architecture import Architecture, Block
from search_space.backbone import Backbone
from search_space.resnet import DilatedResNet

# Block 3 reaches no output.
ARCHITECTURE = Architecture(
    (Block(2, "bottleneck"),) * 2,
    (
        Block(4, "residual", (0, 1), 4),
        Block(5, "residual", (0, 1), 8),
        Block(2, "residual", (1, 2), 1),
        Block(3, "bottleneck", (2, 4), 1, True),
    ),
    (3,),
)


def trial(
    number: int,
    miou: float,
    macs: int,
    name: str = "c",
    kind: Kind = "candidate",
    backbone: Backbone = ARCHITECTURE,
    state: TrialState = TrialState.COMPLETE,
) -> Trial:
    measurement = Measurement(4, macs, 1_080_000, 41.4, miou=miou, loss=0.8754)
    return Trial(number, name, kind, backbone, f"k{number}", None, state, measurement)


TRIALS = [
    trial(0, 0.40, 200_000_000),
    trial(1, 0.41, 600_000_000, "ResNet-50", "baseline", DilatedResNet(output_stride=8)),
    trial(2, 0.42, 300_000_000),
    trial(3, 0.42, 152_000_000, "a|b [red]"),
    trial(4, 0.9, 1, state=TrialState.RUNNING),
    trial(5, 0.42, 152_000_000),
]


def test_best_first_then_cheapest_then_earliest_and_only_what_is_complete() -> None:
    frame = leaderboard(TRIALS)
    assert tuple(frame.columns) == COLUMNS
    assert frame["trial"].tolist() == [3, 5, 2, 1, 0]
    assert frame["rank"].tolist() == [1, 2, 3, 4, 5]


def test_the_front_is_by_miou_and_macs_with_the_baselines_in_it() -> None:
    assert leaderboard(TRIALS)["front"].tolist() == [True, True, False, False, False]
    cheap = trial(6, 0.1, 5, kind="baseline")
    frame = leaderboard([*TRIALS, cheap]).set_index("trial")
    assert frame.loc[6, "front"]


def by(score: float, miou: float, macs: int = 1_000_000) -> Trial:
    measurement = Measurement(4, macs, 1_080_000, 41.4, miou=miou, loss=0.9, score=score)
    name = f"of {score}"
    return Trial(7, name, "candidate", ARCHITECTURE, "k", None, TrialState.COMPLETE, measurement)


def test_a_board_shows_the_score_that_it_is_ranked_by() -> None:
    frame = leaderboard([by(0.2, 0.5, 2_000_000), by(0.3, 0.4)])
    assert frame["score"].tolist() == [0.3, 0.2]
    assert frame["front"].tolist() == [True, False]  # the other has more mIoU, which is not sought
    heading, _, first, _ = to_markdown(frame, "soft_miou").splitlines()
    assert heading.startswith("| # | trial | name | soft mIoU % | mIoU % | loss |")
    assert first.startswith("| 1 | 7 | of 0.3 | 30.0 | 40.0 | 0.900 |")
    assert to_csv(frame).splitlines()[0].startswith("rank,trial,name,kind,score,miou,")
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(as_table(frame, by="soft_miou"))
    assert "soft mIoU %" in console.export_text()
    losses = to_markdown(leaderboard([by(-0.25, 0.5)]), "train_loss").splitlines()
    assert "| minus training loss |" in losses[0]
    assert "| -0.2500 |" in losses[2]


@pytest.mark.parametrize("width", [140, 100, 80, 60])
def test_a_narrow_terminal_gets_fewer_columns_and_none_cut_short(width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(as_table(leaderboard(TRIALS), "Leaderboard", width=width))
    text = console.export_text()
    assert "…" not in text
    for wanted in ("#", "ResNet-50 (baseline)", "mIoU %", "42.0", "0.152 G"):
        assert wanted in text
    assert ("dilations" in text) == (width > 100)


@pytest.mark.parametrize("metric", ["miou", "loss"])
def test_a_score_that_has_its_column_gets_no_second(metric: Metric) -> None:
    assert "score" not in headings(metric)


def test_classes_are_counted_where_a_network_misses_some() -> None:
    def seeing(number: int, *class_iou: float | None) -> Trial:
        each = trial(number, 0.5 - number / 10, 1)
        return replace(each, measurement=replace(each.measurement, class_iou=class_iou))

    whole = leaderboard([seeing(0, 0.5, 0.4, None), seeing(1, 0.5, 0.3, None)])
    assert whole["classes"].tolist() == ["2/2", "2/2"]
    assert "classes" not in to_markdown(whole)
    some = leaderboard([seeing(0, 0.5, 0.4, None), seeing(1, 0.5, 0.01, 0.0), trial(2, 0.1, 1)])
    assert some["classes"].tolist()[:2] == ["2/2", "1/2"]
    heading, _, *rows = to_markdown(some).splitlines()
    assert heading.startswith("| # | trial | name | mIoU % | classes | loss |")
    assert rows[1].startswith("| 2 | 1 | c | 40.0 | 1/2 |")
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(as_table(some, width=60))
    assert "1/2" in console.export_text()


def test_dilations_count_the_searched_blocks_that_are_built() -> None:
    assert dilations(ARCHITECTURE) == "1×2 4×1"
    assert dilations(DilatedResNet(output_stride=8)) == "stride 8"


def test_markdown_is_in_human_units_and_keeps_its_columns() -> None:
    lines = to_markdown(leaderboard(TRIALS)).splitlines()
    assert lines[2] == (
        r"| 1 | 3 | a\|b [red] | 42.0 | 0.875 | 0.152 G | 1.08 M | 1×2 4×1 | 41 s | ● |"
    )
    assert lines[5] == (
        "| 4 | 1 | ResNet-50 (baseline) | 41.0 | 0.875 | 0.600 G | 1.08 M | stride 8 | 41 s |  |"
    )


def test_csv_is_in_plain_units() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(leaderboard(TRIALS)))))
    assert rows[0]["name"] == "a|b [red]"
    assert (float(rows[0]["miou"]), int(rows[0]["macs"])) == (0.42, 152_000_000)
    assert rows[3]["kind"] == "baseline"


def test_a_missing_loss_is_an_empty_cell() -> None:
    measurement = Measurement(4, 1_000_000, 2_000_000, 5.0, miou=0.5)
    missing = Trial(9, "c", "candidate", ARCHITECTURE, "k", None, TrialState.COMPLETE, measurement)
    for trials in ([missing], [missing, *TRIALS]):
        assert "| 50.0 |  | 0.00100 G |" in to_markdown(leaderboard(trials))


def test_no_trial_is_an_empty_board_with_its_heading() -> None:
    frame = leaderboard([])
    assert tuple(frame.columns) == COLUMNS
    assert len(to_markdown(frame).splitlines()) == 2
    assert as_table(frame).row_count == 0


def test_the_terminal_shows_names_as_they_are() -> None:
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(as_table(leaderboard(TRIALS), "Leaderboard"))
    text = console.export_text()
    assert "a|b [red]" in text
    assert "ResNet-50 (baseline)" in text
    assert "0.152 G" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.152, "0.152"), (1.0841, "1.08"), (22.13, "22.1"), (1234.5, "1234"), (0.9996, "1.00"),
     (0, "0"), (0.00012, "0.000120"), (-3.14159, "-3.14")],
)  # fmt: skip
def test_three_digits(value: float, text: str) -> None:
    assert units.three_digits(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.52, "0.5 s"), (9.99, "10 s"), (99.4, "99 s"), (99.6, "1.7 min"), (5990, "99.8 min"),
     (7200, "2.0 h"), (372_000, "4.3 days")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text
