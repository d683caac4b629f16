"""What a runtime's profile is made of, and what is taken off it."""

from __future__ import annotations

import pytest

from results.latency.profile import SHORT, _by_operator, least, uninterrupted


def test_what_runs_long_shrinks_until_the_operators_add_up_to_the_whole() -> None:
    times = [0.2, 0.9, 5.0, 9.0]
    left = uninterrupted(times, 8.0)
    assert sum(left) == pytest.approx(8.0)
    assert left[:2] == times[:2]
    assert (left[2] - SHORT) / (left[3] - SHORT) == pytest.approx(4 / 8)


@pytest.mark.parametrize("whole", [3.0, 2.0])
def test_nothing_is_taken_off_what_adds_up_or_is_short(whole: float) -> None:
    assert uninterrupted([0.5, 0.7, 0.8], whole) == [0.5, 0.7, 0.8]


def test_an_operator_takes_what_its_nodes_take_in_their_best_passes() -> None:
    taken = {"u0.out": [900, 30, 20], "u0.pad": [1, 5, 4], "reorder": [9, 8, 7], "other": [9, 3, 3]}
    events = [
        {"cat": "Node", "name": f"{name}_kernel_time", "dur": each}
        for name, durations in taken.items()
        for each in durations
    ]
    events.append({"cat": "Session", "name": "model_run", "dur": 10**6})
    owners = {"u0.out": 0, "u0.pad": 0, "reorder": 1}
    assert _by_operator(events, owners, 3) == pytest.approx([0.024, 0.007, 0.003])


def test_the_least_of_several_passes_counts() -> None:
    passes = []
    found = least(lambda: passes.append(sum(range(10000))), 2, 0.0)
    assert len(passes) >= 4
    assert found > 0
