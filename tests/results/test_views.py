from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import numpy as np
import plotly.graph_objects as go
import pytest

from proxy_tasks.task import Failure
from results.views.board import board, board_headings, board_note
from results.views.choices import Shares, choices_of, in_order
from results.views.course import best_so_far
from results.views.detail import cost_rows, difference, key_figures, learning_curve, spec_text
from results.views.favourites import best_quarter, favourites, over_time
from results.views.front import front, known_axes, ringed
from results.views.header import tiles
from results.views.importance import epsilon_squared, gene_importance, trait_importance
from results.views.learnt import lessons
from results.views.pages import VIEWS, first, note
from results.views.parallel import parallel
from results.views.progress import progress
from results.views.promotions import agreement, promotions
from results.views.snapshot import FullTraining, Promoted, Snapshot
from results.views.style import DARK, MOST, text
from results.views.thinning import thinned
from results.views.trainings import full_trainings
from search_space import architecture_file
from search_space.architecture import Architecture, Block
from tests.support.observed import (
    FACTS,
    HOSTILE,
    START,
    baseline,
    candidate,
    failed,
    infeasible,
    running,
    snapshot,
)


@pytest.fixture(scope="module")
def now() -> Snapshot:
    trials = [baseline(), *(candidate(n) for n in range(1, 41)), running(41), failed(42)]
    return snapshot([*trials, infeasible(43), infeasible(44, Failure.TOO_SLOW)])


def traces(figure: dict) -> dict[str, dict]:
    return {trace.get("name", str(i)): trace for i, trace in enumerate(figure["data"])}


def test_progress_counts_what_ended_what_runs_and_what_failed_by_kind(now: Snapshot) -> None:
    known = progress(now)
    assert (known.done, known.budget, known.running) == (43, 60, ("trial-0041",))
    assert known.failures == {
        "failed: worker lost": 1, "infeasible: diverged": 1, "infeasible: too slow": 1,
    }  # fmt: skip
    assert known.rate == pytest.approx(60 * 43 / 44)  # one a minute, and one is not back
    assert known.left == pytest.approx(17 * 60 * 44 / 43)
    assert not known.silent


def test_a_run_without_news_is_told_from_one_that_works(now: Snapshot) -> None:
    later = START + timedelta(hours=3)
    assert progress(now, later).silent
    assert any(tile.warn and "no news" in tile.remark for tile in tiles(now, later))
    assert not progress(snapshot(now.trials[:41]), later).silent  # nothing runs there


def test_a_clock_that_was_set_back_makes_no_run_silent_or_slow(now: Snapshot) -> None:
    back = timedelta(hours=2)
    trials = [
        replace(t, started=t.started - back, finished=t.finished and t.finished - back)
        if t.number >= 30
        else t
        for t in now.trials
    ]
    later = progress(snapshot(trials), now.at - back)
    assert later.quiet == progress(now).quiet
    assert later.rate == pytest.approx(progress(now).rate, rel=0.01)


def test_the_best_so_far_never_falls_and_baselines_and_noise_are_drawn(now: Snapshot) -> None:
    drawn = traces(best_so_far(snapshot(now.trials, replace(FACTS, noise=0.01))))
    scores = 100 * np.array([t.score for t in now.trials[1:41]])
    line = drawn["best so far"]
    assert line["y"] == sorted(line["y"])
    assert line["y"][-1] == pytest.approx(scores.max(), abs=1e-4)
    assert drawn["candidate"]["y"] == pytest.approx(scores.tolist(), abs=1e-4)
    assert drawn["deeplabv3-resnet-50"]["y"] == [30.0, 30.0]
    band = drawn["± noise of one score (audit)"]
    assert np.subtract(band["y"], line["y"]) == pytest.approx(1.0, abs=1e-4)
    assert len(best_so_far(now)["data"]) == len(drawn) - 2  # no audit, no band


