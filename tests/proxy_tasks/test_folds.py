"""Folds: every image is scored by a network that was not trained on it, and all scores are one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from proxy_tasks.checkpoint import Checkpoint, Weights
from proxy_tasks.crops import Crops
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.proxy import TrainingTask, _initial_network
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.start import USUAL
from proxy_tasks.task import Failure, Fidelity, Job, Measurement
from proxy_tasks.training import Training
from proxy_tasks.validation import Validation
from search_space import catalog
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.arrays import Arrays, Pair

FOLDS = (0, 2, 1, 1, 0, 2, 1, 0)
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
FIDELITY = Fidelity(2, (32, 32), SCALE, folds=3)
JOB = Job(0, "trial-0000", catalog.load("spinenet-49"), FIDELITY)
RECIPE = Recipe(batch_size=4, averaging=0.5, rare=0.5)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def pairs() -> list[Pair]:
    """Of sizes of their own: half bright, half dark."""
    rng, found = np.random.default_rng(0), []
    for number in range(len(FOLDS)):
        labels = np.zeros((40 + number, 48), np.uint8)
        labels[:, 10 + 4 * number :] = 1
        noise = rng.integers(0, 40, (*labels.shape, 3))
        found.append(((120 * labels[..., None] + noise).astype(np.uint8), labels))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = Arrays(pairs(), pairs(), ("dark", "bright"), FOLDS)
    return pack(dataset, Sight(factor=1), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def task(data: Path) -> TrainingTask:
    return TrainingTask(data, RECIPE, seed=0, device="cpu")


def learned(measurement: Measurement) -> tuple[object, ...]:
    return measurement.miou, measurement.loss, measurement.train_loss, measurement.class_iou


def test_no_image_of_a_fold_is_trained_on_and_each_is_held_out_once(
    task: TrainingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Crops that are placed on a class included."""
    trained: dict[int, set[int]] = {}
    held: list[list[int]] = []
    look, add = Crops._look, Validation.add

    def looking(self: Crops, *given: Any) -> Any:
        view = look(self, *given)
        trained.setdefault(len(held), set()).update(view.images)
        return view

    def adding(
        self: Validation, network: Any, split: Any, batch: int, numbers: Any, *_: Any
    ) -> None:
        held.append(numbers)
        add(self, network, split, batch, numbers)

    monkeypatch.setattr(Crops, "_look", looking)
    monkeypatch.setattr(Validation, "add", adding)
    measured = list(task.score(replace(JOB, fidelity=replace(FIDELITY, epochs=4))))
    assert [m.epochs for m in measured] == list(range(1, 13))
    assert sorted(sum(held, [])) == list(range(8))  # noqa: RUF017
    for fold, numbers in enumerate(held):
        assert {FOLDS[number] for number in numbers} == {fold}
        assert trained[fold] <= set(range(8)) - set(numbers)
        assert len(trained[fold]) > 3


def test_the_score_is_that_of_the_single_trainings_put_together(task: TrainingTask) -> None:
    data, found = open_packed(task.data), Validation(2, torch.device("cpu"))
    train, val = (DeviceSplit(split, torch.device("cpu")) for split in (data.train, data.val))
    for fold in range(3):
        chosen = [number for number, held in enumerate(FOLDS) if held != fold]
        others = [number for number, held in enumerate(FOLDS) if held == fold]
        network = _initial_network(0, JOB, 2, RECIPE, USUAL)
        training = Training(network, train, RECIPE, 2, 0, FIDELITY.size, chosen=chosen)
        for _ in range(2):
            training.run_epoch()
        found.add(training.average.module, val, 4, others)
    *before, last = task.score(JOB)
    assert {m.miou for m in before} == {None}
    assert JOB.ends_with(last)
    expected = found.result()
    assert (last.miou, last.loss, last.class_iou) == (
        expected.miou,
        expected.loss,
        expected.class_iou,
    )


@pytest.mark.parametrize("after", range(1, 6))
def test_a_training_that_was_killed_goes_on_in_its_fold(
    after: int, task: TrainingTask, whole: Measurement, tmp_path: Path
) -> None:
    kept = replace(task, folder=tmp_path)
    steps = kept.score(JOB)
    for _ in range(after):
        next(steps)
    del steps
    resumed = list(kept.score(JOB))
    assert [m.epochs for m in resumed] == list(range(after + 1, 7))
    assert learned(resumed[-1]) == learned(whole)
    assert [m.epochs for m in kept.score(JOB)] == [6]  # nothing is trained twice


