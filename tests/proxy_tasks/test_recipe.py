"""The parts of a recipe that are not on by default, against torch and the formulas."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.emphasis import Emphasis, inverse_log_frequency
from proxy_tasks.loss import upsampled_cross_entropy
from proxy_tasks.optimizers import make_optimizer, make_schedule
from proxy_tasks.recipe import Recipe
from search_space.errors import UserError


def rates(recipe: Recipe, steps: int) -> list[float]:
    """Of each step, and of the one that never comes."""
    weights, vectors = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))
    optimizer = make_optimizer(recipe, weights, vectors)
    schedule = make_schedule(recipe, optimizer, steps)
    found = [schedule.get_last_lr()[0]]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        found.append(schedule.get_last_lr()[0])
    return found


def test_poly_falls_as_deeplabs_does() -> None:
    found = rates(Recipe(schedule="poly", warm_up=0, learning_rate=0.5, power=0.9), 10)
    assert found == pytest.approx([0.5 * (1 - step / 10) ** 0.9 for step in range(11)])


def test_cosine_falls_by_half_a_wave_after_a_linear_warm_up() -> None:
    found = rates(Recipe(schedule="cosine", warm_up=0.2, learning_rate=1.0), 20)
    assert found[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    falling = [(1 + math.cos(math.pi * step / 16)) / 2 for step in range(17)]
    assert found[4:] == pytest.approx(falling)


def test_sgd_has_momentum_and_decays_weights_alone() -> None:
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, momentum=0.5, weight_decay=0.2)
    weights, vectors = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))
    optimizer = make_optimizer(recipe, weights, vectors)
    for _ in range(2):
        weights.grad, vectors.grad = torch.ones(2, 2), torch.ones(2)
        optimizer.step()
    assert vectors.tolist() == pytest.approx([1 - 0.1 - 0.1 * 1.5] * 2)
    first = 1 - 0.1 * 1.2
    second = first - 0.1 * (0.5 * 1.2 + 1 + 0.2 * first)
    assert weights[0].tolist() == pytest.approx([second] * 2)


def case(classes: int = 5) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    low = (3 * torch.randn(3, classes, 5, 7, dtype=torch.float64)).requires_grad_()
    labels = torch.randint(classes, (3, 19, 26))
    labels[torch.rand(labels.shape) < 0.2] = IGNORE
    labels[1] = IGNORE
    return low, labels


def of_the_whole(low: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    logits = interpolate(low, size=labels.shape[1:], mode="bilinear")
    return cross_entropy(logits, labels, weights, ignore_index=IGNORE)


def assert_same(ours: Tensor, expected: Tensor, low: Tensor) -> None:
    torch.testing.assert_close(ours, expected)
    (mine,) = torch.autograd.grad(ours, low)
    (torchs,) = torch.autograd.grad(expected, low)
    torch.testing.assert_close(mine, torchs)


def test_class_weights_are_torchs() -> None:
    low, labels = case()
    weights = torch.tensor([1.0, 5.0, 0.5, 2.0, 9.0], dtype=torch.float64)
    ours = upsampled_cross_entropy(low, labels, 400, Emphasis(weights))
    assert_same(ours, of_the_whole(low, labels, weights), low)


@pytest.mark.parametrize(("threshold", "least"), [(0.1, 0.01), (0.1, 0.75), (1.0, 0.1)])
def test_only_hard_pixels_count_but_enough_of_them(threshold: float, least: float) -> None:
    low, labels = case()
    with torch.no_grad():
        logits = interpolate(low, size=labels.shape[1:], mode="bilinear")
        right = logits.softmax(1).gather(1, (labels * (labels != IGNORE))[:, None])[:, 0]
    labelled = labels != IGNORE
    order = right[labelled].sort().values
    bound = max(threshold, float(order[round(least * len(order)) - 1]))
    kept = labelled & (right <= bound)
    assert 0 < kept.sum() < labelled.sum() or threshold == 1
    expected = of_the_whole(low, labels.masked_fill(~kept, IGNORE))
    ours = upsampled_cross_entropy(low, labels, 400, Emphasis(None, threshold, least))
    assert_same(ours, expected, low)


def test_a_batch_without_a_labelled_pixel_says_nothing() -> None:
    low, labels = case()
    emphasis = Emphasis(torch.ones(5), 0.7, 0.1)
    loss = upsampled_cross_entropy(low, torch.full_like(labels, IGNORE), None, emphasis)
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, low)[0].any()


def test_rare_classes_weigh_more_by_the_inverse_logarithm() -> None:
    found = inverse_log_frequency(torch.tensor([6, 1, 0])).tolist()
    shares = (6 / 7, 1 / 7, 0)
    assert found == pytest.approx([1 / math.log(1.02 + share) for share in shares])


def test_the_default_recipe_has_all_pixels_alike() -> None:
    pixels_K = torch.tensor([4, 0, 0])
    assert Emphasis.of(Recipe(), pixels_K) is None
    both = Emphasis.of(Recipe(balance=True, ohem=0.7), pixels_K)
    assert both is not None
    assert both.class_weights_K is not None
    assert (both.threshold, both.least) == (0.7, 0.0625)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "adam"}, "optimizer must be one of adamw, sgd, not 'adam'"),
        ({"schedule": "step"}, "schedule must be one of one-cycle, cosine, poly, not 'step'"),
        ({"batch_size": 1}, "batch_size must be at least 2, not 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, not 0"),
        ({"learning_rate": math.inf}, "learning_rate must be above 0, not inf"),
        ({"weight_decay": -1e-3}, "weight_decay must be at least 0, not -0.001"),
        ({"warm_up": 1}, "warm_up must be at least 0 and below 1, not 1"),
        ({"clip": 0}, "clip must be above 0, not 0"),
        ({"averaging": 1.0}, "averaging must be at least 0 and below 1, not 1"),
        ({"jitter": (1.5, 0.75)}, "jitter must rise, as in [0.75, 1.5], not [1.5, 0.75]"),
        ({"jitter": (0.0, 1.5)}, "jitter must be above 0, not 0"),
        ({"jitter": (0.5, math.nan)}, "jitter must be above 0, not nan"),
        ({"colour": 1.0}, "colour must be at least 0 and below 1, not 1"),
        ({"flip": 3}, "flip must be at least 0 and at most 1, not 3"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1, not 1"),
        ({"power": 0.0}, "power must be above 0, not 0"),
        ({"ohem": 0.0}, "ohem must be above 0 and at most 1, not 0"),
        ({"ohem_keep": 1.5}, "ohem_keep must be above 0 and at most 1, not 1.5"),
        ({"accumulate": 0}, "accumulate must be at least 1, not 0"),
        ({"accumulate": 3}, "accumulate must divide batch_size 16, not be 3"),
        ({"drop_path": 1}, "drop_path must be at least 0 and below 1, not 1"),
        ({"rare": 1.5}, "rare must be at least 0 and at most 1, not 1.5"),
        ({"turn": -1}, "turn must be at least 0 and at most 1, not -1"),
        ({"upside_down": 2}, "upside_down must be at least 0 and at most 1, not 2"),
        ({"dice": -0.1}, "dice must be at least 0, not -0.1"),
        ({"dice": math.nan}, "dice must be at least 0, not nan"),
    ],
)
def test_what_is_no_recipe_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        Recipe(**changes)
    assert str(refused.value) == message


def test_every_number_of_a_recipe_has_a_bound() -> None:
    """Whoever adds one says what it may be; no bound takes a number that is none."""
    numbers = [
        field.name
        for field in fields(Recipe)
        if isinstance(field.default, int | float) and not isinstance(field.default, bool)
    ]
    for name in [*numbers, "ohem"]:
        with pytest.raises(UserError, match=f"^{name} must be "):
            Recipe(**{name: math.nan})  # type: ignore[arg-type]