def test_the_front_follows_its_axes_and_rings_what_is_pinned(now: Snapshot) -> None:
    drawn = traces(ringed(front(now, "macs", "miou"), now, "macs", "miou", [5]))
    best = now.frame.sort_values(["macs", "miou"], ascending=[True, False])
    wanted, top = [], -1.0
    for row in best.itertuples():
        if row.miou > top:
            wanted, top = [*wanted, row.trial], row.miou
    assert drawn["on the front"]["customdata"] == wanted
    assert drawn["pinned A"]["x"] == [now.by_number[5].measurement.macs / 1e9]
    other = traces(front(now, "parameters", "loss"))
    assert other["on the front"]["customdata"] != wanted
    with pytest.raises(KeyError):
        front(now, "../secret", "miou")
    assert "latency" not in known_axes(now)


def test_shares_count_the_blocks_that_are_built() -> None:
    # Block 3 reaches no output; block 5 reads 2 (level 4) and 4 (level 2) at level 3.
    architecture = Architecture(
        (Block(2, "bottleneck"),) * 2,
        (
            Block(4, "residual", (0, 1), 4),
            Block(5, "residual", (0, 1), 8),
            Block(2, "residual", (1, 2), 1),
            Block(3, "bottleneck", (2, 4), 1, True),
        ),
        (3,),
    )
    counted = choices_of(architecture)
    assert counted["level"] == {4: 1, 2: 1, 3: 1}
    assert counted["connection"] == {2: 2, 0: 1, -2: 1, -1: 1, 1: 1}
    assert in_order(counted["dilation"]) == (1, 4)
    found = Shares.of_counts((1, 4), np.array([[2, 1]]))
    assert counted["dilation"] == {1: 2, 4: 1}
    assert found.share_NV[0] == pytest.approx([2 / 3, 1 / 3])


def test_a_run_that_grows_is_drawn_as_if_read_at_once() -> None:
    trials = [baseline(), *(candidate(n) for n in range(1, 31))]
    early = snapshot([*trials[:5], running(5), *trials[6:20]])
    for view in VIEWS.values():
        view.draw(early, *view.first)
    # What was sent out early comes back last; or among the others.
    for ending in (31, 5):
        listed = [*trials[:5], replace(trials[5], ending=ending), *trials[6:]]
        grown = replace(snapshot(listed), memo=deepcopy(early.memo))
        for name, view in VIEWS.items():
            assert view.draw(grown, *view.first) == view.draw(snapshot(listed), *view.first), name


def test_axes_that_nobody_chose_do_not_outlive_an_empty_figure(now: Snapshot) -> None:
    before = best_so_far(snapshot([]))["layout"]["uirevision"]
    assert before != best_so_far(now)["layout"]["uirevision"]
    axes = known_axes(now)
    zooms = {front(now, x, y)["layout"]["uirevision"] for x in axes for y in axes}
    assert len(zooms) == len(axes) ** 2 > 9
    assert favourites(now, "level")["layout"]["uirevision"] != "kept"


def test_what_made_the_score_leads_among_the_best_and_among_the_traits(now: Snapshot) -> None:
    everyone, best = favourites(now, "dilation")["data"]
    gain = dict(zip(everyone["x"], np.subtract(best["y"], everyone["y"]), strict=True))
    assert max(gain, key=gain.__getitem__) == "4"
    assert gain["4"] > 5
    bars = trait_importance(now)["data"][0]
    assert bars["y"][0] == "dilation 4"
    assert bars["x"][0] > 0.99
    assert sum(trace["y"][0] for trace in over_time(now, "dilation")["data"]) == pytest.approx(100)


def test_epsilon_squared_finds_the_gene_that_matters_and_nothing_in_noise() -> None:
    rng = np.random.default_rng(0)
    gene, noise = rng.integers(3, size=300), rng.normal(size=300)
    assert epsilon_squared(gene, 10.0 * gene + 0.1 * noise) > 0.99
    assert abs(epsilon_squared(rng.integers(50, size=300), noise)) < 0.1
    assert np.isnan(epsilon_squared(np.arange(300), noise))


