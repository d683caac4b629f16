"""What a person is told of a full training that misses classes, and of one on all images."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from nas.config import Config, PromotionConfig
from nas.runs import evaluations, learnt, promotion_records, selection
from nas.runs.directory import RunDirectory
from nas.runs.evaluations import Evaluated, Evaluation
from nas.runs.learnt import warning
from nas.runs.promotion_records import Promotion, load, write_json
from nas.runs.tested import evaluations_of
from nas.searching.promotion import PromotionQueue, Subject, jobs, settings
from nas.terminal.learnt import class_tables
from nas.terminal.progress import Board, PromotionProgress
from nas.terminal.standings import show_promotions
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.scores import ClassScores, Scores
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.task import Failure, Fidelity, Measurement
from proxy_tasks.views import Views
from results.trial import Trial, TrialState
from search_space import catalog
from search_space.scales import Scale

FIELD = ("soil", "weed", "crop")
SHARES = (0.93, 0.02, 0.05)
ENDED = Measurement(12, 10, 5, 1.0)
ALONE = Promotion(
    "trial-0003", 3, "k3", 0, 0.3, 0.3083, 12, ENDED, Path("best.safetensors"), None,
    {"epochs": 12}, FIELD, (0.925, 0.0, 0.0), SHARES,
)  # fmt: skip
WHOLE = replace(ALONE, name="trial-0007", miou=0.7, class_iou=(0.9, 0.5, 0.7))
UNSEEN = replace(
    ALONE, miou=None, epoch=None, class_iou=(), folds=5, proxy_class_iou=(0.9, 0.4, 0.5)
)


def used(**changes: object) -> Promotion:
    return replace(ALONE, settings=settings(PromotionConfig.model_validate(changes)))


def shown(*promotions: Promotion, width: int = 80) -> str:
    text = io.StringIO()
    show_promotions(promotions, Console(file=text, width=width))
    return text.getvalue()


def test_a_network_that_knows_the_background_alone_is_called_that() -> None:
    assert warning(WHOLE) is None
    assert warning(ALONE) == (
        "trial-0003 knows only soil: weed and crop are never found. Train longer (promotion.epochs"
        " above 12, or promotion.images), at a finer resolution (promotion.resolution={factor: 1})"
        " or weigh rare classes (promotion.recipe.balance=true, promotion.recipe.rare=0.3,"
        " promotion.recipe.dice=1)."
    )


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({"resolution": {"factor": 0.25}}, "promotion.resolution.factor above 0.25", "{factor"),
        ({"resolution": {"short_side": 512}}, "resolution.short_side above 512", "{factor"),
        ({"resolution": {"factor": 1.0}}, "Train longer", "resolution"),
        ({"recipe": {"balance": True}}, "promotion.recipe.rare=0.3", "balance"),
        ({"recipe": {"balance": True, "rare": 0.3, "dice": 1}}, "Train longer", "weigh"),
        ({"epochs": 400}, "promotion.epochs above 400", "above 12"),
    ],
)
def test_the_advice_is_what_is_not_done_yet(changes, said: str, unsaid: str) -> None:
    words = str(warning(used(**changes)))
    assert said in words
    assert unsaid not in words


def test_weights_for_rare_classes_do_not_help_a_frequent_one() -> None:
    assert "weigh" not in str(warning(replace(ALONE, class_iou=(0.0, 0.3, 0.3))))


def test_every_class_of_every_training_stands_in_a_table_within_the_terminal() -> None:
    names = [f"deeplabv3-resnet-50-os16-seed{number}" for number in range(4)]
    several = [replace(WHOLE, name=name) for name in names]
    text = io.StringIO()
    for table in (tables := class_tables([*several, ALONE], {}, 80)):
        Console(file=text, width=80).print(table)
    assert len(tables) > 1
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in text.getvalue()
    for wanted in (*names, *FIELD, "trial-0003"):
        assert any(wanted in line for line in lines)


def test_what_is_missed_is_said_beside_the_score() -> None:
    text = shown(ALONE, WHOLE)
    assert "30.8" in text
    assert "warning  trial-0003 knows only soil: weed and crop are never found." in text
    assert "trial-0007 " not in text.split("warning")[1]
    assert max(len(line) for line in text.split("warning")[0].splitlines()) <= 80


def test_a_training_on_all_images_says_what_chose_it() -> None:
    text = shown(UNSEEN)
    told = "trained on all images, so none was left to validate on; its proxy scored 30.0 % on images held out"
    assert f"trial-0003: {told}" in text
    assert "trial-0003 (proxy)" in text  # whose figures by class these are
    assert "12/12" in text
    assert UNSEEN.scores == {"promoted_miou": None, "epoch": 12, "proxy_folds": 5}
    poor = replace(UNSEEN, proxy_class_iou=(0.9, 0.4, 0.0))
    assert str(warning(poor)).startswith(
        "trial-0003 was chosen by a proxy that never finds crop. T"
    )
    assert replace(UNSEEN, last=replace(ENDED, failure=Failure.DIVERGED)).note is None
    final = replace(UNSEEN, final_miou=0.45).note
    assert final is not None
    assert final.endswith("; in the finals it scored 45.0 % on images held out")


def test_what_the_test_part_shows_of_such_a_training_is_said() -> None:
    test = evaluated({"soil": 0.9, "weed": 0.0, "crop": 0.0})
    words = "trial-0003 on the test part knows only soil: weed and crop are never found. Train"
    assert words in str(warning(UNSEEN, test))
    assert warning(WHOLE, test) is None  # where there is a part to validate on, that counts


def evaluated(ious: dict[str, float], split: str = "test", flip: bool = False) -> Evaluation:
    classes = {name: ClassScores(0.3, iou, iou, iou) for name, iou in ious.items()}
    scores = Scores(0.3, 0.9, 0.9, 0.9, 0.9, classes)
    data = Evaluated("folder", None, split, 2, "f")
    return Evaluation("2026", "digest", data, OWN, Views(flip=flip), None, scores, own=True)


def test_a_score_on_the_test_part_is_found_among_others_and_chosen_by_never(
    tmp_path: Path,
) -> None:
    field = dict.fromkeys(FIELD, 0.5)
    others = [
        evaluated(field, "val"), evaluated(field, flip=True),
        evaluated({"road": 0.5, "car": 0.5}), replace(evaluated(field), weights="older"),
        replace(evaluated(field), own=False),
    ]  # fmt: skip
    weights = tmp_path / "best.safetensors"
    mine = [replace(ALONE, weights=weights, digest="digest")]
    for each in others:
        evaluations.save(tmp_path, each)
    assert evaluations_of(mine) == {}
    wanted = evaluated(field)
    evaluations.save(tmp_path, wanted)
    assert evaluations_of(mine) == {"trial-0003": wanted}
    text = shown(*mine)
    assert "test mIoU %" in text
    assert "nothing is chosen using it" in text
    assert max(map(len, text.split("warning")[0].splitlines())) <= 80
    assert "test mIoU" not in shown(ALONE)


TRAINED = Sight(cover=(96, 128))


@pytest.mark.parametrize(
    ("name", "root", "sight", "found"),
    [
        ("folder", "mine", TRAINED, True),
        ("folder", "mine", Sight(stretch=(96, 128)), True),  # of a release before sights
        ("folder", "others", TRAINED, False),
        ("coco", "mine", TRAINED, False),
        ("folder", "mine", Sight(stretch=(40, 40)), False),
    ],
)
def test_a_record_that_does_not_say_whose_data_it_is_of_is_looked_at(
    tmp_path: Path, name: str, root: str, sight: Sight, found: bool
) -> None:
    """Of format 1: by name and folder, and by how large images were seen."""
    config = Config.model_validate({"data": {"name": "folder", "root": str(tmp_path / "mine")}})
    folder = RunDirectory.create(tmp_path / "run", config).promotions / "trial-0003"
    folder.mkdir(parents=True)
    data = Evaluated(name, str(tmp_path / root), "test", 2, "f")
    old = replace(evaluated(dict.fromkeys(FIELD, 0.5)), data=data, sight=sight, own=None)
    file = evaluations.save(folder, old)
    file.write_text(
        file.read_text().replace("evaluation/2", "evaluation/1").replace("  own: null\n", "")
    )
    assert evaluations.load_all(folder) == [old]
    settings = {"size": [96, 128]}
    mine = replace(ALONE, weights=folder / "w", digest="digest", settings=settings)
    assert bool(evaluations_of([mine])) == found


def test_an_evaluation_on_a_runs_own_data_is_not_replaced_by_one_that_is_none(
    tmp_path: Path,
) -> None:
    own = evaluated(dict.fromkeys(FIELD, 0.5))
    old, other = replace(own, own=None), replace(own, own=False)
    for each in (old, other, own, other):
        evaluations.save(tmp_path, each)
    assert evaluations.load_all(tmp_path) == [own, other]


def test_a_training_on_all_images_is_the_best_by_its_proxy() -> None:
    backbone = catalog.load("spinenet-49")
    trials = [
        Trial(
            number, f"t{number}", "candidate", backbone, f"k{number}", None, TrialState.COMPLETE,
            Measurement(1, 1, 1, 1.0, miou=miou),
        )
        for number, miou in enumerate((0.5, 0.9, 0.6, 0.3))
    ]  # fmt: skip
    trained = [replace(UNSEEN, trial=number) for number in (0, 2)]
    assert selection.best(trials, trained).number == 2  # 1 is better, but has no weights
    assert selection.best(trials, []).number == 1
    validated = replace(WHOLE, trial=3)
    assert selection.best(trials, [*trained, validated]).number == 3
    assert promotion_records.over_seeds(trained) == []


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "promotions" / "spinenet-49").mkdir(parents=True)
    return RunDirectory(tmp_path)


def end(run: RunDirectory, fidelity: Fidelity, last: Measurement, truth: learnt.Truth) -> str:
    """The line that a full training ends with."""
    text = io.StringIO()
    subject = Subject.of_network("spinenet-49", catalog.load("spinenet-49"))
    waiting = jobs([subject], fidelity)
    progress = PromotionProgress(Board(Console(file=text, width=200)), waiting)
    queue = PromotionQueue(run, [subject], fidelity, {"epochs": 2}, progress, truth)
    job = queue.next()
    assert job is not None
    queue.finish(job, last)
    return text.getvalue()


def keep(run: RunDirectory, *history: Measurement) -> None:
    """What a training leaves, its weights too."""
    checkpoint = Checkpoint(run.promotions / "spinenet-49")
    checkpoint.save({}, list(history))
    checkpoint.weights.write_bytes(b"weights")


def test_the_record_keeps_the_classes_of_the_best_epoch(run: RunDirectory) -> None:
    best = Measurement(1, 1, 1, 1.0, miou=0.3083, class_iou=(0.925, 0.0, 0.0))
    last = Measurement(2, 1, 1, 2.0, miou=0.3, class_iou=(0.9, 0.0, 0.0))
    keep(run, best, last)
    line = end(run, Fidelity(2, (32, 48), Scale()), last, learnt.Truth(FIELD, SHARES))
    assert "promoted: best mIoU 30.8 %; it knows only soil: weed and crop are never found" in line
    kept = load(run.promotions / "spinenet-49")
    assert (kept.classes, kept.class_iou, kept.shares) == (FIELD, (0.925, 0.0, 0.0), SHARES)


def test_a_score_of_nothing_is_a_score(run: RunDirectory) -> None:
    last = Measurement(2, 1, 1, 2.0, miou=0.0, class_iou=(0.0, 0.0, 0.0))
    keep(run, last)
    line = end(run, Fidelity(2, (32, 48), Scale()), last, learnt.Truth(FIELD, SHARES))
    assert "best mIoU 0.0 %; it knows no class: soil, weed and crop are never found" in line


def test_the_end_of_a_training_on_all_images_is_no_failure(run: RunDirectory) -> None:
    last = Measurement(2, 1, 1, 2.0)
    keep(run, last)
    fidelity = Fidelity(2, (32, 48), Scale(), folds=0)
    line = end(run, fidelity, last, learnt.Truth(FIELD, SHARES, folds=5))
    assert "promoted: trained on all images, so none was left to validate on" in line
    kept = load(run.promotions / "spinenet-49")
    assert (kept.miou, kept.unvalidated, kept.folds) == (None, True, 5)


def test_records_of_before_still_load(tmp_path: Path) -> None:
    write_json(
        tmp_path / "promotion.json",
        {
            "trial": 3, "key": "k", "seed": 0, "proxy_miou": 0.2, "miou": 0.4, "epoch": 5,
            "last": Measurement(5, 1, 1, 1.0, miou=0.4).to_dict(), "weights": None,
            "digest": None, "settings": {"epochs": 5},
        },
    )  # fmt: skip
    old = load(tmp_path)
    assert (old.classes, old.class_iou, old.note, warning(old)) == ((), (), None, None)
    assert class_tables([old], {}) == []
    assert "40.0" in shown(old)
    assert json.loads(old.recipe) == {"epochs": 5}
