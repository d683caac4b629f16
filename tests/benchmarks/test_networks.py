"""The benchmark times what it says: equal functions, each against its own published order."""

from __future__ import annotations

import torch

from benchmarks.networks import (
    BASELINES,
    FOLDED,
    FORWARD,
    OURS,
    PUBLISHED,
    TRAINING,
    Setting,
    Timing,
    cases,
    table,
    timed,
)

SETTING = Setting(size=(32, 48), width=0.0625, batch=2, device="cpu")


def test_a_searched_network_is_timed_in_every_order_and_each_step_runs() -> None:
    torch.set_num_threads(1)
    found = list(cases("spinenet-49", SETTING))
    assert [(case.kind, case.variant) for case in found] == [
        *((FORWARD, variant) for variant in (FOLDED, OURS, PUBLISHED)),
        *((TRAINING, variant) for variant in (OURS, PUBLISHED)),
    ]
    timings = timed(found, repeats=1, device="cpu")
    assert all(timing.seconds > 0 for timing in timings)
    ours, published = timings[3:]
    assert ours.peak_bytes < published.peak_bytes


def test_ratios_are_to_the_networks_own_published_order_and_to_the_same_variant() -> None:
    def timing(network: str, variant: str, seconds: float) -> Timing:
        return Timing(FORWARD, network, variant, seconds, int(seconds * 2**20))

    rows = table(
        [
            timing("a", FOLDED, 2.0),
            timing("a", PUBLISHED, 4.0),
            timing("b", PUBLISHED, 1.0),
            timing(BASELINES[0], FOLDED, 8.0),
            timing(BASELINES[0], OURS, 16.0),
            Timing(TRAINING, "a", PUBLISHED, 1.0, 1),
        ],
        FORWARD,
    ).splitlines()[2:]
    assert rows[0] == f"| a | {FOLDED} | 2000.0 | 0.50 | 0.25 | 2.0 | 0.50 |"
    assert rows[1] == f"| a | {PUBLISHED} | 4000.0 | 1.00 | 0.25 | 4.0 | 1.00 |"
    assert len(rows) == 5
