"""The training loop of a pretraining: any goal, on crops."""

from __future__ import annotations

import torch
from torch import Tensor

from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import Intensities
from proxy_tasks.pretraining.goal import Goal, Pretrained
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.training_loop import TrainingLoop
from search_space.errors import UserError

_OF_PIXELS = ("balance", "ohem", "dice", "rare")
"""What a recipe may have for labels of pixels."""


def check_recipe(recipe: Recipe) -> None:
    """UserError for a recipe with parts that only labels of pixels have a use for."""
    for name in _OF_PIXELS:
        if getattr(recipe, name):
            raise UserError(
                f"recipe.{name}: is of labels of pixels, and there are none: leave it out"
            )


class Pretraining(TrainingLoop[Pretrained]):
    """A TrainingLoop towards a goal, whose network it trains."""

    def __init__(
        self,
        goal: Goal,
        train: DeviceSplit,
        recipe: Recipe,
        epochs: int,
        seed: int,
        size: tuple[int, int],
        *,
        images: int | None = None,
        intensities: Intensities,
        group: Group = ALONE,
    ) -> None:
        super().__init__(
            goal.network,
            train,
            recipe,
            epochs,
            seed,
            size,
            images=images,
            intensities=intensities,
            group=group,
        )
        self.goal = goal

    def _loss(self, index: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Micro-batches have as many images each, and processes equal parts of them."""
        index, draws = self.group.share(index), self.group.share(draws)
        x_BCHW, _ = self.crops(index, draws)
        count = torch.tensor(float(self.recipe.micro_batch), device=self.device)
        return self.goal.loss(x_BCHW, index) / self.group.size, count
