"""Every task: epoch by epoch to the job's end, the same for the same, failures as measurements."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from benchmarks.engine import Gate, SleepTask
from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.packing import pack
from proxy_tasks.distillation import Lessons
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.objectives import OBJECTIVES, Measured, Predicted, kept
from proxy_tasks.own_objective import OWN, OwnObjective
from proxy_tasks.pretraining.task import Labels, PretrainingTask
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.task import Failure, Fidelity, Job, Limit, Measurement, ProxyTask
from search_space import catalog
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.scales import Scale
from tests.support.implementations import implementations
from tests.support.tasks import KeyTask, SlopeTask
from tests.support.taught import soft_labels, teacher_maps

SMALL = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
TRAINED = Fidelity(epochs=2, size=(32, 48), scale=SMALL, evaluate_every=1)
AT_ONCE = Fidelity(epochs=1, size=(96, 128), scale=Scale())
SPINENET, RESNET = catalog.load("spinenet-49"), catalog.load("deeplabv3-resnet-50-os16")
PASSED_ON = {"nas.engines.ray_data.TravellingTask", "nas.engines.ray_train.DataParallelTask"}
"""Another task's measurements, by way of Ray: tests/nas/test_cluster.py and test_processes.py."""
ON_THE_MACHINE = ("seconds", "peak_memory", *(name for name, _ in kept(Measured)))
"""What no two runs have alike."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    dataset = open_dataset("scenes", train=8, val=4, size=TRAINED.size)
    data = pack(dataset, Sight(cover=TRAINED.size), tmp_path_factory.mktemp("cache"))
    (data.parent / "soft").symlink_to(soft_labels(dataset, data))
    return data


def trained(data: Path, **recipe: float) -> TrainingTask:
    return TrainingTask(data, Recipe(batch_size=4, **recipe), seed=0, device="cpu")


def depth(backbone: Backbone) -> float:
    return float(len(canonical_key(backbone)))


JOB = Job(3, "trial-0003", SPINENET, TRAINED)
TASKS: dict[str, Callable[[Path, Path], ProxyTask]] = {
    "training": lambda data, folder: trained(data),
    "classes": lambda data, folder: PretrainingTask(
        data, folder, Recipe(batch_size=4), "cpu", Labels(("a", "b"), (0, 1) * 4, (0, 1) * 2)
    ),
    "features": lambda data, folder: PretrainingTask(
        data,
        folder,
        Recipe(batch_size=4),
        "cpu",
        teacher=FeatureTeacher("efficientnet-lite0"),
        levels=(4,),
    ),
    "training, taught": lambda data, folder: replace(
        trained(data), lessons=Lessons(data.parent / "soft", temperature=2.0)
    ),
    "training, taught features": lambda data, folder: replace(
        trained(data), lessons=Lessons(None, maps=teacher_maps(data))
    ),
    "training, kept": lambda data, folder: replace(trained(data), folder=folder / "kept"),
    "by the key": lambda data, folder: KeyTask(),
    "by the number": lambda data, folder: SlopeTask(),
    "an objective of one's own": lambda data, folder: OwnObjective(depth, classes=4),
    "asleep": lambda data, folder: SleepTask(0.0, Gate(str(folder), 1)),
}


@dataclass(frozen=True)
class Done:
    """A task, a job, and all that was told of it."""

    task: ProxyTask
    job: Job
    told: list[Measurement]


@pytest.fixture(scope="module", params=TASKS)
def done(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Done:
    task = TASKS[request.param](data, tmp_path_factory.mktemp("task"))
    at_once = isinstance(task, SleepTask | OwnObjective)
    job = replace(JOB, fidelity=AT_ONCE) if at_once else JOB
    return Done(task, job, list(task.score(job)))


def known(measurements: Iterable[Measurement]) -> list[dict[str, object]]:
    """But for the machine's share in it."""
    each = [measured.to_dict() for measured in measurements]
    return [{k: v for k, v in values.items() if k not in ON_THE_MACHINE} for values in each]


