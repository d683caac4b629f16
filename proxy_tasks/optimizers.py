"""What moves the weights, and how fast: the recipe's optimizer and schedule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from proxy_tasks.recipe import Recipe


def make_optimizer(
    recipe: Recipe, *trained: nn.Parameter, beside: Sequence[nn.Parameter] = ()
) -> Optimizer:
    """Of weights and vectors, and slow ones where there are any (see FlatTensors.trainable), and of
    the weights and vectors of what learns ``beside``. Weight decay on convolutions only: not on
    biases and normalisation."""
    groups = [*_groups(recipe, trained), *_groups(recipe, beside)]
    for group in groups[2 : len(trained)]:
        group["lr"] = recipe.encoder_rate * recipe.learning_rate
    fused = trained[0].device.type in ("cpu", "cuda")
    if recipe.optimizer == "sgd":
        return SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, fused=fused)
    return AdamW(groups, lr=recipe.learning_rate, fused=fused)


def _groups(recipe: Recipe, trained: Sequence[nn.Parameter]) -> list[dict[str, Any]]:
    decays = itertools.cycle([recipe.weight_decay, 0.0])
    return [
        {"params": [each], "weight_decay": decay}
        for each, decay in zip(trained, decays, strict=False)
    ]


def make_schedule(recipe: Recipe, optimizer: Optimizer, steps: int) -> LRScheduler:
    """``steps`` is how often it will be stepped.

    ``one-cycle`` rises from a 25th of the peak and falls to nearly nothing, the momentum against it
    (Smith and Topin 2017); ``cosine`` (Loshchilov and Hutter 2017) and ``poly``, (1 - t) ** power
    over the time t left after the warm-up (Chen et al. 2018, DeepLab), rise linearly and fall to 0.
    """
    if recipe.schedule == "one-cycle":
        peaks, rise = [group["lr"] for group in optimizer.param_groups], recipe.warm_up
        return OneCycleLR(optimizer, max_lr=peaks, total_steps=steps, pct_start=rise)
    warm = round(recipe.warm_up * steps)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        done = min(1.0, (step - warm) / max(1, steps - warm))
        return (1 + math.cos(math.pi * done)) / 2 if cosine else (1 - done) ** recipe.power

    cosine = recipe.schedule == "cosine"
    return LambdaLR(optimizer, factor)