def test_genes_are_named(now: Snapshot) -> None:
    assert set(gene_importance(now)["data"][0]["y"]) <= set(FACTS.genes)


def test_the_best_quarter_is_rounded_up() -> None:
    assert best_quarter(np.array([1.0, 5.0, 3.0, 4.0, 2.0])).tolist() == [0, 1, 0, 1, 0]


def test_promotions_say_how_far_the_proxy_ranked_alike(now: Snapshot) -> None:
    behind, ahead = sorted(now.trials[1:41], key=lambda t: t.score)[::39]
    full = [
        Promoted(f"p{i}", number, miou, 60, 10, 10, 1.0)
        for i, (number, miou) in enumerate(
            [(0, 0.5), (ahead.number, 0.52), (behind.number, 0.53), (5, None), (None, 0.9)]
        )
    ]
    known = snapshot(now.trials, promoted=full)
    assert agreement(known).spearman == pytest.approx(-0.5)
    assert agreement(snapshot(now.trials, promoted=full[:2])).spearman is None
    again = Promoted("another seed", ahead.number, 0.56, 60, 10, 10, 1.0)  # 0.54 in the mean
    seeds = agreement(snapshot(now.trials, promoted=[*full, again]))
    assert (seeds.count, seeds.spearman) == (3, pytest.approx(0.5))
    wide = Promoted("wide", behind.number, 0.99, 60, 10, 10, 1.0, recipe="wide")
    assert agreement(snapshot(now.trials, promoted=[*full, wide])) == agreement(known)
    drawn = traces(promotions(known))
    assert drawn["baseline"]["text"] == ["p0"]  # trial 0 is one
    assert drawn["candidate"]["y"] == [52.0, 53.0]


def by_soft_miou() -> Snapshot:
    """A search whose scores turn the order of the mIoU around."""
    trials = [baseline(), *(candidate(n) for n in range(1, 21))]
    turned = [replace(t, measurement=replace(t.measurement, score=0.6 - t.miou)) for t in trials]
    full = [Promoted(t.name, t.number, t.miou, 60, 10, 10, 1.0) for t in turned[1:5]]
    return snapshot(turned, replace(FACTS, metric="soft_miou"), full)


def test_a_search_by_another_score_is_shown_by_it_everywhere() -> None:
    now = by_soft_miou()
    leader = max(now.trials[1:], key=lambda t: (t.score, -t.measurement.macs))
    at = list(board_headings(now)).index("score")
    rows = board(now)
    assert board_headings(now)["score"] == "soft mIoU %"
    assert "by soft mIoU" in board_note(now, 9)
    assert (rows[0].trial, rows[0].cells[at]) == (leader.number, f"{100 * leader.score:.1f}")
    assert rows[0].front
    drawn = front(now)
    assert drawn["layout"]["yaxis"]["title"]["text"] == "soft mIoU (%)"
    fronts = traces(drawn)["on the front"]
    assert max(fronts["y"]) == pytest.approx(100 * leader.score)
    assert set(fronts["customdata"]) == {
        row.trial for row in rows if row.front and not row.baseline
    }
    assert first("front", now.facts) == ("macs", "score")
    assert agreement(now).spearman == pytest.approx(-1)
    assert "soft mIoU" in promotions(now)["layout"]["xaxis"]["title"]["text"]
    assert parallel(now)["data"][0]["dimensions"][0]["label"] == "soft mIoU (%)"


def test_a_search_by_miou_shows_it_once(now: Snapshot) -> None:
    assert "score" not in {**board_headings(now), **known_axes(now)}
    assert first("front", now.facts) == ("macs", "miou")


def test_the_board_ranks_all_and_keeps_the_baselines(now: Snapshot) -> None:
    rows = board(now, 3)
    assert [row.cells[0] for row in rows[:3]] == ["1", "2", "3"]
    assert rows[-1].baseline
    assert int(rows[-1].cells[0]) == 1 + sum(t.score > 0.3 for t in now.trials[1:41])


