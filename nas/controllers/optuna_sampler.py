"""Any sampler of Optuna as a controller, through ask and tell.

The study lives in memory and is a replay of the history: what was told between two proposals is
taken from the counts of ended trials that each trial keeps, so a resumed search hands the sampler
the same sequence of calls as an unbroken one.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState as OptunaState

from nas.controllers.base import finite_score, propose_new, stream
from results.trial import Trial, TrialState
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace
from search_space.seeds import derive_seed

MUTANTS = 100
"""Draws around a proposal whose network is known, before a fresh one is drawn."""


class OptunaSampler:
    """Proposals of ``sampler``, a class of ``optuna.samplers``, made with ``options``.

    A proposal whose network is known is replaced by a new neighbour of it, and the sampler is
    told of the network that is trained instead. Every proposal gets a sampler of its own, seeded
    by (seed, trial number); state that Optuna keeps is in the study.

    Raises:
        UserError: for an unknown sampler, or options that it does not take.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        sampler: str,
        options: Mapping[str, Any],
    ) -> None:
        self._space, self._seed = space, seed
        self._kind, self._options = _sampler_class(sampler), dict(options)
        self._make_sampler(0)
        self._distributions: dict[str, BaseDistribution] = {
            gene.name: CategoricalDistribution(range(gene.radix)) for gene in space.genes
        }
        self._forget()

    def tell(self, trial: Trial) -> None:
        """Everything is read off the history when the next proposal is due."""
        finite_score(trial)

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        if len(history) < len(self._asked):
            self._forget()
        for place in range(len(self._asked), len(history)):
            trial = history[place]
            self._report(history[:place], trial.after)
            self._ask(trial.number, history[:place], trial.genotype)
        self._report(history)
        return self._ask(number, history, None)

    def _forget(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = optuna.create_study(direction="maximize", sampler=self._make_sampler(0))
        self._asked: list[optuna.Trial] = []
        self._ended: set[int] = set()

    def _ask(self, number: int, history: Sequence[Trial], known: Genotype | None) -> Genotype:
        """Ask the sampler; train what was ``known`` to be trained instead, or a new neighbour."""
        self._study.sampler = self._make_sampler(number)
        trial = self._study.ask(self._distributions)
        proposed = tuple(int(trial.params[gene.name]) for gene in self._space.genes)
        chosen = known or self._new(number, proposed, history)
        if chosen != proposed:
            self._study.tell(trial, state=OptunaState.FAIL)
            values = {gene.name: v for gene, v in zip(self._space.genes, chosen, strict=True)}
            self._study.enqueue_trial(values)
            trial = self._study.ask(self._distributions)
        self._asked.append(trial)
        return chosen

    def _new(self, number: int, proposed: Genotype, history: Sequence[Trial]) -> Genotype:
        rng = stream(self._seed, number)

        def neighbour() -> Genotype:
            return self._space.mutate(proposed, rng)

        def newcomer() -> Genotype:
            return self._space.sample(rng)

        return propose_new([neighbour, newcomer], self._space, history, MUTANTS, [proposed])

    def _report(self, history: Sequence[Trial], until: int | None = None) -> None:
        """Tell the study what ended since, in the order of ending: of so many endings, or all."""
        ended = [
            (trial.ending, place)
            for place, trial in enumerate(history)
            if place not in self._ended
            and trial.ending is not None
            and (until is None or trial.ending < until)
        ]
        for _, place in sorted(ended):
            self._tell(self._asked[place], history[place])
            self._ended.add(place)

    def _tell(self, asked: optuna.Trial, ended: Trial) -> None:
        if ended.state is TrialState.STOPPED:
            epochs, score = ended.standing
            asked.report(score, epochs)
            self._study.tell(asked, state=OptunaState.PRUNED)
        elif ended.score is None:
            self._study.tell(asked, state=OptunaState.FAIL)
        else:
            self._study.tell(asked, ended.score)

    def _make_sampler(self, number: int) -> BaseSampler:
        seed = {"seed": derive_seed(self._seed, "sampler", number) % 2**32}
        takes_seed = "seed" in inspect.signature(self._kind).parameters
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            try:
                return self._kind(**self._options, **(seed if takes_seed else {}))
            except (TypeError, ValueError) as error:
                raise UserError(f"{self._kind.__name__}: {error}") from None


def _sampler_class(name: str) -> type[BaseSampler]:
    found = getattr(optuna.samplers, name, None)
    if not (inspect.isclass(found) and issubclass(found, BaseSampler) and found is not BaseSampler):
        known = [n for n in sorted(vars(optuna.samplers)) if n.endswith("Sampler")]
        raise UserError(f"sampler: Optuna has no {name!r}: write one of {', '.join(known)}")
    return found
