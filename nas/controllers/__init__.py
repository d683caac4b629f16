"""Controllers by name. Their modules are imported when one is made: some need torch or Optuna."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nas.controllers.base import Controller, SpaceExhausted
from search_space.errors import UserError
from search_space.genes import SearchSpace

CONTROLLERS = {
    "predictor": ("predictor", "Predictor"),
    "evolution": ("evolution", "RegularizedEvolution"),
    "pareto": ("pareto", "Pareto"),
    "ppo": ("ppo", "PPO"),
    "tpe": ("optuna_sampler", "OptunaSampler"),
    "random": ("random", "RandomSearch"),
}
"""Name -> module of this package and class in it."""

__all__ = ["CONTROLLERS", "Controller", "SpaceExhausted", "make"]


def make(name: str, space: SearchSpace, seed: int, **options: Any) -> Controller:
    """Raises UserError for an unknown name or options that do not go together."""
    if name not in CONTROLLERS:
        raise UserError(f"no controller is called {name!r}: write one of {', '.join(CONTROLLERS)}")
    module, kind = CONTROLLERS[name]
    controller: Controller = getattr(import_module(f"nas.controllers.{module}"), kind)(
        space, seed, **options
    )
    return controller
