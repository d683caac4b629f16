"""Puts a plan together: how images are seen, what is learnt from, what the hours hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nas.config import Config
from nas.planning.decision import Decision, Plan
from nas.planning.hours import PASSES, Hours, Timer, hours
from nas.planning.learning import learning
from nas.planning.machine import Machine
from nas.planning.seeing import Seeing, seeing
from proxy_tasks.datasets.traits import Fingerprint
from proxy_tasks.recipe import Recipe

SCARCE = 25
"""Passes below which a person should know."""


@dataclass(frozen=True)
class Planned:
    """A plan, and what of it the config keeps under ``plan``."""

    plan: Plan
    kept: dict[str, object]


def planned(
    found: Fingerprint,
    base: Config,
    there: Machine,
    cores: int,
    given: float,
    validation: Decision,
    folds: int,
    timed: Timer,
) -> Planned:
    """``base`` says device and workers; ``given`` are the hours; ``validation`` is decided."""
    seen = seeing(found, there.device)
    learnt = learning(found)
    recipe = _recipe([*seen.decisions, learnt])
    head = next(each.values["proxy.scale.head"] for each in seen.decisions if each.what == "head")
    held = hours(given, found, seen, there, recipe, head, folds, cores, timed)
    warnings = list(_warnings(found, seen, held))
    decisions = (*seen.decisions, learnt, validation, *held.decisions)
    kept = {
        "hours": given,
        "machine": there.name,
        "device": there.device,
        "workers": there.workers,
        **held.measured,
    }
    return Planned(Plan(decisions, tuple(warnings)), kept)


def _recipe(decisions: list[Decision]) -> Recipe:
    """Of what is decided so far: a step with soft Dice takes longer."""
    start = "promotion.recipe."
    values: dict[str, Any] = {
        key.removeprefix(start): tuple(value) if isinstance(value, list) else value
        for decision in decisions
        for key, value in decision.values.items()
        if key.startswith(start)
    }
    return Recipe(**values)


def _warnings(found: Fingerprint, seen: Seeing, held: Hours) -> list[str]:
    warnings = []
    if held.passes < SCARCE:
        warnings.append(
            f"full training sees every pixel {held.passes:.1f} times, where {PASSES} are wanted"
            " even of the narrowest network: give more --hours, or a coarser resolution"
        )
    if held.trials < 6:
        warnings.append(
            f"the hours hold {held.trials} candidates: too few to choose well; give more --hours"
        )
    twins = len(found.twins)
    if twins:
        first = found.twins[0]
        warnings.append(
            f"{twins} images of {first.part} stand in {first.other_part} too, {first.name} first:"
            " scores on them say nothing; `nas data check` lists them"
        )
    return warnings
