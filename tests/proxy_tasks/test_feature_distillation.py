"""What is learnt of a teacher's maps: the loss, and that the network is otherwise as without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.augment import normalise
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.distillation import Lessons
from proxy_tasks.feature_distillation import FeatureDistillation, pairs, tapped
from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.frozen_features import features_of
from proxy_tasks.networks.level_encoder import StagedEncoder
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job, Measurement
from proxy_tasks.teacher_maps import TeacherMaps, nearest, pack_teacher_maps, tapped_levels
from proxy_tasks.training import Training
from search_space.architecture import Architecture, features
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from tests.support.arrays import Arrays
from tests.support.taught import ENCODER, LEVELS_3_AND_4, SMALL, mapped, soft_labels, teacher_maps

CPU, SIZE = torch.device("cpu"), (32, 48)
RECIPE = Recipe(batch_size=4, averaging=0.5)
STUDENT = LEVELS_3_AND_4.decode(LEVELS_3_AND_4.sample(np.random.default_rng(1)))
ALONE = Architecture(features(ENCODER), (), (3, 4, 5))


def dataset() -> Arrays:
    rng, found = np.random.default_rng(0), []
    for number in range(8):
        labels = np.zeros(SIZE, np.uint8)
        labels[:, 10 + 4 * number :] = 1
        noise = rng.integers(0, 40, (*SIZE, 3))
        found.append(((120 * labels[..., None] + noise).astype(np.uint8), labels))
    return Arrays(found, found, ("dark", "bright"), (0, 1) * 4)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(dataset(), Sight(cover=SIZE), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def own(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TeacherMaps of a network of ours."""
    torch.set_num_threads(1)
    return teacher_maps(data, str(mapped(tmp_path_factory.mktemp("promotion"), seed=3)))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def training(
    data: Path, lessons: Lessons | None, images: int | None = None, **recipe: object
) -> Training:
    torch.manual_seed(0)
    network = build_segmenter(STUDENT, SMALL, 2, SIZE)
    train = DeviceSplit(open_packed(data).train, CPU)
    made = replace(RECIPE, **recipe)  # type: ignore[arg-type]
    return Training(network, train, made, 2, 0, SIZE, images=images, lessons=lessons)


def batch() -> Tensor:
    return torch.randn(4, 3, *SIZE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("there", "expected"),
    [((2, 3, 4, 5), (3, 4)), ((3,), (3,)), ((2, 5), (2, 5)), ((4, 5, 6), (4,)), ((5, 6), (5,))],
)
def test_a_teacher_is_asked_at_strides_8_and_16_or_the_nearest(there, expected) -> None:
    assert tapped_levels(there) == expected


def test_a_student_learns_by_the_same_level_or_the_nearest() -> None:
    assert [nearest(3, each) for each in ((2, 3), (2, 4), (5, 6))] == [3, 2, 5]
    assert pairs({3: 1, 4: 1}, {3: 8, 4: 8, 5: 8}) == {3: 3, 4: 4}
    assert pairs({3: 1, 4: 1}, {3: 8}) == {3: 3, 4: 3}
    assert pairs({4: 1}, {3: 8, 5: 8}) == {4: 3}


