"""What experiment trackers (TensorBoard, MLflow, Weights & Biases) are told of trainings."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nas.config import Config, TrainingConfig
from nas.config.loggers import LoggerConfig
from proxy_tasks.objectives import OBJECTIVES, OF_SPEC, costs
from proxy_tasks.task import Job, Measurement
from search_space.canonical import canonical_key
from search_space.cost import cost
from search_space.errors import UserError

Plain = str | int | float | bool

_LIBRARIES = {"tensorboard": "tensorboardX", "mlflow": "mlflow", "wandb": "wandb"}
_CURVES = [n for n, each in OBJECTIVES.items() if not isinstance(each.source, OF_SPEC)]
"""Objectives that are not known beforehand."""


@dataclass(frozen=True)
class Tracking:
    """``loggers`` are told of all trainings of a ``phase`` (search, promotion, the leg of an
    audit) of the run in ``folder``. ``settings`` are what they have in common, ``classes`` the
    data's."""

    loggers: tuple[LoggerConfig, ...]
    folder: Path
    phase: str
    settings: Mapping[str, Plain]
    classes: tuple[str, ...]

    @property
    def run(self) -> str:
        return self.folder.name

    def parameters(self, job: Job) -> dict[str, Plain]:
        """What is known of a training when it begins."""
        fidelity = job.fidelity
        known = cost(job.backbone, fidelity.scale, len(self.classes), fidelity.size)
        return {
            "run": self.run,
            "phase": self.phase,
            "trial": job.number,
            "name": job.name,
            "key": canonical_key(job.backbone),
            **costs(known),
            **self.settings,
        }

    def curves(self, measured: Measurement) -> dict[str, float]:
        """What is known after an epoch, by the name of its curve; that of a class is its IoU."""
        known = {name: measured.figure(name) for name in _CURVES}
        names = (f"class_iou/{_word(name)}" for name in self.classes)
        known |= dict(zip(names, measured.class_iou, strict=False))  # none before a validation
        return {name: v for name, v in known.items() if v is not None and math.isfinite(v)}


def tracking(
    config: Config, training: TrainingConfig, classes: tuple[str, ...], folder: Path, phase: str
) -> Tracking | None:
    """What the config's loggers follow; None where it has none."""
    if not config.loggers:
        return None
    settings = {"seed": config.seed, "data": config.data.name}
    values = training.model_dump(exclude={"top"}, exclude_none=True)
    return Tracking(config.loggers, folder.resolve(), phase, settings | _flat(values), classes)


def check(config: Config) -> None:
    """Raises UserError for loggers that cannot be told of anything here."""
    if config.loggers and config.engine.name != "ray":
        raise UserError("loggers: they need the Ray engine; write engine.name: ray")
    names = [logger.name for logger in config.loggers]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"loggers: {name} is listed twice")
        if find_spec(_LIBRARIES[name]) is None:
            raise UserError(
                f"loggers: {name} needs its library: pip install 'spinenet-seg-nas[{name}]'"
            )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Plain]:
    """Trackers show plain values side by side: ``recipe.batch_size``, and 96x128 for a size."""
    found: dict[str, Plain] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            listed = isinstance(value, list | tuple)
            found[prefix + key] = "x".join(map(str, value)) if listed else value
    return found


def _word(name: str) -> str:
    """What every tracker takes for a name."""
    return re.sub(r"[^\w .-]", "_", name)