def test_the_board_counts_classes_where_some_are_missed(now: Snapshot) -> None:
    assert "classes" not in board_headings(now)
    poor = candidate(50)
    assert poor.measurement is not None
    ious = (*poor.measurement.class_iou[:9], 0.0, 0.01)
    blind = replace(poor, measurement=replace(poor.measurement, class_iou=ious))
    seen = snapshot([*now.trials, blind])
    at = list(board_headings(seen)).index("classes")
    counts = {row.trial: row.cells[at] for row in board(seen, 99)}
    assert (counts[50], counts[7], counts[0]) == ("9/11", "11/11", "")


FIELD = ("soil", "weed", "crop")
ALONE = Promoted(
    "trial-0007", 7, 0.31, 60, 10, 10, 1.0, classes=FIELD, class_iou=(0.93, 0.0, None),
    warning="trial-0007 knows soil alone",
)  # fmt: skip
UNSEEN = replace(
    ALONE, name="trial-0009", trial=9, miou=None, class_iou=(0.9, 0.4, 0.3), where="test",
    warning=None, note="trained on all images", test_miou=0.5,
)  # fmt: skip


def test_what_was_learnt_is_a_table_by_class_with_what_is_missed(now: Snapshot) -> None:
    assert lessons(now) is None
    found = lessons(snapshot(now.trials, promoted=[UNSEEN, ALONE]))
    assert found is not None
    assert found.headings == ["network", "mIoU %", "test mIoU %", *FIELD]
    assert found.rows == [
        ["trial-0007", "31.0", "–", "93.0", "0.0", "–"],
        ["trial-0009 (test)", "–", "50.0", "90.0", "40.0", "30.0"],
    ]
    assert found.warnings == ["trial-0007 knows soil alone"]
    assert found.notes[0] == "trial-0009: trained on all images."
    assert "nothing is chosen using it" in found.notes[1]


def test_of_very_many_classes_the_worst_have_columns(now: Snapshot) -> None:
    names = tuple(f"c{number}" for number in range(40))
    many = replace(ALONE, classes=names, class_iou=tuple(n / 40 for n in range(40)))
    found = lessons(snapshot(now.trials, promoted=[many]))
    assert found is not None
    assert found.headings[2:] == list(names[:12])
    assert found.notes == ["The 12 worst of 40 classes; `nas status` shows all."]


def test_a_training_on_all_images_is_told_of_where_it_has_no_point(now: Snapshot) -> None:
    seen = snapshot(now.trials, promoted=[UNSEEN])
    assert "used all images" in str(promotions(seen))
    told = dict(key_figures(now.by_number[9], seen))
    assert told["full training"] == "60 epochs; trained on all images"
    assert told["test mIoU"] == "50.0 %"


def test_a_pinned_architecture_is_told_in_full(now: Snapshot) -> None:
    trial = now.by_number[7]
    loaded = architecture_file.loads(spec_text(trial, FACTS))
    assert loaded.backbone == trial.backbone
    assert loaded.provenance["trial"] == 7
    full = Promoted("trial-0007", 7, 0.52, 60, 10, 10, 1.0)
    told = dict(key_figures(trial, snapshot(now.trials, promoted=[full])))
    assert told["full mIoU"] == "52.0 %, 60 epochs"
    assert "full mIoU" not in dict(key_figures(trial, now))
    *rows, total = cost_rows(trial, FACTS)
    assert sum(float(row[6]) for row in rows) == pytest.approx(100, abs=1)
    assert total[0] == "total"
    curve = learning_curve([trial], FACTS)
    assert curve is not None
    (line,) = curve["data"]
    assert (line["x"], line["y"][1]) == ([1, 3], pytest.approx(100 * trial.miou))
    assert learning_curve([now.by_number[0]], FACTS) is None


