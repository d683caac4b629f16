"""The sections on how a run is executed: ``budget``, ``engine``, and the ``plan`` behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nas.settings.section import Section


class BudgetConfig(Section):
    """The search ends at ``trials`` candidates, or when ``hours`` of wall time are over."""

    trials: int | None = Field(100, ge=1)
    hours: float | None = Field(None, gt=0)


class PlanConfig(Section):
    """What a plan was made for, and what was measured of the machine: a resume measures nothing
    again. ``hours`` are all from reading images to the export; a full training of a network of
    ``promotion_macs`` multiply-accumulates a crop sees ``promotion_crops_per_second``."""

    hours: float = Field(gt=0)
    machine: str
    device: str
    workers: int = Field(ge=1)
    proxy_crops_per_second: float = Field(gt=0)
    promotion_crops_per_second: float = Field(gt=0)
    promotion_macs: float = Field(gt=0)
    ending_seconds: float = Field(60.0, ge=0)
    """For tables, pictures, the export, and scoring on the test part."""


class EngineConfig(Section):
    """``workers``: by default one a CPU core, or two a GPU; a training that needs a larger share
    of a GPU gets it. ``address``: a running Ray cluster. A worker counts as hung, and is ended,
    when an epoch takes ``patience`` times as long as the median, and over two minutes."""

    name: Literal["ray", "inline"] = "ray"
    workers: int | None = Field(None, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    address: str | None = None
    patience: float = Field(10.0, gt=1)
