"""Controllers by name. What is slow to import comes when one is built: torch, Optuna, scipy."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from nas.controllers.base import Controller, SpaceExhausted
from nas.controllers.settings import ControllerSettings
from nas.settings.messages import first_line
from search_space.errors import UserError
from search_space.genes import SearchSpace

_MODULES = ("predictor", "evolution", "pareto", "ppo", "tpe", "random")
"""Of this package, each with the ``Config`` of the controller of that name."""

CONTROLLERS: Mapping[str, type[ControllerSettings]] = {
    name: import_module(f"{__name__}.{name}").Config for name in _MODULES
}
"""Name -> settings, which build it."""

__all__ = ["CONTROLLERS", "Controller", "SpaceExhausted", "make"]


def make(name: str, space: SearchSpace, seed: int, **options: Any) -> Controller:
    """Raises UserError for an unknown name, or options that it does not take."""
    if name not in CONTROLLERS:
        raise UserError(f"no controller is called {name!r}: write one of {', '.join(CONTROLLERS)}")
    try:
        settings = CONTROLLERS[name](**options)
    except ValidationError as error:
        raise UserError(f"{name}: {first_line(error, CONTROLLERS[name])}") from None
    return settings.build(space, seed)
