"""Settings of nas.controllers.surrogate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nas.controllers.base import Controller
from nas.controllers.settings import ControllerSettings
from search_space.genes import SearchSpace


class Config(ControllerSettings):
    """Bayesian optimisation: a Gaussian process on features of the decoded architecture."""

    name: Literal["predictor"] = "predictor"
    initial: int = Field(10, ge=2, description="random proposals before the model's first")
    pool: int = Field(200, ge=2, description="candidates that the model ranks for each proposal")
    elite: int = Field(
        10,
        ge=2,
        description="number of the best networks whose mutants and mixtures are candidates",
    )

    def build(self, space: SearchSpace, seed: int) -> Controller:
        from nas.controllers.surrogate import Predictor  # scipy is slow to import

        return Predictor(space, seed, **self.given())
