"""The networks that a search scores first, and trains fully at its end, to be compared with."""

from __future__ import annotations

from dataclasses import dataclass

from nas.config import Config
from search_space import catalog
from search_space.backbone import Backbone


@dataclass(frozen=True)
class Baseline:
    """A catalogue entry that is scored like a candidate, for comparison."""

    name: str
    backbone: Backbone


def baselines(config: Config) -> tuple[Baseline, ...]:
    """UserError for a name that the catalogue does not have."""
    return tuple(Baseline(name, catalog.load(name)) for name in config.baselines)


def rivals(config: Config) -> tuple[Baseline, ...]:
    """What is trained fully beside the best. UserError as ``baselines``."""
    return tuple(Baseline(name, catalog.load(name)) for name in config.promotion.rivals)