@pytest.mark.parametrize("levels", [(3, 4), (2,), (5,)])
def test_the_loss_is_the_error_of_projections_from_standardised_maps(
    own: Path, data: Path, levels: tuple[int, ...]
) -> None:
    known, seen = TeacherMaps.open(own, CPU), open_packed(data).intensities
    distillation = FeatureDistillation(known, dict.fromkeys(levels, 6), seen)
    maps = {n: torch.randn(4, 6, 32 // 2**n, -(-48 // 2**n)) for n in levels}
    with torch.no_grad():
        for value in distillation.projections.parameters():
            value.normal_()
    wanted, errors = known.features(batch(), seen), []
    for level, (mean_C, std_C) in known.moments.items():
        there = maps[distillation.levels[level]]
        size = wanted[level].shape[2:]
        if there.shape[2] > size[0]:
            factor = there.shape[2] // size[0]
            there = F.avg_pool2d(there, factor)
        elif there.shape[2] < size[0]:
            there = F.interpolate(there, size=size)
        layer = distillation.projections.projections[str(level)]
        said = torch.einsum("oc,bchw->bohw", layer.weight[:, :, 0, 0], there)
        said = said + layer.bias[:, None, None]
        rows = (row.float()[:, None, None] for row in (mean_C, std_C))
        mean, std = rows
        errors.append(F.mse_loss(said, (wanted[level] - mean) / std))
    ours = distillation.loss(maps, batch())
    torch.testing.assert_close(ours, sum(errors) / len(errors), rtol=1e-4, atol=1e-5)


def test_moments_are_of_the_training_images(own: Path, data: Path) -> None:
    known, packed = TeacherMaps.open(own, CPU), open_packed(data)
    split = DeviceSplit(packed.train, CPU)
    x_BCHW = torch.stack([split.image(n) for n in range(len(split))]).float() / 255
    mean, std = (torch.tensor(row) for row in (packed.intensities.mean, packed.intensities.std))
    x_BCHW = ((x_BCHW - mean) / std).permute(0, 3, 1, 2)
    maps = known.features(x_BCHW, packed.intensities)
    for level, (mean_C, std_C) in known.moments.items():
        pixels_CP = maps[level].transpose(0, 1).flatten(1)
        moves = std_C > 2 * std_C.min()
        torch.testing.assert_close(mean_C.float(), pixels_CP.mean(1), rtol=1e-3, atol=1e-4)
        spread = pixels_CP.std(1, correction=0)
        torch.testing.assert_close(std_C.float()[moves], spread[moves], rtol=1e-3, atol=1e-4)


def test_the_network_and_what_it_sees_are_as_without(data: Path, own: Path) -> None:
    seen: list[Tensor] = []
    states, drawn, losses = [], [], []
    for lessons in (None, Lessons(None, maps=own), Lessons(None, maps=own, features=0.1)):
        made = training(data, lessons, drop_path=0.2, rare=0.5)
        drawn.append(torch.rand(1).item())
        states.append({name: x.clone() for name, x in made.network.state_dict().items()})
        made.network.backbone.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].clone())
        )
        losses.append(made.run_epoch())
        assert made.network.state_dict().keys() == states[0].keys()
        assert made.average.module.state_dict().keys() == states[0].keys()
    assert len(set(drawn)) == 1
    assert all(torch.equal(x, states[0][n]) for state in states for n, x in state.items())
    assert len(set(losses)) == 3
    assert all(torch.equal(x, seen[n % 2]) for n, x in enumerate(seen))


def scored(data: Path, lessons: Lessons | None, **changes: object) -> list[Measurement]:
    task = TrainingTask(data, RECIPE, seed=0, device="cpu", lessons=lessons)
    task = replace(task, **{k: v for k, v in changes.items() if k in ("features", "folder")})
    fidelity = Fidelity(2, SIZE, SMALL, evaluate_every=1, folds=int(str(changes.get("folds", 1))))
    backbone = changes.get("backbone", STUDENT)
    job = Job(0, "trial-0000", backbone, fidelity)  # type: ignore[arg-type]
    return [replace(each, seconds=0.0, latency=None, peak_memory=None) for each in task.score(job)]


def test_a_weight_of_zero_gives_the_scores_of_before(data: Path, own: Path) -> None:
    labels = soft_labels(dataset(), data)
    before = scored(data, Lessons(labels))
    assert scored(data, Lessons(labels, maps=own, features=0.0)) == before
    both = scored(data, Lessons(labels, maps=own))
    assert both[-1].train_loss != before[-1].train_loss
    assert (both[-1].macs, both[-1].parameters) == (before[-1].macs, before[-1].parameters)


def test_weights_that_are_kept_are_the_network_s_alone(
    data: Path, own: Path, tmp_path: Path
) -> None:
    plain = scored(data, None, folder=tmp_path / "plain")
    taught = scored(data, Lessons(None, maps=own), folder=tmp_path / "taught")
    assert plain[-1].macs == taught[-1].macs
    kept = [Checkpoint(tmp_path / name / "trial-0000") for name in ("plain", "taught")]
    sizes = [each.weights.stat().st_size for each in kept]
    assert sizes[0] == sizes[1]
    state = kept[1].load()
    assert state is not None
    assert set(state[0]["beside"]) >= {"projections.3.weight", "mean_3", "std_4"}


def test_a_full_training_goes_on_where_it_was_killed(data: Path, own: Path, tmp_path: Path) -> None:
    """Also where the moments that it began with are no more."""
    lessons = Lessons(None, maps=own)
    unbroken = scored(data, lessons, folder=tmp_path / "unbroken")
    task = TrainingTask(data, RECIPE, 0, "cpu", tmp_path / "killed", lessons=lessons)
    job = Job(0, "trial-0000", STUDENT, Fidelity(2, SIZE, SMALL, evaluate_every=1))
    next(iter(task.score(job)))
    other = shutil.copytree(own, tmp_path / "other")
    meta = json.loads((other / "meta.json").read_text())
    meta["moments"] = {level: [[1.0] * len(m)] * 2 for level, (m, _) in meta["moments"].items()}
    (other / "meta.json").write_text(json.dumps(meta))
    resumed = scored(data, replace(lessons, maps=other), folder=tmp_path / "killed")
    assert resumed[-1] == unbroken[-1]


