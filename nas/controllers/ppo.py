"""Settings of nas.controllers.recurrent_policy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nas.controllers.base import Controller
from nas.controllers.settings import ControllerSettings
from search_space.genes import SearchSpace


class Config(ControllerSettings):
    """Reinforcement learning: a recurrent policy trained by proximal policy optimisation."""

    name: Literal["ppo"] = "ppo"
    batch: int = Field(8, ge=2, description="ended trials per update")
    learning_rate: float = Field(5e-3, gt=0, description="learning rate of Adam")
    epochs: int = Field(4, ge=1, description="gradient steps per update")
    clip: float = Field(0.2, gt=0, lt=1, description="how far an update may move a probability")
    entropy: float = Field(1e-2, ge=0, description="weight of the policy's entropy")
    decay: float = Field(0.9, ge=0, lt=1, description="decay of the reward baseline, per update")
    hidden: int = Field(64, ge=1, description="width of the LSTM")

    def build(self, space: SearchSpace, seed: int) -> Controller:
        from nas.controllers.recurrent_policy import PPO  # torch takes seconds to import

        return PPO(space, seed, **self.given())
