"""A history is what a list of the same candidates is, and knows its networks."""

from __future__ import annotations

from dataclasses import replace

from nas.controllers.history import History, keys
from results.trial import Trial, TrialState
from search_space import catalog

SPEC = catalog.load("spinenet-49")


def candidate(number: int, key: str) -> Trial:
    return Trial(number, f"trial-{number}", "candidate", SPEC, key, None, TrialState.RUNNING)


def test_a_candidate_that_changed_takes_its_place() -> None:
    """Numbers have gaps, where baselines have theirs."""
    two, five = candidate(2, "a"), candidate(5, "b")
    history = History([two])
    history.put(five)
    ended = replace(two, state=TrialState.COMPLETE)
    history.put(ended)
    assert history == [ended, five]


def test_networks_are_known_as_those_of_a_list_are() -> None:
    trials = [candidate(0, "a"), candidate(3, "b"), candidate(4, "a")]
    assert keys(History(trials)) == keys(trials) == {"a", "b"}
