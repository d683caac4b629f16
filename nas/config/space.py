"""The sections of what is searched: the ``space``, and the ``constraints`` on what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from nas.settings.section import Section
from proxy_tasks.objectives import LIMITS

if TYPE_CHECKING:
    from search_space.scale_permuted import ScalePermutedSpace


class SpaceConfig(Section):
    """See search_space.scale_permuted.ScalePermutedSpace, whose bounds are in force."""

    stages: dict[int, int] = Field({2: 1, 3: 3, 4: 5, 5: 2})
    output_levels: tuple[int, ...] = (3, 4, 5)
    max_level: int = 6
    dilations: tuple[int, ...] = (1, 2, 4)
    choices: dict[str, tuple[bool | int | float | str, ...]] = Field({})

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As records of programs that knew no choices have it."""
        values: dict[str, Any] = dump(self)
        return {key: value for key, value in values.items() if key != "choices" or value}

    @model_validator(mode="after")
    def _is_a_space(self) -> Self:
        self.whole()
        return self

    def whole(self) -> ScalePermutedSpace:
        """The space without constraints. UserError where the values do not make one."""
        # It needs numpy, and whoever only reads what may be configured does not.
        from search_space.scale_permuted import ScalePermutedSpace

        return ScalePermutedSpace(
            stages=tuple(sorted(self.stages.items())),
            output_levels=self.output_levels,
            max_level=self.max_level,
            dilations=self.dilations,
            choices=tuple(self.choices.items()),
        )


_Limits: Any = create_model(
    "_Limits",
    __base__=Section,
    **{name: (float | None, Field(None, gt=0)) for name in LIMITS},  # type: ignore[call-overload]
)


class ConstraintsConfig(_Limits):
    """Hard limits on a candidate as it would be promoted: at ``promotion.scale``, for one image of
    ``promotion.size``. ``macs``; ``parameters``; ``memory``, bytes of a training step with what
    goes through the network of a process at once: all analytic, so that a candidate beyond them is
    never proposed. ``latency``, seconds, is measured where the candidate would be trained, before
    it is. So with each of proxy_tasks.objectives.LIMITS.
    """