def test_two_architectures_differ_where_a_block_was_changed(now: Snapshot) -> None:
    a = now.by_number[7].backbone
    assert isinstance(a, Architecture)
    changed = replace(a.blocks[3], dilation=16)
    b = replace(a, blocks=(*a.blocks[:3], changed, *a.blocks[4:]))
    found = difference(a, b)
    assert found is not None
    assert found.blocks == {5}  # two stem blocks before it
    assert "d16" in found.rows[0][2]
    assert difference(a, now.by_number[0].backbone) is None


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("count", [0, 1, 20])
def test_every_view_is_a_figure_at_any_number_of_trials(name: str, count: int) -> None:
    trials = [candidate(n, name=HOSTILE) for n in range(count)]
    full = [Promoted(HOSTILE, 0, 0.3, 6, 10, 10, 1.0)] * min(count, 1)
    figure = VIEWS[name].draw(snapshot(trials, promoted=full), *VIEWS[name].first)
    go.Figure(figure)  # raises for what plotly.js does not know
    assert "<img" not in str(figure)
    for color in DARK:
        assert len(color) == 7


def test_many_points_are_thinned_but_the_wanted_stay() -> None:
    wanted = np.zeros(10_000, dtype=bool)
    wanted[[3, 9999]] = True
    kept = thinned(10_000, wanted)
    assert {3, 9999} <= set(kept.tolist())
    assert len(kept) <= MOST + 2
    assert (np.diff(kept) > 0).all()
    assert len(thinned(50, wanted[:50])) == 50


def test_foreign_words_in_a_figure_are_no_markup() -> None:
    assert text("<a href='x'>\x00") == "&lt;a href='x'&gt;"


def test_a_cost_that_older_trials_do_not_tell_is_no_trait(now: Snapshot) -> None:
    other = snapshot(now.trials)
    other.frame["macs"] = np.where(other.frame["trial"] == 1, np.nan, other.frame["macs"])
    names = [name for trace in trait_importance(other)["data"] for name in trace["y"]]
    assert "MACs" not in names
    assert names


def going(name: str, done: int, ended: bool, *mious: float | None) -> FullTraining:
    curve = tuple((2 * (n + 1), miou) for n, miou in enumerate(mious))
    return FullTraining(name, done, 10, None if ended else 90.0, ended, curve)


def test_full_trainings_are_drawn_while_they_go_on() -> None:
    now = snapshot([candidate(0)])
    assert "no full training has begun" in str(full_trainings(now))
    first = replace(now, trainings=(going(HOSTILE, 1, False),))
    assert "the first epoch" not in str(full_trainings(first))  # it has one, without a validation
    assert "no validation yet" in str(full_trainings(first))
    both = replace(now, trainings=(going("a", 10, True, 0.5, 0.6), going("b", 4, False, None, 0.4)))
    drawn = full_trainings(both)["data"]
    assert [(t["name"], t["x"], t["y"]) for t in drawn] == [
        ("b (training)", [4], [40.0]),
        ("a", [2, 4], [50.0, 60.0]),
    ]
    assert drawn[0]["line"]["color"] != drawn[1]["line"]["color"]
    assert note("trainings", both) == "b: epoch 4 of 10, 90 s left."
    stopped = replace(both, facts=replace(both.facts, interrupted="nas search --run R --resume"))
    assert note("trainings", stopped) == "b: epoch 4 of 10, interrupted."


def test_an_interrupted_run_promises_nothing() -> None:
    trials = [candidate(0), candidate(1), running(2)]
    told = "nas search --run R --resume"
    now = snapshot(trials, replace(FACTS, interrupted=told, budget=9))
    shown = {tile.name: tile for tile in tiles(now)}
    assert shown["time left"].value == "–"
    assert "running" not in shown
    assert (shown["interrupted"].value, shown["interrupted"].remark) == ("1 unfinished", told)
    assert shown["interrupted"].warn
