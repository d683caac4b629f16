"""Who is in the finals, and who comes out of them."""

from __future__ import annotations

from dataclasses import replace

from nas import config as configs
from nas.config import Config
from nas.runs import finals, selection
from nas.runs.promotion_records import Promotion
from proxy_tasks.task import Measurement
from results.trial import Trial, TrialState
from search_space import catalog
from search_space.canonical import canonical_key
from tests.support import observed

RIVAL = "efficientnet-lite0"


def config(candidates: int, *rivals: str) -> Config:
    values = {
        "promotion": {"rivals": list(rivals), "top": 1},
        "finals": {"candidates": candidates},
        "baselines": [],
    }
    return configs.parse(configs.over({}, values, ()), "test")


def trials() -> list[Trial]:
    """Four candidates, of which the third is the rival itself, and a baseline."""
    found = [
        replace(observed.candidate(number), name=f"trial-{number:04d}", key=f"k{number}")
        for number in range(4)
    ]
    alone = catalog.load(RIVAL)
    found[2] = replace(found[2], backbone=alone, key=canonical_key(alone))
    scored = (replace(t, measurement=measured(0.5 + t.number / 10)) for t in found)
    return [*scored, replace(found[0], number=4, name="other", kind="baseline", key="b")]


def measured(score: float) -> Measurement:
    return Measurement(1, 10, 5, 1.0, miou=score)


def final(name: str, key: str, score: float | None) -> Trial:
    state = TrialState.COMPLETE if score is not None else TrialState.INFEASIBLE
    found = None if score is None else measured(score)
    known = observed.candidate(0)
    return replace(
        known, name=name, key=key, kind="baseline", genotype=None, state=state, measurement=found
    )


def test_rivals_are_in_the_finals_under_the_names_that_the_search_has() -> None:
    assert list(finals.finalists(trials(), config(2, RIVAL))) == [
        "trial-0002", "trial-0003", "trial-0001",
    ]  # fmt: skip
    assert list(finals.finalists(trials(), config(1, "spinenet-49"))) == [
        "spinenet-49", "trial-0003",
    ]  # fmt: skip


def test_there_are_no_more_finalists_than_candidates() -> None:
    assert len(finals.finalists(trials(), config(50))) == 4


def test_what_the_finals_say_goes_before_what_proxies_said() -> None:
    known = trials()
    decided = [final("trial-0001", "k1", 0.4), final("trial-0003", "k3", None)]
    order = [t.number for t in selection.top(known, 4, decided)]
    assert order == [1, 3, 2, 0]
    decided[1] = final("trial-0003", "k3", 0.3)
    assert [t.number for t in selection.top(known, 2, decided)] == [1, 3]


def test_the_best_of_several_without_images_to_validate_on_is_that_of_the_finals() -> None:
    known = trials()
    last = measured(0.1)
    trained = [
        replace(
            Promotion(f"t{n}", n, f"k{n}", 0, None, None, None, last, None, None, {}), folds=3
        )
        for n in (1, 3)
    ]
    decided = [final("trial-0001", "k1", 0.4), final("trial-0003", "k3", 0.3)]
    assert selection.best(known, [], decided).number == 1
    assert selection.best(known, trained, decided).number == 1
    assert selection.best(known, trained).number == 3


def test_they_are_told_in_one_line_best_first() -> None:
    decided = [final("trial-0001", "k1", 0.25), final("a", "a", None), final("b", "b", 0.5)]
    assert finals.told(decided, "miou") == (
        "finals by mIoU: b 50.0 %, trial-0001 25.0 %, a infeasible"
    )
    assert finals.told([], "miou") == ""
