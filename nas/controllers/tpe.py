"""Settings of nas.controllers.optuna_sampler."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from nas.controllers.base import Controller
from nas.controllers.settings import ControllerSettings
from search_space.genes import SearchSpace


class Config(ControllerSettings):
    """Optuna: its tree-structured Parzen estimator, or any other of its samplers by name."""

    name: Literal["tpe"] = "tpe"
    sampler: str = Field("TPESampler", description="any class of optuna.samplers")
    options: dict[str, Any] = Field({}, description="arguments of that class")

    def build(self, space: SearchSpace, seed: int) -> Controller:
        from nas.controllers.optuna_sampler import OptunaSampler  # Optuna is slow to import

        return OptunaSampler(space, seed, self.sampler, self.options)
