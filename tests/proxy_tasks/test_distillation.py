"""The loss against a teacher is torch's Kullback-Leibler divergence, in value and in gradient; a
student of a good teacher learns more of few labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, kl_div

from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.datasets.soft_packing import pack_soft
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.distillation import Distillation, Lessons
from proxy_tasks.emphasis import Emphasis
from proxy_tasks.loss import weighted_cross_entropy
from proxy_tasks.networks import build_segmenter
from proxy_tasks.processes import Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.soft_crops import SoftCrops
from proxy_tasks.soft_labels import SoftLabels
from proxy_tasks.training import Training
from proxy_tasks.validation import Evaluation, Validation
from search_space import catalog
from search_space.scales import Scale
from tests.support.groups import in_threads
from tests.support.taught import Oracle

CLASSES, IMAGES, SMALL, LARGE = 5, 4, (6, 8), (24, 32)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def said(shown_BHW: Tensor | None = None) -> tuple[SoftCrops, Tensor]:
    """A teacher's words of whole images, and log p of each pixel (B, K, H, W)."""
    values = torch.randn(IMAGES, SMALL[0], CLASSES, SMALL[1]).mul(3).half()
    length = SMALL[0] * CLASSES * SMALL[1]
    index = torch.tensor([[n * length, *SMALL] for n in range(IMAGES)]).numpy()
    labels = SoftLabels(values.flatten(), index, CLASSES)
    lines = tuple(torch.arange(side).double().repeat(IMAGES, 1) for side in LARGE)
    size = torch.tensor([LARGE] * IMAGES).numpy()
    off = torch.zeros(IMAGES, dtype=torch.bool)
    crops = SoftCrops.of(labels, range(IMAGES), size, lines, off)  # type: ignore[arg-type]
    if shown_BHW is not None:
        crops = replace(crops, shown_BHW=shown_BHW)
    whole = interpolate(values.double().transpose(1, 2), LARGE, mode="bilinear")
    return crops, whole


def expected(low: Tensor, whole: Tensor, shown: Tensor, weight: float, heat: float) -> Tensor:
    up = interpolate(low, LARGE, mode="bilinear")
    log_p, log_q = ((each / heat).log_softmax(1) for each in (whole, up))
    each = kl_div(log_q, log_p, log_target=True, reduction="none").sum(1)
    return weight * heat**2 * each[shown].mean()


@pytest.mark.parametrize("elements", [1, 500, None])
@pytest.mark.parametrize(("weight", "heat"), [(1.0, 1.0), (0.3, 4.0)])
def test_value_and_gradient_of_all_that_is_shown_void_or_not(
    weight: float, heat: float, elements: int | None
) -> None:
    shown = torch.rand(IMAGES, *LARGE) < 0.7
    teacher, whole = said(shown)
    low = torch.randn(IMAGES, CLASSES, *SMALL, dtype=torch.float64).mul(2).requires_grad_()
    labels = torch.randint(CLASSES, (IMAGES, *LARGE))
    labels[:2] = IGNORE
    plain, _ = weighted_cross_entropy(low, labels, elements)
    taught = Distillation(teacher, weight, heat)
    ours, count = weighted_cross_entropy(low, labels, elements, distillation=taught)
    assert int(count) == int(shown.sum())
    torchs = plain + expected(low, whole, shown, weight, heat)
    torch.testing.assert_close(ours, torchs, rtol=1e-6, atol=1e-6)
    for one, other in zip(
        torch.autograd.grad(ours, low), torch.autograd.grad(torchs, low), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-9)


def test_it_goes_with_every_other_part_of_the_loss() -> None:
    teacher, whole = said()
    low = torch.randn(IMAGES, CLASSES, *SMALL, dtype=torch.float64).requires_grad_()
    labels = torch.randint(CLASSES, (IMAGES, *LARGE))
    parts = {"emphasis": Emphasis(threshold=0.5, least=0.1), "dice": 0.7}
    plain, _ = weighted_cross_entropy(low, labels, **parts)  # type: ignore[arg-type]
    taught = Distillation(teacher, 0.5, 2.0)
    ours, _ = weighted_cross_entropy(low, labels, distillation=taught, **parts)  # type: ignore[arg-type]
    torchs = plain + expected(low, whole, teacher.shown_BHW, 0.5, 2.0)
    (one,), (other,) = (torch.autograd.grad(each, low) for each in (ours, torchs))
    torch.testing.assert_close(ours, torchs, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-9)


def test_a_student_that_says_what_the_teacher_says_has_nothing_to_learn() -> None:
    teacher, _ = said()
    low = torch.stack([part.low_hKw for part in teacher.parts]).transpose(1, 2).requires_grad_()
    labels = torch.full((IMAGES, *LARGE), IGNORE)
    loss, _ = weighted_cross_entropy(low, labels, distillation=Distillation(teacher, 1.0, 3.0))
    loss.backward()
    assert low.grad is not None
    assert abs(loss.item()) < 1e-6
    assert low.grad.abs().max() < 1e-8


def test_the_shares_of_a_group_add_up_to_the_whole() -> None:
    shown = torch.rand(IMAGES, *LARGE) < 0.7
    shown[:2, 3:] = False
    teacher, _ = said(shown)
    low = torch.randn(IMAGES, CLASSES, *SMALL, dtype=torch.float64)
    labels = torch.randint(CLASSES, (IMAGES, *LARGE))
    alone, count = weighted_cross_entropy(low, labels, distillation=Distillation(teacher, 1, 2))

    def share(group: Group) -> tuple[Tensor, Tensor]:
        own = slice(2 * group.rank, 2 * group.rank + 2)
        part = SoftCrops(teacher.parts[own], shown[own])
        taught = Distillation(part, 1, 2)
        return weighted_cross_entropy(low[own], labels[own], group=group, distillation=taught)

    shares = in_threads(share)
    assert [int(total) for _, total in shares] == [int(count)] * 2
    torch.testing.assert_close(sum(loss for loss, _ in shares), alone)


SIZE = (32, 48)


def test_a_student_of_a_good_teacher_learns_more_of_few_labels(tmp_path: Path) -> None:
    dataset = open_dataset("scenes", train=24, val=8, size=SIZE)
    data = pack(dataset, Sight(cover=SIZE), tmp_path)
    lessons = Lessons(pack_soft(dataset, data, Oracle(dataset), "oracle"))
    packed, cpu = open_packed(data), torch.device("cpu")
    train, val = DeviceSplit(packed.train, cpu), DeviceSplit(packed.val, cpu)
    for number in range(2, len(train)):
        train.labels(number)[:] = IGNORE
    scale = Scale(filters=0.125, endpoint_filters=16, aspp_filters=16)

    def learnt(lessons: Lessons | None) -> Evaluation:
        torch.manual_seed(0)
        network = build_segmenter(catalog.load("deeplabv3-resnet-50-os16"), scale, 11, SIZE)
        recipe = Recipe(batch_size=8, averaging=0.5, learning_rate=5e-3)
        training = Training(network, train, recipe, 10, 0, SIZE, lessons=lessons)
        for _ in range(10):
            training.run_epoch()
        found = Validation(11, cpu)
        found.add(training.average.module, val, 4)
        return found.result()

    without, taught = learnt(None), learnt(lessons)
    assert taught.loss < without.loss - 0.15
    assert taught.miou > without.miou
