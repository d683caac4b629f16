"""A cache that is emptied while networks are trained is filled again; nobody's bug."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from nas.config import Config, EngineConfig
from nas.engines import ray_data
from nas.engines.base import Crash, Resources, Trouble
from nas.engines.inline import InlineEngine
from nas.engines.ray_data import TravellingTask
from nas.engines.worker import Worker
from nas.parts import build, running
from proxy_tasks.datasets.packed import contents, damaged, is_whole
from proxy_tasks.distillation import Lessons
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.task import Fidelity, Job, Measurement
from search_space import catalog
from search_space.errors import UserError
from tests.support.sources import Recorder
from tests.support.taught import soft_labels, teacher_maps

SCALE = {"filters": 0.125, "endpoint_filters": 8, "aspp_filters": 8}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for part in ("train", "val"):
        for number in range(4):
            drawn = np.random.default_rng(number).integers(0, 2, (32, 32), np.uint8)
            for kind, values in (("images", np.stack([drawn * 200] * 3, -1)), ("labels", drawn)):
                path = tmp_path / "data" / part / kind / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(path)
    data = {"name": "folder", "root": tmp_path / "data", "cache": tmp_path / "cache"}
    proxy = {"epochs": 1, "size": (32, 32), "scale": SCALE, "recipe": {"batch_size": 4}}
    data |= {"classes": ("soil", "weed")}
    return Config.model_validate({"data": data, "proxy": proxy})


@pytest.fixture
def task(config: Config) -> TrainingTask:
    data = build.packed(config, config.proxy, Console(quiet=True))
    return build.task(config, config.proxy, data)


class Emptying(Recorder):
    """Empties the cache before each job."""

    def __init__(self, cache: Path, count: int, fidelity: Fidelity) -> None:
        super().__init__(count, fidelity)
        self._cache = cache

    def next(self) -> Job | None:
        shutil.rmtree(self._cache)
        return super().next()


def test_what_was_packed_is_packed_again_and_scores_are_the_same(
    config: Config, task: TrainingTask
) -> None:
    before = {file.name: file.read_bytes() for file in task.data.iterdir()}
    source = Emptying(config.data.cache, 4, build.fidelity(config.proxy, config.data))
    InlineEngine(Resources(1, 1, 0)).run(task, source)
    outcomes = [outcome for each in source.outcomes.values() for outcome in each]
    assert len(outcomes) == 4
    assert all(isinstance(outcome, Measurement) for outcome in outcomes)
    assert len({outcome.miou for outcome in outcomes if isinstance(outcome, Measurement)}) == 1
    assert {file.name: file.read_bytes() for file in task.data.iterdir()} == before


def test_files_that_changed_meanwhile_are_not_packed_in_its_place(
    config: Config, task: TrainingTask
) -> None:
    shutil.rmtree(config.data.cache)
    assert config.data.root is not None
    Image.fromarray(np.ones((32, 32), np.uint8)).save(config.data.root / "train/labels/0.png")
    job = Job(0, "n", catalog.load("spinenet-49"), build.fidelity(config.proxy, config.data))
    worker = Worker(task, 1)
    worker.start(job)
    crash, final = worker.step()
    assert isinstance(crash, Crash)
    assert (crash.trouble, final) == (Trouble.INPUT, True)
    assert crash.error.startswith("the files of folder changed since the command began, and ")


class Raising:
    """A task that only raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def score(self, job: Job) -> Iterator[Measurement]:
        raise self._error
        yield


def full() -> UserError:
    error = UserError("cannot write packed data")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    return error


@pytest.mark.parametrize(
    ("error", "trouble", "line"),
    [
        (UserError("no folder d"), Trouble.INPUT, "no folder d"),
        (full(), Trouble.DISK, "cannot write packed data"),
        (ValueError("x"), Trouble.BUG, "ValueError: x (in score, line "),
    ],
)
def test_what_a_person_can_put_right_is_no_bug(error: Exception, trouble, line: str) -> None:
    worker = Worker(Raising(error), 1)
    worker.start(None)  # type: ignore[arg-type]
    crash, _ = worker.step()
    assert isinstance(crash, Crash)
    assert crash.trouble is trouble
    assert crash.error.startswith(line)


@pytest.fixture
def sent(task: TrainingTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TravellingTask:
    """As on a node of a cluster: "home" is the driver's."""
    monkeypatch.setattr(ray_data, "node_cache", lambda: tmp_path / "node")
    known = [(name, bytes(piece)) for name, piece in contents(task.data)]
    fake = SimpleNamespace(get=lambda piece: piece)
    monkeypatch.setattr(ray_data, "ray", fake)
    ray_data._discard_damaged.cache_clear()
    return TravellingTask(task, "home", tuple(known))  # type: ignore[arg-type]


def test_the_driver_packs_again_what_it_needs_itself(
    config: Config, task: TrainingTask, tmp_path: Path
) -> None:
    """Before the first job is given out, where no engine looks after it."""
    shutil.rmtree(config.data.cache)
    source = Recorder(1, build.fidelity(config.proxy, config.data))
    inline = config.model_copy(update={"engine": EngineConfig(name="inline")})
    (tmp_path / "run").mkdir()
    running.train(
        inline, config.proxy, task.data, source, Resources(1, 1, 0), tmp_path / "run", "search"
    )
    assert source.scored == [0]
    assert damaged(task.data) == []


def test_what_travels_is_packed_again_first(
    task: TrainingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = SimpleNamespace(get_node_id=lambda: "home")
    ray = SimpleNamespace(put=lambda piece: piece, get_runtime_context=lambda: context)
    monkeypatch.setattr(ray_data, "ray", ray)
    shutil.rmtree(task.data.parent)
    assert ray_data.travelling(task).pieces
    assert damaged(task.data) == []


def at(node: str) -> None:
    context = SimpleNamespace(get_node_id=lambda: node)
    ray_data.ray.get_runtime_context = lambda: context


@pytest.mark.parametrize("node", ["home", "other"])
def test_on_a_cluster_it_comes_again_from_the_driver(sent: TravellingTask, node: str) -> None:
    at(node)
    place = sent._data()
    assert (place == sent.task.data) == (node == "home")
    shutil.rmtree(place.parent)
    assert sent._data() == place
    assert is_whole(place)
    assert damaged(place) == []


@pytest.mark.parametrize("node", ["home", "other"])
def test_what_a_teacher_says_travels_too(
    config: Config, task: TrainingTask, sent: TravellingTask, node: str
) -> None:
    at(node)
    labels = soft_labels(build.dataset(config, config.proxy.size), task.data)
    maps = teacher_maps(task.data)
    taught = replace(task, lessons=Lessons(labels, maps=maps))
    soft, tapped = (
        tuple((name, bytes(piece)) for name, piece in contents(folder)) for folder in (labels, maps)
    )
    travels = replace(sent, task=taught, soft=soft, maps=tapped)
    job = Job(0, "n", catalog.load("spinenet-49"), build.fidelity(config.proxy, config.data))
    expected = [each.train_loss for each in taught.score(job)]
    for folder in (labels, maps):
        shutil.rmtree(folder)
    assert [each.train_loss for each in travels.score(job)] == expected
    assert [each.train_loss for each in sent.score(job)] != expected


def test_a_node_s_pack_of_an_earlier_leg_is_read_through(sent: TravellingTask) -> None:
    at("other")
    place = sent._data()
    file = place / "images-train.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:200] + bytes(100) + whole[300:])
    ray_data._discard_damaged.cache_clear()  # as another process has it
    assert sent._data() == place
    assert file.read_bytes() == whole