def test_every_task_is_held_to_this_suite(data: Path, tmp_path: Path) -> None:
    kinds = [type(make(data, tmp_path)) for make in TASKS.values()]
    held = {f"{kind.__module__}.{kind.__name__}" for kind in kinds}
    found = implementations("score", first="job")
    assert found - PASSED_ON <= held
    assert found >= PASSED_ON


def test_epochs_come_one_by_one_and_only_the_last_ends_the_job(done: Done) -> None:
    told, epochs = done.told, done.job.fidelity.epochs
    assert [each.epochs for each in told] == list(range(1, epochs + 1))
    assert [done.job.ends_with(each) for each in told] == [False] * (epochs - 1) + [True]
    assert all(each.score is None for each in told)  # what a score is, is the search's affair
    assert [each.seconds for each in told] == sorted(each.seconds for each in told)


def test_the_last_measurement_has_what_a_search_can_go_by(done: Done) -> None:
    """Of a training, all but what a table predicts, which the search adds; others make it up."""
    last = done.told[-1]
    assert last.failure is None
    wanted = ["miou", "loss", "macs", "parameters", "seconds"]
    if isinstance(done.task, TrainingTask):
        told = {n: each for n, each in OBJECTIVES.items() if not isinstance(each.source, Predicted)}
        wanted = [name for name, each in told.items() if each.kept and name != OWN]
    elif isinstance(done.task, PretrainingTask):
        wanted = ["loss", "constant", "macs", "parameters", "seconds"]
    elif isinstance(done.task, OwnObjective):
        wanted = [OWN, "macs", "parameters", "seconds"]
    assert [name for name in wanted if last.figure(name) is None] == []


def test_the_same_job_gets_the_same_measurements_on_a_worker_whatever_was_drawn_there(
    done: Done,
) -> None:
    there, job = pickle.loads(pickle.dumps((done.task, done.job)))
    torch.manual_seed(5)
    again = there.score(replace(job, name="another"))  # not from what it has kept
    assert known(again) == known(done.told)


def test_another_network_gets_others(done: Done) -> None:
    by_number = isinstance(done.task, SlopeTask | SleepTask)
    other = replace(done.job, number=4) if by_number else replace(done.job, backbone=RESNET)
    first = next(done.task.score(replace(other, name="other")))
    assert known([first]) != known(done.told[:1])


def test_whoever_stops_asking_leaves_nothing_behind(done: Done) -> None:
    broken_off = replace(done.job, name="broken off")
    steps = done.task.score(broken_off)
    assert known([next(steps)]) == known(done.told[:1])
    del steps
    rest = known(done.task.score(broken_off))
    assert rest in (known(done.told), known(done.told[1:]))  # anew, or from where it was


def test_a_training_that_diverges_is_a_measurement_that_ends_its_job(data: Path) -> None:
    told = list(trained(data, learning_rate=1e30, clip=1e30, warm_up=0.0).score(JOB))
    assert told[-1].failure is Failure.DIVERGED
    assert [JOB.ends_with(each) for each in told] == [False] * (len(told) - 1) + [True]


@pytest.mark.parametrize("name", [name for name, _ in kept(Measured)])
def test_a_network_beyond_a_measured_limit_is_a_measurement_without_a_training(
    name: str, data: Path
) -> None:
    beyond = replace(JOB, limits=(Limit(name, 1e-12, SMALL, (64, 64)),))
    (only,) = trained(data).score(beyond)
    assert only.failure is not None
    assert only.epochs == 0
    assert (only.figure(name) or 0.0) > 1e-12
    assert beyond.ends_with(only)
    assert only.macs > only.parameters > 0


@pytest.mark.parametrize("gpu", [0.0, 0.5, 1.0])
def test_a_full_memory_is_the_networks_failure_where_it_is_alone(
    gpu: float, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("proxy_tasks.proxy.Training.run_epoch", exhausted)
    steps = trained(data).score(replace(JOB, gpu=gpu))
    if 0 < gpu < 1:
        with pytest.raises(torch.OutOfMemoryError):
            next(steps)
    else:
        (only,) = steps
        assert only.failure is Failure.TOO_LARGE