def test_maps_are_learnt(data: Path, own: Path) -> None:
    """By the backbone too, not by the projections alone."""
    made = training(data, Lessons(None, maps=own), images=64, learning_rate=2e-2)
    maps = made._maps
    assert maps is not None
    packed = open_packed(data)
    images = torch.stack([DeviceSplit(packed.train, CPU).image(n) for n in range(8)])
    x_BCHW = normalise(images, packed.intensities)

    def error() -> float:
        with torch.no_grad(), tapped(made.network.backbone) as found:
            made.network.train().forward_low(x_BCHW)
            return maps.loss(found, x_BCHW).item()

    before = error()
    for _ in range(2):
        made.run_epoch()
    assert error() < 0.9 * before
    backbone = dict(made.network.backbone.named_parameters())
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in backbone.values())


@pytest.mark.parametrize("label", [1, IGNORE], ids=["labelled", "void"])
def test_micro_batches_teach_what_the_batch_teaches(data: Path, own: Path, label: int) -> None:
    def gradients(**recipe: object) -> Tensor:
        still = {"jitter": (1.0, 1.0), "flip": 0.0, "colour": 0.0}
        made = training(data, Lessons(None, maps=own), **still, **recipe)
        for number in range(8):
            made.crops._split.labels(number)[:] = label
        for module in made.network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.Dropout):
                module.eval()
        for value in made.beside.parameters():
            value.data.fill_(0.01)
        made._gradients(torch.arange(4), made.augment.draw(4, torch.Generator()))
        return torch.cat([flat.grad for flat in made._trained])

    whole, parts = gradients(), gradients(accumulate=2)
    assert whole.abs().max() > 1e-3
    torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-5)


STUDENTS: dict[str, Callable[[], object]] = {
    "one map": lambda: DilatedResNet((1, 1, 1, 1), output_stride=8),
    "no map of stride 8": lambda: Architecture(features(ENCODER), (), (4, 5)),
    "shrunk": lambda: Architecture(features(ENCODER), (), (3, 4), zoom=0.5),
}


@pytest.mark.parametrize("name", STUDENTS)
def test_networks_without_such_maps_learn_by_their_nearest(name: str, data: Path) -> None:
    found = scored(data, Lessons(None, maps=teacher_maps(data)), backbone=STUDENTS[name]())
    assert found[-1].failure is None
    assert found[-1].miou is not None


def test_kept_maps_of_the_encoder_are_the_student_s_and_the_teacher_s(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several folds."""
    lessons, still = Lessons(None, maps=teacher_maps(data)), {"backbone": ALONE, "folds": 2}
    recipe = replace(RECIPE, encoder_rate=0)
    monkeypatch.setitem(globals(), "RECIPE", recipe)
    plain = scored(data, lessons, **still)
    assert scored(data, lessons, features=True, **still) == plain
    calls, forward = [0], StagedEncoder.forward

    def counted(self: StagedEncoder, x_BCHW: Tensor) -> dict[int, Tensor]:
        calls[0] += len(x_BCHW) > 1
        return forward(self, x_BCHW)

    monkeypatch.setattr(StagedEncoder, "forward", counted)
    assert scored(data, lessons, features=True, **still) == plain
    assert calls == [0]
    other = scored(data, lessons, features=True)  # another network, the same crops
    assert other[-1].train_loss != plain[-1].train_loss
    assert features_of(data).is_dir()


def test_what_is_gone_or_damaged_is_made_again(data: Path) -> None:
    first = teacher_maps(data)
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    weights = first / "weights.npy"
    weights.write_bytes(before["weights.npy"][:-8] + bytes(8))
    assert teacher_maps(data) == first
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    with pytest.raises(UserError, match="no teacher's network in"):
        TeacherMaps.open(first / "none", CPU)


def test_a_disk_that_is_full_leaves_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("proxy_tasks.datasets.appearing.os.fsync", full)
    from proxy_tasks.feature_teacher import FeatureTeacher

    with pytest.raises(UserError, match="free some space"):
        pack_teacher_maps(data, FeatureTeacher.named(ENCODER, None), "other", CPU)
    assert not list(data.parent.glob(".packing-*"))
