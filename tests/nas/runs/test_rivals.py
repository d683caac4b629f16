"""The best of a search beside what one would have had without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas import config as configs
from nas.config import Config
from nas.runs import evaluations, rivals
from nas.runs.evaluations import Evaluated, Evaluation
from nas.runs.promotion_records import Promotion
from proxy_tasks.scores import ClassScores, Scores
from proxy_tasks.sight import OWN
from proxy_tasks.task import Measurement
from proxy_tasks.views import Views
from results.trial import Trial
from search_space import catalog
from search_space.canonical import canonical_key
from tests.support import observed

RIVAL = "spinenet-49"
KEY = canonical_key(catalog.load(RIVAL))
CLASSES = ("dark", "bright")
IMAGES = 30


@pytest.fixture
def config() -> Config:
    return configs.parse(
        configs.over({}, {"promotion": {"rivals": [RIVAL]}, "baselines": []}, ()), "test"
    )


@pytest.fixture
def found() -> Trial:
    return observed.candidate(1)


def trained(
    folder: Path, key: str, name: str, trial: int | None, miou: float, seed: int = 0,
    part: str = "val", epochs: int = 9, images: int = IMAGES,
) -> Promotion:  # fmt: skip
    """A full training that was scored on a part, image by image."""
    place = folder / name
    place.mkdir()
    (place / "best.safetensors").write_bytes(name.encode())
    ended = Measurement(9, 10, 5, 1.0)
    one = Promotion(
        name, trial, key, seed, 0.3, miou, 9, ended, place / "best.safetensors", name,
        {"epochs": epochs}, CLASSES, (miou, miou), (0.5, 0.5),
    )  # fmt: skip
    score(one, part, miou, images)
    return one


def score(one: Promotion, part: str, miou: float, images: int = IMAGES) -> None:
    assert one.weights is not None
    rng = np.random.default_rng(one.seed)
    hits = np.round(1000 * (miou + rng.uniform(-0.02, 0.02, (images, 2)))).astype(np.int64)
    by_image = np.stack([hits, np.full_like(hits, 1000)], axis=2)
    classes = dict.fromkeys(CLASSES, ClassScores(0.5, miou, miou, miou))
    data = Evaluated("folder", None, part, images, "print")
    scores = Scores(miou, 0.9, 0.9, 0.9, 0.9, classes)
    made = Evaluation("2026", str(one.digest), data, OWN, Views(), None, scores, own=True)
    evaluations.save(one.weights.parent, made, by_image)


@pytest.mark.parametrize(
    ("ours", "verdict", "words"),
    [
        (0.6, "better", "is better than spinenet-49: 60.0 and 50.0 % mIoU on val, a difference of +"),
        (0.4, "worse", "is worse than spinenet-49: 40.0 and 50.0 % mIoU on val, a difference of -"),
        (0.5, "equal", "is not told apart from spinenet-49: 50.0 and 50.0 % mIoU on val"),
    ],
)
def test_the_best_is_held_against_its_rival_image_by_image(
    ours: float, verdict: str, words: str, config: Config, found: Trial, tmp_path: Path
) -> None:
    promotions = [
        trained(tmp_path, found.key, "trial-0001", 1, ours, seed=1),
        trained(tmp_path, KEY, RIVAL, None, 0.5),
    ]
    (each,) = rivals.comparisons([found], promotions, config)
    assert (each.verdict, each.images, each.seeds) == (verdict, IMAGES, 1)
    told = rivals.lines([found], promotions, config, "runs/r")
    assert words in told[0]
    export = "the search added nothing to it; export it: nas export runs/r/promotions/spinenet-49"
    assert (export in told) == (verdict == "worse")
    assert "nas promote runs/r --trial 1 --baseline spinenet-49 --seeds 3 --resume" in told[-1]


def test_the_test_part_comes_first_and_seeds_count(
    config: Config, found: Trial, tmp_path: Path
) -> None:
    promotions = [
        trained(tmp_path, found.key, "trial-0001", 1, 0.6),
        trained(tmp_path, found.key, "trial-0001-seed1", 1, 0.5, seed=1),
        trained(tmp_path, KEY, RIVAL, None, 0.5),
        trained(tmp_path, KEY, f"{RIVAL}-seed1", None, 0.5, seed=1),
    ]
    for one in promotions:
        score(one, "test", 0.7)
    (each,) = rivals.comparisons([found], promotions, config)
    assert (each.part, each.seeds, each.mious) == ("test", 2, (0.7, 0.7))
    assert "over the 30 images and the seeds" in str(each)
    assert len(rivals.lines([found], promotions, config, "r")) == 1


def test_the_rival_with_the_higher_validation_score_is_handed_over(
    config: Config, found: Trial, tmp_path: Path
) -> None:
    """Whatever the test part says, and by the mean over seeds."""
    ours = trained(tmp_path, found.key, "trial-0001", 1, 0.6)
    rival = trained(tmp_path, KEY, RIVAL, None, 0.7)
    score(ours, "test", 0.9)
    score(rival, "test", 0.1)
    assert rivals.ahead([found], [ours, rival], config) == ("trial-0001", rival)
    seed = trained(tmp_path, KEY, f"{RIVAL}-seed1", None, 0.4, seed=1)
    assert rivals.ahead([found], [ours, seed, rival], config) is None
    assert rivals.ahead([found], [ours, seed, replace(rival, miou=0.9)], config) == (
        "trial-0001",
        replace(rival, miou=0.9),
    )


def test_none_is_handed_over_that_cannot_be_told_to_be_ahead(
    config: Config, found: Trial, tmp_path: Path
) -> None:
    ours = trained(tmp_path, found.key, "trial-0001", 1, 0.6)
    rival = trained(tmp_path, KEY, RIVAL, None, 0.7)
    assert rivals.ahead([found], [rival], config) is None
    assert rivals.ahead([found], [ours], config) is None
    folds = [replace(each, miou=None, folds=3) for each in (ours, rival)]
    assert rivals.ahead([found], folds, config) is None
    other = trained(tmp_path, KEY, f"{RIVAL}-other", None, 0.9, epochs=99)
    assert rivals.ahead([found], [ours, other], config) is None


def test_what_cannot_be_compared_is_left_out(
    config: Config, found: Trial, tmp_path: Path
) -> None:
    ours = trained(tmp_path, found.key, "trial-0001", 1, 0.6)
    other_recipe = trained(tmp_path, KEY, RIVAL, None, 0.5, epochs=99)
    assert rivals.lines([found], [ours, other_recipe], config, "r") == []
    rival = trained(tmp_path, KEY, f"{RIVAL}-again", None, 0.5)
    assert rivals.comparisons([found], [rival], config) == []
    assert rivals.comparisons([found], [ours, replace(rival, weights=None)], config) == []
    other_images = trained(tmp_path, KEY, f"{RIVAL}-other", None, 0.5, images=IMAGES + 1)
    assert rivals.comparisons([found], [ours, other_images], config) == []


@pytest.mark.parametrize("damage", ["gone", "short", "link"])
def test_counts_that_are_not_there_or_damaged_are_none(
    damage: str, config: Config, found: Trial, tmp_path: Path
) -> None:
    ours = trained(tmp_path, found.key, "trial-0001", 1, 0.6)
    rival = trained(tmp_path, KEY, RIVAL, None, 0.5)
    (file,) = (tmp_path / RIVAL).glob("*.counts")
    content = file.read_bytes()
    file.unlink()
    if damage == "short":
        file.write_bytes(content[:-1])
    elif damage == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        file.symlink_to(tmp_path / "elsewhere")
    assert rivals.comparisons([found], [ours, rival], config) == []


def test_a_rival_that_the_search_found_itself_is_not_trained_twice(
    config: Config, found: Trial
) -> None:
    assert rivals.others(config, [found]) == [RIVAL]
    assert rivals.others(config, [replace(found, key=KEY)]) == []
