"""Scoring a network: repeatable, distinct from a failure, and kept where it is wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from proxy_tasks import proxy
from proxy_tasks.checkpoint import Checkpoint, Weights
from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.task import Failure, Fidelity, Job, Limit, Measurement
from proxy_tasks.training import Training
from proxy_tasks.validation import Evaluation
from search_space import catalog
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.arrays import Arrays
from tests.support.twins import twin

FIDELITY = Fidelity(
    epochs=2, size=(32, 48), scale=Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
)
RECIPE = Recipe(batch_size=4)
JOB = Job(3, "trial-0003", catalog.load("spinenet-49"), FIDELITY)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = open_dataset("scenes", train=8, val=4, size=FIDELITY.size)
    return pack(dataset, Sight(cover=FIDELITY.size), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def task(data: Path) -> TrainingTask:
    return TrainingTask(data, RECIPE, seed=0, device="cpu")


def what_was_learned(measurement: Measurement) -> tuple[object, ...]:
    return measurement.miou, measurement.loss, measurement.train_loss, measurement.class_iou


def test_a_score_is_complete_and_comes_epoch_by_epoch(task: TrainingTask) -> None:
    first, last = task.score(JOB)
    assert (first.epochs, first.miou) == (1, None)
    assert JOB.ends_with(last)
    assert last.miou is not None
    assert 0 <= last.miou <= 1
    assert last.macs > last.parameters > 10_000
    assert last.seconds > first.seconds > 0
    assert last.latency is not None
    assert last.latency < last.seconds


def test_the_same_network_gets_the_same_score_twice(task: TrainingTask) -> None:
    scores = [what_was_learned(list(task.score(JOB))[-1]) for _ in range(2)]
    assert scores[0] == scores[1]
    other = list(replace(task, seed=1).score(JOB))[-1]
    assert what_was_learned(other) != scores[0]


def test_two_specs_of_one_network_get_the_same_score(task: TrainingTask) -> None:
    dropping = replace(task, recipe=replace(RECIPE, drop_path=0.2))
    other = replace(JOB, backbone=twin(JOB.backbone, 0))
    scores = [what_was_learned(list(dropping.score(job))[-1]) for job in (JOB, other)]
    assert scores[0] == scores[1]


def test_a_training_that_diverges_is_a_measurement(task: TrainingTask) -> None:
    wild = replace(task, recipe=Recipe(batch_size=4, learning_rate=1e30, clip=1e30, warm_up=0.0))
    last = list(wild.score(JOB))[-1]
    assert last.failure is Failure.DIVERGED
    assert last.miou is None
    assert JOB.ends_with(last)


def test_a_network_that_is_too_slow_is_measured_and_not_trained(task: TrainingTask) -> None:
    scale = replace(FIDELITY.scale, filters=0.25)
    within = replace(JOB, limits=(Limit("latency", 60.0, scale, (64, 64)),))
    assert what_was_learned(list(task.score(within))[-1]) == what_was_learned(
        list(task.score(JOB))[-1]
    )
    (only,) = task.score(replace(JOB, limits=(Limit("latency", 1e-6, scale, (64, 64)),)))
    assert (only.failure, only.epochs, only.miou) == (Failure.TOO_SLOW, 0, None)
    assert only.latency is not None
    assert only.latency > 1e-6
    assert JOB.ends_with(only)


@pytest.mark.parametrize("shared", [False, True])
def test_out_of_memory_is_the_architectures_fault_only_when_it_is_alone(
    task: TrainingTask, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(proxy.Training, "run_epoch", exhausted)
    steps = task.score(replace(JOB, gpu=0.5 if shared else 1.0))
    if shared:
        with pytest.raises(torch.OutOfMemoryError):
            next(steps)
    else:
        assert next(steps).failure is Failure.TOO_LARGE


def test_a_kept_training_resumes_where_it_stopped(task: TrainingTask, tmp_path: Path) -> None:
    whole = list(replace(task, folder=tmp_path / "whole").score(JOB))
    steps = replace(task, folder=tmp_path / "broken").score(JOB)
    next(steps)
    del steps  # as if the process had died after the first epoch
    resumed = list(replace(task, folder=tmp_path / "broken").score(JOB))
    assert [m.epochs for m in resumed] == [2]
    assert what_was_learned(resumed[-1]) == what_was_learned(whole[-1])
    assert resumed[-1].seconds > 0
    again = list(replace(task, folder=tmp_path / "broken").score(JOB))
    assert [m.epochs for m in again] == [2]  # nothing is trained twice


@pytest.mark.parametrize("killed", [False, True])
def test_patience_ends_a_training_that_no_longer_gains(
    task: TrainingTask, killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Validated every second epoch; equal is not better."""
    scores = iter([0.2, 0.1, 0.3, 0.3, 0.1, 0.9])

    def scripted(*_: object) -> Evaluation:
        return Evaluation({"miou": next(scores), "loss": 1.0})

    monkeypatch.setattr(proxy.Training, "run_epoch", untrained)
    monkeypatch.setattr(proxy.Validation, "add", lambda *_: None)
    monkeypatch.setattr(proxy.Validation, "result", scripted)
    job = replace(JOB, fidelity=replace(FIDELITY, epochs=60, evaluate_every=2, patience=2))
    kept = replace(task, folder=tmp_path)
    steps = kept.score(job)
    before = [next(steps) for _ in range(8)] if killed else []
    measured = before + list(kept.score(job) if killed else steps)
    assert [m.epochs for m in measured] == list(range(1, 11))
    assert [m.stale for m in measured[1::2]] == [0, 1, 0, 1, 2]
    assert job.ends_with(measured[-1])
    assert measured[-1].latency is not None
    assert (tmp_path / JOB.name / "best.safetensors").exists()


