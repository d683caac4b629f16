"""What moves the weights, and how fast: the recipe's optimizer and schedule."""

from __future__ import annotations

import math
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from proxy_tasks.recipe import Recipe


def make_optimizer(recipe: Recipe, weights: nn.Parameter, vectors: nn.Parameter) -> Optimizer:
    """Weight decay on convolutions only: not on biases and normalisation."""
    groups: list[dict[str, Any]] = [
        {"params": [weights], "weight_decay": recipe.weight_decay},
        {"params": [vectors], "weight_decay": 0.0},
    ]
    fused = weights.device.type in ("cpu", "cuda")
    if recipe.optimizer == "sgd":
        return SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, fused=fused)
    return AdamW(groups, lr=recipe.learning_rate, fused=fused)


def make_schedule(recipe: Recipe, optimizer: Optimizer, steps: int) -> LRScheduler:
    """``steps`` is how often it will be stepped.

    ``one-cycle`` rises from a 25th of the peak and falls to nearly nothing, the momentum against it
    (Smith and Topin 2017); ``cosine`` (Loshchilov and Hutter 2017) and ``poly``, (1 - t) ** power
    over the time t left after the warm-up (Chen et al. 2018, DeepLab), rise linearly and fall to 0.
    """
    if recipe.schedule == "one-cycle":
        peak, rise = recipe.learning_rate, recipe.warm_up
        return OneCycleLR(optimizer, max_lr=peak, total_steps=steps, pct_start=rise)
    warm = round(recipe.warm_up * steps)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        done = min(1.0, (step - warm) / max(1, steps - warm))
        return (1 + math.cos(math.pi * done)) / 2 if cosine else (1 - done) ** recipe.power

    cosine = recipe.schedule == "cosine"
    return LambdaLR(optimizer, factor)
