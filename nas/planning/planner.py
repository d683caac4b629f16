"""Puts a plan together: how images are seen, what is learnt from them, what fits into the hours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas.planning.decision import Decision, Plan
from nas.planning.frame import PASSES
from nas.planning.hours import Hours, Timer, hours
from nas.planning.latency import LIGHTER, Budget
from nas.planning.learning import learning
from nas.planning.machine import Machine, Setting
from nas.planning.seeing import factors, seeing
from nas.planning.start import start
from proxy_tasks.datasets.traits import Fingerprint
from proxy_tasks.pace import Pace
from proxy_tasks.recipe import Recipe
from results import units
from search_space.architecture_file import from_dict
from search_space.encoder_file import from_value
from search_space.encoders import EncoderSpec

SCARCE = 25
"""Passes, where PASSES are wanted, below which images are seen more coarsely, with a warning."""
HEAD = "promotion.scale.head"
LONG = 0.33
"""Part of the hours above which the time for reading gets a warning."""


@dataclass(frozen=True)
class Planned:
    """A plan, and the values that the config keeps under ``plan``."""

    plan: Plan
    kept: dict[str, object]


def planned(
    found: Fingerprint,
    there: Machine,
    cores: int,
    given: float,
    seconds: float,
    validation: Decision,
    folds: int,
    timed: Timer,
    wanted: EncoderSpec | str | None = None,
    budget: Budget | None = None,
) -> Planned:
    """``given`` are the hours, of which ``seconds`` are left; ``validation`` has been decided;
    ``wanted`` is the encoder that a config asks for (see ``start``). Images are seen more coarsely
    where the hours are too short to see them often enough, or a rival that is as narrow as can be
    takes longer than the ``budget`` of latency."""
    learnt, begun = learning(found), start(found, wanted)
    named = begun.values.get("space.encoder")
    encoder = from_value(named, from_dict) if named else None
    timed = _remembered(timed)
    into = "the hours"
    for coarser in range(len(factors(found))):
        seen = seeing(found, there.device, coarser, into)
        recipe = _recipe([*seen.decisions, learnt, begun])
        head = wanted_head = _value(seen.decisions, HEAD)
        if budget:
            light = budget.head(found, seen, encoder, wanted_head)
            if light is None and coarser + 1 < len(factors(found)):
                into = "the latency"
                continue
            head = light or LIGHTER[-1]
        held = hours(
            seconds, found, seen, there, recipe, head, encoder, folds, cores, timed, budget
        )
        if held.passes >= SCARCE * held.wanted / PASSES:
            break
    warnings = list(_warnings(found, held, seconds))
    seeings = [_lighter(each, head, wanted_head) for each in seen.decisions]
    decisions = (*seeings, begun, learnt, validation, *held.decisions)
    kept = {
        "hours": given,
        "machine": there.name,
        "device": there.device,
        "workers": there.workers,
        **held.measured,
    }
    return Planned(Plan(decisions, tuple(warnings)), kept)


def _lighter(decision: Decision, head: str, wanted: str) -> Decision:
    """The decision on the head, where latency asks for a lighter one."""
    if HEAD not in decision.values or head == wanted:
        return decision
    why = f"{decision.why}; with {wanted} the rival takes longer than the latency that is asked for"
    return replace(decision, shown=head, why=why, values=dict.fromkeys(decision.values, head))


def _recipe(decisions: list[Decision]) -> Recipe:
    """Of what is decided so far: a step with soft Dice takes longer."""
    start = "promotion.recipe."
    values: dict[str, Any] = {
        key.removeprefix(start): tuple(value) if isinstance(value, list) else value
        for decision in decisions
        for key, value in decision.values.items()
        if key.startswith(start)
    }
    return Recipe(**values)


def _value(decisions: Sequence[Decision], key: str) -> Any:
    return next(each.values[key] for each in decisions if key in each.values)


def _remembered(timed: Timer) -> Timer:
    """No setting is measured twice."""
    known: dict[Setting, Pace] = {}

    def once(wanted: Sequence[Setting]) -> list[Pace]:
        new = [each for each in dict.fromkeys(wanted) if each not in known]
        known.update(zip(new, timed(new), strict=True) if new else ())
        return [known[each] for each in wanted]

    return once


def _warnings(found: Fingerprint, held: Hours, seconds: float) -> Iterator[str]:
    if held.reading > LONG * seconds:
        yield (
            f"reading and packing the images takes about {units.duration(held.reading)} of the"
            " hours: give more --hours"
        )
    elif held.passes < SCARCE * held.wanted / PASSES:
        yield (
            f"even the narrowest network sees the images only {held.passes:.1f} times in full"
            f" training, where {held.wanted} are wanted: give more --hours"
        )
    if held.too_slow:
        yield held.too_slow
    if held.trials < 6:
        yield (
            f"only {held.trials} candidates fit into the hours, too few to choose well:"
            " give more --hours"
        )
    if found.twins:
        first, alike = found.twins[0], len(found.twins)
        where = "another fold" if found.folded else first.other_part
        yield (
            f"{units.counted(alike, 'image')} of {first.part} {'is' if alike == 1 else 'are'} also"
            f" in {where}, beginning with {first.name}: scores on them mean nothing;"
            " `nas data check` lists them"
        )
