"""The ``loggers`` of a config: trackers that record every training, with their options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from nas.settings import storage_url
from nas.settings.section import Section


class TensorBoardConfig(Section):
    """Event files in the run's ``tensorboard/``."""

    name: Literal["tensorboard"] = "tensorboard"


class MLflowConfig(Section):
    """``tracking_uri``: by default MLFLOW_TRACKING_URI, or what MLflow itself takes; ``${NAME}`` in
    it comes from the environment, of names MLFLOW_... and NAS_... alone. ``experiment``: by default
    the run's name."""

    name: Literal["mlflow"] = "mlflow"
    tracking_uri: str | None = None
    experiment: str | None = None

    @field_validator("tracking_uri")
    @classmethod
    def _without_a_password(cls, uri: str | None) -> str | None:
        if uri is not None and (why := storage_url.unmeant(uri, storage_url.TRACKING)):
            raise ValueError(why)
        if uri is not None and storage_url.has_password(uri):
            raise ValueError(
                f"{storage_url.masked(uri)}: a password does not belong in a config; export"
                " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or write ${NAME} in its"
                " place"
            )
        return uri


class WandbConfig(Section):
    """``entity``: by default the user's own; ``offline`` writes to the run's ``wandb/`` alone, for
    ``wandb sync``. The key is WANDB_API_KEY, or what ``wandb login`` left."""

    name: Literal["wandb"] = "wandb"
    project: str = "spinenet-seg"
    entity: str | None = None
    mode: Literal["online", "offline"] = "online"


LoggerConfig = TensorBoardConfig | MLflowConfig | WandbConfig


def _listed(value: Any) -> Any:
    """One may stand without the list, and a name without its options."""
    if isinstance(value, str | dict):
        value = [value]
    if not isinstance(value, list | tuple):
        return value
    return [{"name": each} if isinstance(each, str) else each for each in value]


LoggersConfig = Annotated[
    tuple[Annotated[LoggerConfig, Field(discriminator="name")], ...], BeforeValidator(_listed)
]
