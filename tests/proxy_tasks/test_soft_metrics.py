"""Metrics of probabilities, against what they say in a few lines of plain torch."""

from __future__ import annotations

import math

import pytest
import torch

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.soft_metrics import SoftCounts

CPU = torch.device("cpu")


def test_a_hand_example_of_two_classes() -> None:
    probability = torch.tensor([[[0.9, 0.5, 0.2, 0.5], [0.1, 0.5, 0.8, 0.5]]])  # (1, 2, 4)
    soft = SoftCounts(2, CPU)
    soft.add(probability.log(), torch.tensor([[0, 0, 1, IGNORE]]))
    surprise = [-math.log(0.9) - math.log(0.5), -math.log(0.8)]
    assert soft.loss() == pytest.approx(sum(surprise) / 3)
    assert soft.balanced_loss() == pytest.approx((surprise[0] / 2 + surprise[1]) / 2)
    first, second = 1.4 / (1.6 + 2 - 1.4), 0.8 / (1.4 + 1 - 0.8)
    assert soft.mean_iou() == pytest.approx((first + second) / 2)


def test_a_class_that_does_not_occur_counts_nowhere() -> None:
    logits = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    target = torch.randint(0, 2, (2, 5), generator=torch.Generator().manual_seed(1))
    absent, without = SoftCounts(4, CPU), SoftCounts(4, CPU)
    absent.add(logits, target)
    assert math.isfinite(absent.balanced_loss())
    without.add(logits.index_fill(1, torch.tensor([2, 3]), -100.0), target)
    # Mass that goes to classes that do not occur is missing from those that do.
    assert absent.mean_iou() < without.mean_iou() < 1


def test_certain_and_right_is_one_and_no_loss_and_batches_add_up() -> None:
    target = torch.tensor([[0, 1, 2], [2, 1, IGNORE]])
    logits = 50.0 * torch.nn.functional.one_hot(target.clamp(max=2), 3).transpose(1, 2).float()
    soft = SoftCounts(3, CPU)
    for row in range(2):
        soft.add(logits[row : row + 1], target[row : row + 1])
    assert soft.mean_iou() == pytest.approx(1.0)
    assert soft.loss() == pytest.approx(0.0, abs=1e-6)
