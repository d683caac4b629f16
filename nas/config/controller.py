"""The ``controller`` section of a config: one class for each controller, with its options.

Names, options and defaults are those of nas.controllers, which needs not be imported to read them
here: some of its modules need torch or Optuna.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from nas.config.section import Section, choices

DEFAULT = "predictor"
"""What a config gets that names no controller."""

Objective = Literal["miou", "macs", "parameters", "latency", "peak_memory"]


class _Options(Section):
    model_config = ConfigDict(allow_inf_nan=False)


class PredictorConfig(_Options):
    """Bayesian optimisation: a Gaussian process on features of the decoded architecture."""

    name: Literal["predictor"] = "predictor"
    initial: int = Field(10, ge=2, description="random proposals before the model's first")
    pool: int = Field(200, ge=2, description="candidates that the model ranks for a proposal")
    elite: int = Field(10, ge=2, description="the best, whose mutants and mixtures are candidates")


class EvolutionConfig(_Options):
    """Regularized evolution: mutants of tournament winners, and the oldest dies."""

    name: Literal["evolution"] = "evolution"
    population: int = Field(24, ge=1, description="how many live at a time")
    tournament: int = Field(6, ge=1, description="how many are drawn to find a parent")


class ParetoConfig(_Options):
    """NSGA-II: the Pareto front of two or more objectives."""

    name: Literal["pareto"] = "pareto"
    objectives: tuple[Objective, ...] = Field(
        ("miou", "macs"), min_length=2, description="the most mIoU, the least of all others"
    )
    population: int = Field(24, ge=4, description="survivors, and random proposals at first")


class PPOConfig(_Options):
    """Reinforcement learning: a recurrent policy trained by proximal policy optimisation."""

    name: Literal["ppo"] = "ppo"
    batch: int = Field(8, ge=2, description="ended trials an update")
    learning_rate: float = Field(5e-3, gt=0, description="of Adam")
    epochs: int = Field(4, ge=1, description="gradient steps an update")
    clip: float = Field(0.2, gt=0, lt=1, description="how far an update may move a probability")
    entropy: float = Field(1e-2, ge=0, description="weight of the policy's entropy")
    decay: float = Field(0.9, ge=0, lt=1, description="of the reward baseline, an update")
    hidden: int = Field(64, ge=1, description="width of the LSTM")


class OptunaConfig(_Options):
    """Optuna: its tree-structured Parzen estimator, or any other of its samplers by name."""

    name: Literal["tpe"] = "tpe"
    sampler: str = Field("TPESampler", description="a class of optuna.samplers")
    options: dict[str, Any] = Field({}, description="arguments of that class")


class RandomConfig(_Options):
    """Random search: every gene is drawn uniformly."""

    name: Literal["random"] = "random"


_Any = PredictorConfig | EvolutionConfig | ParetoConfig | PPOConfig | OptunaConfig | RandomConfig


def _named(value: Any) -> Any:
    return {"name": DEFAULT} | value if isinstance(value, dict) else value


ControllerConfig = Annotated[_Any, Field(discriminator="name"), BeforeValidator(_named)]

CONTROLLERS = choices(_Any)
"""Name -> class of the section."""


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Options stay as long as the controller does: another one knows nothing of them."""
    name = base.get("name", DEFAULT)
    return base | over if over.get("name", name) == name else over