@pytest.fixture(scope="module")
def whole(data: Path) -> Measurement:
    torch.set_num_threads(1)
    return list(TrainingTask(data, RECIPE, seed=0, device="cpu").score(JOB))[-1]


ALL = replace(JOB, fidelity=replace(FIDELITY, folds=0, evaluate_every=1, epochs=3))


def test_a_training_on_all_images_validates_nothing_and_keeps_its_last_weights(
    task: TrainingTask, tmp_path: Path
) -> None:
    whole, broken = (replace(task, folder=tmp_path / name) for name in ("whole", "broken"))
    measured = list(whole.score(ALL))
    assert [(m.epochs, m.miou, m.loss) for m in measured] == [(n, None, None) for n in (1, 2, 3)]
    assert measured[-1].latency is not None
    steps = broken.score(ALL)
    next(steps)
    del steps
    assert [m.epochs for m in broken.score(ALL)] == [2, 3]
    first, second = (
        Weights.open(Checkpoint(folder / JOB.name).weights).network().state_dict()
        for folder in (tmp_path / "whole", tmp_path / "broken")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    state = Checkpoint(tmp_path / "whole" / JOB.name).load()
    assert state is not None
    name = "backbone.stem.0.0.weight"
    assert torch.equal(first[name], state[0]["average"][f"module.{name}"])


def test_a_training_on_all_images_sees_all(
    task: TrainingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()
    look = Crops._look

    def looking(self: Crops, *given: Any) -> Any:
        view = look(self, *given)
        seen.update(view.images)
        return view

    monkeypatch.setattr(Crops, "_look", looking)
    list(task.score(ALL))
    assert seen == set(range(8))


def test_weights_of_an_epoch_that_diverged_are_not_kept(
    task: TrainingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = replace(task, folder=tmp_path).score(ALL)
    next(steps)
    good = Checkpoint(tmp_path / JOB.name).weights.read_bytes()
    monkeypatch.setattr(Training, "run_epoch", lambda _: float("nan"))
    assert next(steps).failure is Failure.DIVERGED
    assert Checkpoint(tmp_path / JOB.name).weights.read_bytes() == good


def test_only_the_folds_that_are_held_out_have_their_turn(
    task: TrainingTask, tmp_path: Path
) -> None:
    """Each as it is among all, also where the training was killed in the second one."""
    one, two = (replace(JOB, fidelity=replace(FIDELITY, held_out=held)) for held in ((2,), (2, 0)))
    data, alone = open_packed(task.data), Validation(2, torch.device("cpu"))
    train, val = (DeviceSplit(split, torch.device("cpu")) for split in (data.train, data.val))
    chosen = [number for number, held in enumerate(FOLDS) if held != 2]
    network = _initial_network(0, JOB, 2, RECIPE, USUAL)
    training = Training(network, train, RECIPE, 2, 0, FIDELITY.size, chosen=chosen)
    for _ in range(2):
        training.run_epoch()
    alone.add(training.average.module, val, 4, [n for n, held in enumerate(FOLDS) if held == 2])
    *before, last = task.score(one)
    assert (len(before), last.epochs, one.ends_with(last)) == (1, 2, True)
    assert (last.miou, last.loss) == (alone.result().miou, alone.result().loss)
    whole = list(task.score(two))[-1]
    assert (whole.epochs, two.ends_with(whole)) == (4, True)
    kept = replace(task, folder=tmp_path)
    steps = kept.score(two)
    for _ in range(3):
        next(steps)
    del steps
    (resumed,) = kept.score(two)
    assert learned(resumed) == learned(whole)


@pytest.mark.parametrize(
    ("held_out", "folds", "said"),
    [
        ((0,), 1, "held_out: [0], but the data have no folds"),
        ((3,), 3, "held_out must be numbers of 0 to 2, each at most once, not [3]"),
        ((1, 1), 3, "held_out must be numbers of 0 to 2, each at most once, not [1, 1]"),
        ((), 3, "held_out must be numbers of 0 to 2, each at most once, not []"),
        ((-1,), 3, "held_out must be at least 0, not -1"),
    ],
)
def test_folds_that_the_data_do_not_have_are_refused(
    held_out: tuple[int, ...], folds: int, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        replace(FIDELITY, held_out=held_out, folds=folds)
    assert str(caught.value) == said
