"""The sections on what is searched: the ``space``, and the ``constraints`` on its networks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from nas.settings.section import Section
from nas.settings.words import shown
from proxy_tasks.objectives import LIMITS
from search_space.architecture_file import from_dict
from search_space.encoder_file import from_value
from search_space.encoders import ENCODERS, EncoderSpec

if TYPE_CHECKING:
    from search_space.scale_permuted import ScalePermutedSpace
    from search_space.spine import SpineSpace


class SpaceConfig(Section):
    """See search_space.scale_permuted.ScalePermutedSpace, whose bounds are in force. With an
    ``encoder`` it is search_space.spine.SpineSpace of up to ``blocks`` blocks, and ``stages`` and
    ``max_level`` say nothing; ``encoder_weights`` is a file of its weights. Of an encoder that is
    not registered, a run keeps the description (see search_space.encoder_file). ``encoders`` are
    registered ones that a network may stand on instead. A new run's
    ``crop`` is the smaller one of its two trainings; runs of before have none."""

    encoder: str | dict[str, Any] | None = None
    encoder_weights: Path | None = None
    encoders: tuple[str, ...] = ()
    blocks: int = Field(6, ge=0)

    stages: dict[int, int] = Field({2: 1, 3: 3, 4: 5, 5: 2})
    output_levels: tuple[int, ...] = (3, 4, 5)
    max_level: int = 6
    dilations: tuple[int, ...] = (1, 2, 4)
    choices: dict[str, tuple[bool | int | float | str, ...]] = Field({})
    crop: tuple[int, int] | None = None
    window: int | None = None

    @model_serializer(mode="wrap")
    def _without_empty(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As records of programs that knew neither choices, crops nor encoders have it; on an
        encoder without what says nothing there."""
        values: dict[str, Any] = dump(self)
        left = {"stages", "max_level", "window"} if self.encoder else {"encoder", "blocks"}
        later = ("choices", "crop", "encoder_weights", "encoders", "window")
        return {n: v for n, v in values.items() if n not in left and (v or n not in later)}

    @model_validator(mode="after")
    def _is_a_space(self) -> Self:
        if self.described:
            self.whole()
        if self.encoder_weights is not None and not self.encoder:
            raise ValueError("encoder_weights needs an encoder, such as encoder: resnet-50")
        if self.encoders and not self.encoder:
            raise ValueError("encoders needs an encoder, which they stand beside")
        return self

    @property
    def described(self) -> bool:
        """Whether all is known of its encoder: what names any but a registered one is looked up by
        nas.prediction.encoder_source."""
        return not isinstance(self.encoder, str) or not self.encoder or self.encoder in ENCODERS

    @property
    def encoder_spec(self) -> EncoderSpec | None:
        """None without an encoder. UserError for one that is not described."""
        return from_value(self.encoder, from_dict) if self.encoder else None

    def whole(self) -> ScalePermutedSpace | SpineSpace:
        """The space without constraints. UserError where the values do not make one."""
        # They need numpy, and whoever only reads what may be configured does not.
        from search_space.scale_permuted import ScalePermutedSpace
        from search_space.spine import SpineSpace

        shared: dict[str, Any] = {
            "output_levels": self.output_levels,
            "dilations": self.dilations,
            "choices": tuple(self.choices.items()),
            "crop": self.crop,
        }
        if spec := self.encoder_spec:
            return SpineSpace(spec, self.blocks, **shared, encoders=self.encoders)
        stages = tuple(sorted(self.stages.items()))
        return ScalePermutedSpace(
            stages=stages, max_level=self.max_level, window=self.window, **shared
        )


_Limits: Any = create_model(
    "_Limits",
    __base__=Section,
    **{name: (float | None, Field(None, gt=0)) for name in LIMITS},  # type: ignore[call-overload]
)


_WITH_UNIT = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) *(ms|s)")


def _duration(value: Any) -> Any:
    """A number, or a text such as 10ms; above 0."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
        raise ValueError(f"must be above 0, not {shown(value)}")
    if isinstance(value, str) and not (_WITH_UNIT.fullmatch(value) and _milliseconds(value) > 0):
        raise ValueError(f"must be a time with its unit, such as 10ms, not {shown(value)}")
    return value


def _milliseconds(text: str) -> float:
    found = _WITH_UNIT.fullmatch(text)
    assert found is not None
    return float(found[1]) * (1000 if found[2] == "s" else 1)


class ConstraintsConfig(_Limits):
    """Hard limits on a candidate as it would be promoted: at ``promotion.scale``, for one image of
    ``promotion.size``. ``macs``; ``parameters``; ``memory``, bytes of a training step with what
    goes through the network of a process at once: all analytic, so that a candidate beyond them is
    never proposed. So with each of proxy_tasks.objectives.LIMITS.

    A ``latency`` with a unit, such as 10ms, is that of the exported network, predicted from a
    ``latency_table`` (None: measured before the search) for one image of ``latency_size`` (None:
    of ``promotion.size``). One without a unit means what it meant in earlier releases: seconds in
    PyTorch, measured where the candidate would be trained, before it is.
    """

    latency: Annotated[float | str | None, BeforeValidator(_duration)] = None
    latency_table: Path | None = None
    latency_size: tuple[int, int] | None = None

    @model_serializer(mode="wrap")
    def _without_later(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As records of programs that predicted no latency have it."""
        values: dict[str, Any] = dump(self)
        later = ("latency_table", "latency_size")
        return {n: v for n, v in values.items() if n not in later or v is not None}

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        given = [n for n in ("latency_table", "latency_size") if getattr(self, n) is not None]
        if given and self.exported_ms is None:
            raise ValueError(f"{given[0]} needs a latency with its unit, such as latency: 10ms")
        if self.latency_size is not None and min(self.latency_size) < 1:
            raise ValueError("latency_size must be at least 1 pixel each way")
        return self

    @property
    def exported_ms(self) -> float | None:
        """Milliseconds that the exported network may take; None without such a limit."""
        return _milliseconds(self.latency) if isinstance(self.latency, str) else None

    @property
    def limits(self) -> dict[str, float]:
        """Those of proxy_tasks.objectives.LIMITS that are given, in plain units."""
        given = {name: getattr(self, name) for name in LIMITS}
        return {name: most for name, most in given.items() if isinstance(most, float)}
