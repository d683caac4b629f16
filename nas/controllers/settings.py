"""What the ``controller`` section of a config is: a controller's options, which build it."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from nas.controllers.base import Controller
from nas.settings.section import Section
from search_space.genes import SearchSpace


class ControllerSettings(Section):
    """The options of one controller, with their types, bounds, defaults and descriptions; the first
    line of a subclass's docstring says what it is where controllers are listed.

    ``name`` is the controller's, which a subclass narrows to a ``Literal``.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    name: str = ""

    def build(self, space: SearchSpace, seed: int) -> Controller:
        """The controller. Raises UserError for options that do not go together."""
        raise NotImplementedError

    def given(self) -> dict[str, Any]:
        """Option -> value."""
        return self.model_dump(exclude={"name"})
