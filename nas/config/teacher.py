"""``proxy.teacher`` and ``promotion.teacher``: the networks that a training learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from nas.settings.section import Section
from search_space.encoders import ENCODERS


class TeacherConfig(Section):
    """``from`` is a trained network (see nas.prediction.teachers), or several whose probabilities
    are averaged, or an encoder's name; for ``weight`` and ``temperature`` see
    proxy_tasks.distillation, for ``features``, the weight of what is learnt of maps,
    proxy_tasks.feature_distillation. Of an encoder they are all that there is to learn: its default
    is then 1."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: Path | tuple[Path, ...] = Field((), alias="from")
    weight: float = Field(1.0, gt=0)
    temperature: float = Field(1.0, gt=0)

    features: float = Field(0.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _an_encoder_has_features(cls, values: Any) -> Any:
        if isinstance(values, dict) and "features" not in values:
            named = values.get("from")
            several = named if isinstance(named, list | tuple) else [named]
            if any(str(each) in ENCODERS for each in several):
                return {**values, "features": 1.0}
        return values

    @model_validator(mode="after")
    def _names_a_network(self) -> Self:
        if not self.paths:
            raise ValueError("from: name a trained network, such as the folder of a promotion")
        if len(self.encoders) > 1:
            raise ValueError(f"from: names {len(self.encoders)} encoders; name one")
        if self.encoders and not self.features:
            raise ValueError(
                f"features: {self.encoders[0]} knows no classes, its features alone can be learnt;"
                " write 1.0, or another network in from"
            )
        return self

    @property
    def encoders(self) -> tuple[str, ...]:
        """The names of encoders among them."""
        return tuple(str(path) for path in self.paths if str(path) in ENCODERS)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of its networks."""
        return self.source if isinstance(self.source, tuple) else (self.source,)

    def at(self, paths: tuple[Path, ...]) -> Self:
        """The same with its networks at other places."""
        return self.model_copy(update={"source": paths if len(paths) > 1 else paths[0]})
