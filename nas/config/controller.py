"""The ``controller`` section of a config: the settings of one of nas.controllers, by its name."""

from __future__ import annotations

from typing import Annotated, Any, Union

from pydantic import BeforeValidator, Field

from nas.controllers import CONTROLLERS

DEFAULT = "predictor"
"""The controller of a config that names none."""

_Any: Any = Union[tuple(CONTROLLERS.values())]  # noqa: UP007


def _named(value: Any) -> Any:
    return {"name": DEFAULT} | value if isinstance(value, dict) else value


ControllerConfig = Annotated[_Any, Field(discriminator="name"), BeforeValidator(_named)]


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Options are kept only while the controller stays the same: another one has others."""
    name = base.get("name", DEFAULT)
    return base | over if over.get("name", name) == name else over
