"""Networks to begin with, whatever the controller would propose."""

from __future__ import annotations

from collections.abc import Sequence

from nas.controllers.base import Controller
from nas.controllers.history import keys
from results.trial import Trial
from search_space.genes import Genotype, SearchSpace


class WarmStart:
    """Proposes ``first``, each network once and in its order, before ``controller`` is asked,
    which learns from them as from its own."""

    def __init__(
        self, controller: Controller, space: SearchSpace, first: Sequence[Genotype]
    ) -> None:
        self._controller = controller
        self._first: dict[str, Genotype] = {}
        for genotype in first:
            self._first.setdefault(space.key(genotype), genotype)

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        seen = keys(history)
        left = (genotype for key, genotype in self._first.items() if key not in seen)
        return next(left, None) or self._controller.ask(number, history)

    def tell(self, trial: Trial) -> None:
        self._controller.tell(trial)
