"""Full training within what is left of a plan's hours, by what the chosen networks cost."""

from __future__ import annotations

from collections.abc import Sequence

from nas.config import Config
from nas.parts import build, machines
from results.trial import Trial
from search_space.cost import cost

LEAST = 0.25
"""Of the planned epochs: less would be no full training."""
NOTED = 1.1
"""Times the planned epochs from which there are more."""


def fitted(config: Config, chosen: Sequence[Trial], rivals: int, seconds: float) -> tuple[str, ...]:
    """Settings with which a promotion of these trials and of so many rivals, as many side by side
    as there are workers, ends in time: fewer epochs where the plan's would take too long; more
    where fewer networks are left to train, one after the other, than were planned for; none where
    the plan's fit."""
    plan, promotion = config.plan, config.promotion
    if plan is None or promotion.images is None or not chosen:
        return ()
    built = build.fidelity(promotion, config.data)
    classes = len(build.dataset(config, promotion.size).classes)
    heaviest = max(cost(t.backbone, built.scale, classes, promotion.size).macs for t in chosen)
    pace = plan.promotion_crops_per_second * plan.promotion_macs / heaviest
    rounds = _rounds(config, len(chosen) + rivals)
    planned = _rounds(config, promotion.top + len(promotion.rivals))
    epochs = int((seconds - plan.ending_seconds) / rounds * pace / promotion.images)
    most = max(1, planned // rounds) * promotion.epochs
    epochs = min(most, max(epochs, round(LEAST * promotion.epochs), 1))
    if promotion.epochs <= epochs < NOTED * promotion.epochs:
        return ()
    return (f"promotion.epochs={epochs}",)


def _rounds(config: Config, trainings: int) -> int:
    """How many one after the other."""
    trainings = max(1, trainings)
    return -(-trainings // machines.promotion_resources(config, trainings).workers)
