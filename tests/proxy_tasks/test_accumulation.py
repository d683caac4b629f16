"""Micro-batches teach what the batch teaches, but for the batch norms, which see less at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.distillation import Lessons
from proxy_tasks.networks import build_segmenter
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.training import Training
from search_space import catalog
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.taught import soft_labels

SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
SIZE = (32, 48)


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> DeviceSplit:
    """The first micro-batch is nearly all void: pixels count, not images."""
    dataset = open_dataset("scenes", train=4, val=1, size=SIZE)
    folder = pack(dataset, Sight(cover=SIZE), tmp_path_factory.mktemp("cache"))
    split = DeviceSplit(open_packed(folder).train, torch.device("cpu"))
    for number in range(2):
        split.labels(number)[4:] = IGNORE
    return split


def gradients(
    train: DeviceSplit, lessons: Lessons | None = None, **changes: object
) -> tuple[float, Tensor]:
    """Loss and gradients of one step over all images; batch norms use their running statistics,
    and dropout is off."""
    torch.manual_seed(0)
    network = build_segmenter(catalog.load("deeplabv3-resnet-50-os16"), SCALE, 11, SIZE)
    recipe = replace(Recipe(batch_size=4, jitter=(1, 1), flip=0, colour=0), **changes)
    training = Training(network, train, recipe, epochs=1, seed=0, size=SIZE, lessons=lessons)
    for module in training.network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.Dropout):
            module.eval()
    index = torch.arange(4)
    loss = training._gradients(index, training.augment.draw(4, torch.Generator()))
    return loss.item(), torch.cat([flat.grad for flat in training._trained])


@pytest.mark.parametrize("changes", [{}, {"balance": True}, {"ohem": 1.0}])
def test_gradients_are_those_of_the_mean_over_all_pixels(
    changes: dict[str, object], train: DeviceSplit
) -> None:
    loss, whole = gradients(train, **changes)
    same, parts = gradients(train, accumulate=2, **changes)
    assert same == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-5)


def test_with_a_teacher_micro_batches_count_by_all_that_they_show(tmp_path: Path) -> None:
    """As much as in one batch is learnt where all pixels have labels, and where none has."""
    dataset = open_dataset("scenes", train=4, val=1, size=SIZE)
    folder = pack(dataset, Sight(cover=SIZE), tmp_path)
    split = DeviceSplit(open_packed(folder).train, torch.device("cpu"))
    lessons = Lessons(soft_labels(dataset, folder), weight=2.0, temperature=3.0)
    for label in (1, IGNORE):
        for number in range(4):
            split.labels(number)[:] = label
        loss, whole = gradients(split, lessons)
        same, parts = gradients(split, lessons, accumulate=2)
        assert loss > 0.1
        assert same == pytest.approx(loss, rel=1e-4)
        torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("batch", "accumulate", "message"),
    [
        (6, 4, "accumulate must divide batch_size 6, not be 4"),
        (6, 0, "accumulate must be at least 1, not 0"),
        (4, 4, "leaves micro-batches of 1 image of a batch_size of 4"),
    ],
)
def test_a_batch_that_does_not_divide_is_refused(batch: int, accumulate: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Recipe(batch_size=batch, accumulate=accumulate)
