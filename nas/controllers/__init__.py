"""Controllers by name."""

from nas.controllers.base import Controller, SpaceExhausted
from nas.controllers.evolution import RegularizedEvolution
from nas.controllers.random import RandomSearch

CONTROLLERS = {"random": RandomSearch, "evolution": RegularizedEvolution}

__all__ = ["CONTROLLERS", "Controller", "RandomSearch", "RegularizedEvolution", "SpaceExhausted"]
