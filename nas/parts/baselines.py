"""The networks that a search scores first, and trains fully at its end, to be compared with.

Each has a name: an entry of the catalogue, or of the run's own encoder ENCODER, the encoder alone,
and COARSE, its coarsest map alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.config import Config
from search_space import catalog
from search_space.architecture import Architecture, features
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.spine import usual_levels

ENCODER, COARSE = "encoder", "encoder-os32"


@dataclass(frozen=True)
class Baseline:
    """A network that is scored like a candidate, for comparison."""

    name: str
    backbone: Backbone


def named(name: str, config: Config) -> Backbone:
    """UserError, listing the names, for one that is not there."""
    if name not in (ENCODER, COARSE):
        return catalog.load(name)
    if (spec := config.space.encoder_spec) is None:
        raise UserError(f"{name!r} is the encoder alone, and candidates stand on none")
    levels = usual_levels(config.space.output_levels)
    return Architecture(features(spec), (), levels if name == ENCODER else levels[-1:])


def baselines(config: Config) -> tuple[Baseline, ...]:
    """UserError for a name that is not there."""
    return tuple(Baseline(name, named(name, config)) for name in config.baselines)


def rivals(config: Config) -> tuple[Baseline, ...]:
    """What is trained fully beside the best. UserError as ``baselines``."""
    return tuple(Baseline(name, named(name, config)) for name in config.promotion.rivals)
