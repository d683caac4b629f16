"""Full training within what is left of a plan's hours, by what the chosen networks cost."""

from __future__ import annotations

from collections.abc import Sequence

from nas.config import Config
from nas.parts import build, machines
from results.trial import Trial
from search_space.cost import cost

LEAST = 0.25
"""Of the planned epochs: less would be no full training."""


def fitted(config: Config, chosen: Sequence[Trial], rivals: int, seconds: float) -> tuple[str, ...]:
    """Settings with which a promotion of these trials and of so many rivals, as many side by side
    as there are workers, ends in time: fewer epochs where the plan's would take too long, and none
    where they fit."""
    plan, promotion = config.plan, config.promotion
    if plan is None or promotion.images is None or not chosen:
        return ()
    built = build.fidelity(promotion, config.data)
    classes = len(build.dataset(config, promotion.size).classes)
    heaviest = max(cost(t.backbone, built.scale, classes, promotion.size).macs for t in chosen)
    pace = plan.promotion_crops_per_second * plan.promotion_macs / heaviest
    trainings = len(chosen) + rivals
    rounds = -(-trainings // machines.promotion_resources(config, trainings).workers)
    epochs = int((seconds - plan.ending_seconds) / rounds * pace / promotion.images)
    if epochs >= promotion.epochs:
        return ()
    epochs = max(epochs, round(LEAST * promotion.epochs), 1)
    return (f"promotion.epochs={epochs}",)
