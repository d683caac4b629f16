"""The loss by bands is torch's cross-entropy of up-sampled logits, in value and in gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.emphasis import Emphasis
from proxy_tasks.loss import upsampled_cross_entropy, weighted_cross_entropy
from proxy_tasks.processes import Group
from tests.oracles.allocated import peak_allocated
from tests.support.groups import in_threads


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def labels_of(shape: tuple[int, ...], classes: int, void: float = 0.2) -> Tensor:
    labels = torch.randint(classes, shape)
    return labels.masked_fill_(torch.rand(shape) < void, IGNORE)


def expected(low: Tensor, labels: Tensor) -> Tensor:
    logits = interpolate(low, size=labels.shape[1:], mode="bilinear", align_corners=False)
    return cross_entropy(logits, labels, ignore_index=IGNORE)


def gradient(loss: Tensor, low: Tensor) -> Tensor:
    return torch.autograd.grad(3 * loss, low)[0]


@pytest.mark.parametrize("elements", [1, 500, 3000, None])
@pytest.mark.parametrize(
    ("small", "large"), [((6, 8), (24, 32)), ((5, 7), (19, 27)), ((1, 1), (4, 4)), ((9, 9), (9, 9))]
)
def test_value_and_gradient_are_those_of_the_whole(
    small: tuple[int, int], large: tuple[int, int], elements: int | None
) -> None:
    low = (5 * torch.randn(4, 11, *small, dtype=torch.float64)).requires_grad_()
    labels = labels_of((4, *large), 11)
    labels[1] = IGNORE
    ours, torchs = upsampled_cross_entropy(low, labels, elements), expected(low, labels)
    torch.testing.assert_close(ours, torchs)
    torch.testing.assert_close(gradient(ours, low), gradient(torchs, low))


def test_large_channels_last_logits_in_fp32_agree_to_rounding() -> None:
    low = 20 * torch.randn(3, 19, 24, 32).contiguous(memory_format=torch.channels_last)
    low.requires_grad_()
    labels = labels_of((3, 96, 128), 19)
    ours, torchs = upsampled_cross_entropy(low, labels), expected(low, labels)
    # Of logits of 64 and more, fp32 keeps 4e-6: so far may probabilities be apart, and gradients
    # of up to 2e-3 by that share.
    torch.testing.assert_close(ours, torchs, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient(ours, low), gradient(torchs, low), rtol=1e-4, atol=5e-8)


def test_bf16_logits_count_as_the_fp32_they_stand_for() -> None:
    low = torch.randn(2, 5, 6, 8).bfloat16().requires_grad_()
    exact = low.detach().float().requires_grad_()
    labels = labels_of((2, 24, 32), 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = upsampled_cross_entropy(low, labels)
    torchs = expected(exact, labels)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, torchs)
    found = gradient(ours, low)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, gradient(torchs, exact).bfloat16())


def test_a_batch_without_a_label_has_loss_and_gradient_zero() -> None:
    low = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = upsampled_cross_entropy(low, torch.full((2, 16, 16), IGNORE))
    assert loss.item() == 0
    assert gradient(loss, low).abs().max() == 0


def test_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises((RuntimeError, IndexError)):
        upsampled_cross_entropy(torch.randn(1, 3, 4, 4), torch.full((1, 8, 8), 3))


def test_no_map_of_the_whole_batch_at_full_resolution_is_made() -> None:
    low = torch.randn(16, 11, 12, 16, requires_grad=True)
    labels = labels_of((16, 48, 64), 11)
    full = 4 * 16 * 11 * 48 * 64
    elements = 2**14
    ours = peak_allocated(lambda: upsampled_cross_entropy(low, labels, elements).backward())
    torchs = peak_allocated(lambda: expected(low, labels).backward())
    # Some copies of a band and of the low logits, the pixels' weights and masks.
    assert ours < 4 * 4 * elements + 4 * 4 * low.numel() + 6 * labels.numel()
    assert torchs > 2 * full > 4 * ours


def test_logits_whose_exponentials_overflow_are_no_matter() -> None:
    low = torch.tensor([500.0, -500.0, 0.0])[None, :, None, None].requires_grad_()
    loss = upsampled_cross_entropy(low, torch.full((1, 2, 2), 2))
    loss.backward()
    assert loss.item() == 500.0
    assert low.grad is not None
    assert low.grad.flatten().tolist() == [1.0, 0.0, -1.0]


def with_dice(low: Tensor, labels: Tensor, weight: float, classes: Tensor | None = None) -> Tensor:
    """Plain torch: cross-entropy plus soft Dice over the classes that the labels show."""
    logits = interpolate(low, size=labels.shape[1:], mode="bilinear", align_corners=False)
    labelled = (labels != IGNORE).flatten()
    p = logits.softmax(1).movedim(1, -1).flatten(0, 2)[labelled]
    y = labels.flatten()[labelled]
    t = torch.nn.functional.one_hot(y, low.shape[1]).to(p)
    score = (2 * (p * t).sum(0) / (p.sum(0) + t.sum(0)))[t.sum(0) > 0]
    return cross_entropy(logits, labels, classes, ignore_index=IGNORE) + weight * (1 - score.mean())


def dice_case(classes: int = 7) -> tuple[Tensor, Tensor]:
    """Void, one image of nothing else, and two classes that no pixel has."""
    low = (3 * torch.randn(4, classes, 5, 7, dtype=torch.float64)).requires_grad_()
    labels = labels_of((4, 19, 27), classes - 2)
    labels[1] = IGNORE
    return low, labels


@pytest.mark.parametrize("elements", [1, 500, None])
@pytest.mark.parametrize("weight", [0.3, 1.0])
@pytest.mark.parametrize("balanced", [False, True])
def test_soft_dice_is_autograds(elements: int | None, weight: float, balanced: bool) -> None:
    low, labels = dice_case()
    classes = torch.rand(7, dtype=torch.float64) + 0.1 if balanced else None
    emphasis = Emphasis(classes) if balanced else None
    ours, _ = weighted_cross_entropy(low, labels, elements, emphasis, dice=weight)
    torchs = with_dice(low, labels, weight, classes)
    torch.testing.assert_close(ours, torchs)
    torch.testing.assert_close(gradient(ours, low), gradient(torchs, low))


def test_soft_dice_of_several_processes_is_that_of_the_whole() -> None:
    """The losses' sum, and of each the gradient of its own images."""
    low, labels = dice_case()
    torchs = with_dice(low, labels, 0.7)
    expected = gradient(torchs, low)

    def work(group: Group) -> tuple[Tensor, Tensor]:
        own = low.detach()[2 * group.rank :][:2].clone().requires_grad_()
        part = labels[2 * group.rank :][:2]
        loss, _ = weighted_cross_entropy(own, part, 400, group=group, dice=0.7)
        return loss.detach(), gradient(loss, own)

    first, second = in_threads(work)
    torch.testing.assert_close(first[0] + second[0], torchs.detach())
    torch.testing.assert_close(torch.cat([first[1], second[1]]), expected)


def test_soft_dice_of_no_label_is_nothing() -> None:
    low = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss, _ = weighted_cross_entropy(low, torch.full((2, 16, 16), IGNORE), dice=1.0)
    assert loss.item() == 0
    assert gradient(loss, low).abs().max() == 0


def test_soft_dice_of_a_perfect_answer_is_nothing_and_of_a_wrong_one_its_weight() -> None:
    labels = labels_of((1, 8, 8), 2)
    right = torch.nn.functional.one_hot(labels * (labels != IGNORE), 3).movedim(3, 1) * 200.0
    for low, expected in ((right, 0.0), (right.roll(1, 1), 200 + 0.5)):
        loss, _ = weighted_cross_entropy(low, labels, dice=0.5)
        assert loss.item() == pytest.approx(expected)
