"""``proxy.teacher`` and ``promotion.teacher``: the networks that a training learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from nas.settings.section import Section


class TeacherConfig(Section):
    """``from`` is a trained network (see nas.prediction.teachers), or several whose probabilities
    are averaged; for ``weight`` and ``temperature`` see proxy_tasks.distillation."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: Path | tuple[Path, ...] = Field((), alias="from")
    weight: float = Field(1.0, gt=0)
    temperature: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _names_a_network(self) -> Self:
        if not self.paths:
            raise ValueError("from: name a trained network, such as the folder of a promotion")
        return self

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of its networks."""
        return self.source if isinstance(self.source, tuple) else (self.source,)

    def at(self, paths: tuple[Path, ...]) -> Self:
        """The same with its networks at other places."""
        return self.model_copy(update={"source": paths if len(paths) > 1 else paths[0]})
