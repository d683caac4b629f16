"""The peak is that of tensors held at once, on allocations whose sizes are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.oracles.allocated import peak_allocated

MIB = 1 << 20


def held(mebibytes: int) -> Tensor:
    return torch.empty(mebibytes * MIB, dtype=torch.uint8)


def test_the_peak_counts_what_is_held_at_once_and_not_what_was_freed_before() -> None:
    def step() -> None:
        first, second = held(3), held(5)
        del first
        third = held(2)
        del second, third
        held(6)

    assert peak_allocated(step) == 8 * MIB


def test_what_was_held_before_the_step_does_not_count() -> None:
    kept = held(50)

    def step() -> int:
        return len(held(4)) + len(kept)

    assert peak_allocated(step) == 4 * MIB


def test_what_a_step_leaves_behind_counts_once() -> None:
    state: dict[str, Tensor] = {}

    def step() -> None:
        state["new"] = held(7)  # the old one is freed only after

    assert peak_allocated(step) == 7 * MIB
    assert peak_allocated(step) == 7 * MIB


def test_existing_gradients_do_not_count_and_new_ones_do() -> None:
    layer = nn.Linear(1024, 1024, bias=False)  # 4 MiB of weights
    x = torch.ones(1, 1024)

    def step(set_to_none: bool) -> None:
        layer.zero_grad(set_to_none=set_to_none)
        layer(x).sum().backward()

    small = 64 * 1024
    # Accumulated into the old gradient, the new one lives beside it; else it takes its place.
    assert 4 * MIB <= peak_allocated(lambda: step(False)) <= 4 * MIB + small
    assert peak_allocated(lambda: step(True)) <= small


def test_a_step_without_tensors_needs_nothing() -> None:
    assert peak_allocated(lambda: None) == 0
