"""Every teacher: logarithms of probabilities where they are asked for, the same each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.prediction.onnx_networks import open_onnx
from proxy_tasks.intensities import NATURAL
from proxy_tasks.labelling import Labeller
from proxy_tasks.networks import build_segmenter
from proxy_tasks.running import running
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.teachers import Ensemble, NetworkTeacher, Teacher
from proxy_tasks.views import Views
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.implementations import implementations
from tests.support.onnx_files import linear

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
