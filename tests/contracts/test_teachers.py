"""Every teacher: logarithms of probabilities where they are asked for, or maps of its levels, and
the same each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nas.prediction.onnx_networks import open_onnx
from proxy_tasks.augment import normalise
from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets.packing import pack
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.labelling import Labeller
from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.frozen_features import FrozenFeatures
from proxy_tasks.running import running
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.teacher_maps import TeacherMaps, pack_teacher_maps
from proxy_tasks.teachers import Ensemble, NetworkTeacher, Teacher
from proxy_tasks.views import Views
from results.export.huggingface import _save_weights, config
from results.export.subject import Subject
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.arrays import Arrays
from tests.support.implementations import implementations
from tests.support.onnx_files import linear
from tests.support.taught import ENCODER, mapped

CPU, CLASSES = torch.device("cpu"), 4
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)


def network(sight: Sight = OWN, views: Views | None = None, seed: int = 0) -> NetworkTeacher:
    torch.manual_seed(seed)
    built = build_segmenter(DilatedResNet((1, 1, 1, 1), output_stride=8), SCALE, CLASSES, (32, 48))
    return NetworkTeacher(Labeller(running(built.eval()), sight, NATURAL, views or Views()))


def onnx(folder: Path, softmax: bool) -> NetworkTeacher:
    path = linear(folder / "any.onnx", CLASSES, softmax=softmax)
    return NetworkTeacher(open_onnx(path, CPU).labeller(range(CLASSES)))


TEACHERS: dict[str, Callable[[Path], Teacher]] = {
    "network": lambda folder: network(),
    "at a working resolution": lambda folder: network(Sight(factor=0.5)),
    "through windows": lambda folder: network(Sight(factor=1, window=(32, 32))),
    "mirrored": lambda folder: network(views=Views(flip=True)),
    "ensemble": lambda folder: Ensemble([network(), network(Sight(short_side=40), seed=1)]),
    "onnx": lambda folder: onnx(folder, softmax=False),
    "onnx of probabilities": lambda folder: onnx(folder, softmax=True),
}


@pytest.fixture(params=TEACHERS)
def teacher(request: pytest.FixtureRequest, tmp_path: Path) -> Teacher:
    torch.set_num_threads(1)
    return TEACHERS[request.param](tmp_path)


def picture(height: int = 64, width: int = 80) -> np.ndarray:
    coarse = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (1, 3, 4, 5)))
    up = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return up[0].permute(1, 2, 0).numpy().astype(np.uint8)


def test_every_kind_is_here(tmp_path: Path) -> None:
    kinds = {type(make(tmp_path)) for make in TEACHERS.values()}
    here = {f"{kind.__module__}.{kind.__name__}" for kind in kinds}
    assert implementations("log_probabilities", first="image_HWC") == here


@pytest.mark.parametrize("size", [(16, 20), (64, 80), (17, 9), (1, 1)])
def test_each_place_has_probabilities_of_all_classes(
    teacher: Teacher, size: tuple[int, int]
) -> None:
    found = teacher.log_probabilities(picture(), size)
    assert (found.shape, found.dtype) == ((CLASSES, *size), np.float32)
    assert found.max() <= 1e-6
    assert np.isfinite(found.astype(np.float16)).all()
    np.testing.assert_allclose(np.exp(found).sum(0), 1, atol=1e-5)


def test_the_same_image_gives_the_same_and_stays_as_it_is(teacher: Teacher) -> None:
    image = picture()
    first = teacher.log_probabilities(image, (16, 20))
    assert np.array_equal(image, picture())
    assert np.array_equal(teacher.log_probabilities(image, (16, 20)), first)
    assert not np.array_equal(teacher.log_probabilities(image[::-1].copy(), (16, 20)), first)


def test_places_lie_where_the_image_shows_them(teacher: Teacher) -> None:
    """A finer grid, every other place of three: the same middles."""
    fine = np.exp(teacher.log_probabilities(picture(), (48, 60)))
    coarse = np.exp(teacher.log_probabilities(picture(), (16, 20)))
    np.testing.assert_allclose(fine[:, 1::3, 1::3], coarse, atol=1e-4)


def test_images_that_it_does_not_take_get_one_line(teacher: Teacher) -> None:
    for image in (picture()[..., :2], picture().astype(np.uint16)):
        with pytest.raises(UserError, match="the network takes images"):
            teacher.log_probabilities(image, (16, 20))


def test_an_ensemble_is_the_mean_of_its_members() -> None:
    members = [network(), network(seed=1)]
    means = np.mean([np.exp(m.log_probabilities(picture(), (16, 20))) for m in members], 0)
    found = np.exp(Ensemble(members).log_probabilities(picture(), (16, 20)))
    np.testing.assert_allclose(found, means, atol=1e-6)


def test_logits_and_probabilities_of_an_onnx_network_say_the_same(tmp_path: Path) -> None:
    said = [onnx(tmp_path, each).log_probabilities(picture(), (64, 80)) for each in (False, True)]
    np.testing.assert_allclose(*said, atol=1e-4)


def test_what_is_seen_in_several_views_has_their_mean_probability() -> None:
    image, size = picture(), (16, 20)
    plain = np.exp(network().log_probabilities(image, size))
    mirrored = np.exp(network().log_probabilities(image[:, ::-1].copy(), size))[:, :, ::-1]
    both = np.exp(network(views=Views(flip=True)).log_probabilities(image, size))
    np.testing.assert_allclose(both, (plain + mirrored) / 2, atol=1e-5)


def hub(folder: Path) -> FeatureTeacher:
    """A network out of a huggingface export: its weights, and beside them what they are of."""
    known = Weights.open(mapped(folder / "made") / "best.safetensors")
    subject = Subject(known.backbone, known.scale, known.classes, known.size, weights=known.path)
    (folder / "hub").mkdir()
    _save_weights(subject, folder / "hub" / "model.safetensors")
    (folder / "hub" / "config.json").write_text(json.dumps(config(subject)))
    return FeatureTeacher.named(str(folder / "hub"), None)


def pretrained(folder: Path) -> FeatureTeacher:
    """A backbone without a head."""
    whole = Weights.open(mapped(folder) / "best.safetensors")
    state = {n: x for n, x in load_file(whole.path).items() if n.startswith("backbone.")}
    replace(whole, path=folder / "weights.safetensors", classes=(), alone=True).save(state)
    return FeatureTeacher.named(str(folder / "weights.safetensors"), None)


FEATURE_TEACHERS: dict[str, Callable[[Path], FeatureTeacher]] = {
    "encoder": lambda folder: FeatureTeacher.named(ENCODER, None),
    "promotion": lambda folder: FeatureTeacher.named(str(mapped(folder)), None),
    "export": hub,
    "pretrained": pretrained,
}
SHOWN = Intensities((0.3, 0.4, 0.5), (0.2, 0.3, 0.1))


@pytest.fixture(params=FEATURE_TEACHERS)
def feature_teacher(request: pytest.FixtureRequest, tmp_path: Path) -> FeatureTeacher:
    torch.set_num_threads(1)
    return FEATURE_TEACHERS[request.param](tmp_path)


def batch() -> torch.Tensor:
    return normalise(torch.from_numpy(np.stack([picture(), picture()[::-1].copy()])), SHOWN)


def test_maps_are_of_the_levels_and_channels_that_it_names(feature_teacher: FeatureTeacher) -> None:
    features = feature_teacher.open(CPU)
    maps = features(batch(), SHOWN)
    for level, channels in feature_teacher.levels().items():
        assert maps[level].shape == (2, channels, -(-64 // 2**level), -(-80 // 2**level))
    assert not any(p.requires_grad for p in features.network.parameters())
    assert not features.network.training
    assert feature_teacher.channels() == 3


def test_maps_are_the_same_each_time_and_from_where_they_are_kept(
    feature_teacher: FeatureTeacher, tmp_path: Path
) -> None:
    features, x_BCHW = feature_teacher.open(CPU), batch()
    first = features(x_BCHW, SHOWN)
    assert torch.equal(x_BCHW, batch())
    kept = FrozenFeatures(tmp_path / "kept")
    with kept.kept():
        made, read = features(x_BCHW, SHOWN), features(x_BCHW, SHOWN)
    assert len(list(kept.folder.iterdir())) == 1
    for level in feature_teacher.levels():
        assert torch.equal(made[level], first[level])
        assert torch.equal(read[level], first[level])


def test_as_trainings_ask_it_says_the_same(feature_teacher: FeatureTeacher, tmp_path: Path) -> None:
    """From the folder that travels, on a machine that has nothing else of it."""
    images = Arrays([(picture(), np.zeros((64, 80), np.uint8))] * 2, [], ("a", "b"))
    images = replace(images, val=images.train)
    data = pack(images, Sight(cover=(64, 80)), tmp_path / "cache")
    folder = pack_teacher_maps(data, feature_teacher, "it", CPU)
    moved = folder.rename(tmp_path / "elsewhere")
    found, maps = TeacherMaps.open(moved, CPU), feature_teacher.open(CPU)(batch(), SHOWN)
    assert set(found.channels) == {3, 4}
    for level, channels in found.channels.items():
        assert maps[level].shape[1] == channels
        assert torch.equal(found.features(batch(), SHOWN)[level], maps[level])


def test_nothing_of_a_torchvision_file_is_taken_for_a_network_of_ours(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet.pth")
    teacher = FeatureTeacher.named(str(tmp_path / "resnet.pth"), None)
    with pytest.raises(UserError, match="does not say what network it is of"):
        teacher.levels()