def untrained(training: Training) -> float:
    training.epoch += 1
    return 1.0


def test_the_best_weights_build_the_network_that_was_measured(
    task: TrainingTask, tmp_path: Path
) -> None:
    job = replace(JOB, fidelity=replace(FIDELITY, evaluate_every=1))
    measured = list(replace(task, folder=tmp_path).score(job))
    best = max(measured, key=lambda m: m.miou or 0.0)
    weights = Weights.open(Checkpoint(tmp_path / JOB.name).weights)
    assert weights.backbone == JOB.backbone
    assert (weights.scale, weights.size) == (FIDELITY.scale, FIDELITY.size)
    network = weights.network()
    assert sum(p.numel() for p in network.parameters()) == best.parameters
    history = (tmp_path / JOB.name / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in history] == ["epochs", "1", "2"]


def test_weights_tell_how_images_are_to_be_shown_to_them(
    task: TrainingTask, tmp_path: Path
) -> None:
    list(replace(task, folder=tmp_path).score(JOB))
    data, weights = open_packed(task.data), Weights.open(Checkpoint(tmp_path / JOB.name).weights)
    assert weights.sight == data.sight == Sight(cover=FIDELITY.size)
    assert weights.intensities == data.intensities
    assert (weights.classes, weights.palette) == (data.classes, data.palette)


def test_a_network_of_many_bands_is_trained_and_its_weights_build_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs = [
        (rng.integers(0, 9999, (40, 50, 5), np.uint16), rng.integers(0, 3, (40, 50), np.uint8))
        for _ in range(6)
    ]
    data = pack(Arrays(pairs, pairs[:2], ("a", "b", "c")), Sight(factor=0.9), tmp_path / "cache")
    job = replace(JOB, fidelity=replace(FIDELITY, scale=replace(FIDELITY.scale, channels=5)))
    last = list(TrainingTask(data, RECIPE, 0, "cpu", tmp_path).score(job))[-1]
    assert (last.failure, len(last.class_iou)) == (None, 3)
    assert last.latency is not None
    weights = Weights.open(Checkpoint(tmp_path / JOB.name).weights)
    assert weights.intensities.top == 65535
    assert weights.network().backbone.stem[0][0].weight.shape[1] == 5


def test_weights_that_do_not_fit_their_network_are_a_users_mistake(
    task: TrainingTask, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save_weights(torch.nn.Conv2d(3, 4, 1), JOB, open_packed(task.data))
    with pytest.raises(UserError, match="another version of this software"):
        Weights.open(checkpoint.weights).network()


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all", b"\x08" + b"\0" * 20])
def test_a_file_that_holds_no_weights_is_refused_in_one_line(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.safetensors: ") as caught:
        Weights.open(path)
    assert "\n" not in str(caught.value)
