"""Bounds are said as they are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from search_space.bounds import AtLeastOne, Bound, Chance, Positive, Rate, Share, check
from search_space.errors import UserError


@pytest.mark.parametrize(
    ("bound", "inside", "outside", "words"),
    [
        (Bound(least=2), (2, 1e9, 10**400), (1, -math.inf, math.inf, math.nan), "at least 2"),
        (Bound(above=0), (1e-300,), (0, -1), "above 0"),
        (Bound(least=0, below=1), (0, 0.999), (1, -0.001), "at least 0 and below 1"),
        (Bound(above=0, most=1), (0.001, 1), (0, 1.001), "above 0 and at most 1"),
        (Bound(), (-(10**400), 0), (math.nan, math.inf), "a finite number"),
    ],
)
def test_a_bound_holds_what_it_says(
    bound: Bound, inside: tuple[float, ...], outside: tuple[float, ...], words: str
) -> None:
    assert all(number in bound for number in inside)
    assert not any(number in bound for number in outside)
    assert str(bound) == words


@dataclass(frozen=True)
class Owner:
    count: AtLeastOne = 1
    pair: tuple[Positive, Positive] = (1.0, 1.0)
    share: Share | None = None
    rate: Rate = 0.0
    chance: Chance = 0.0
    free: float = 0.0


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        (Owner(count=0), "count must be at least 1, not 0"),
        (Owner(pair=(1.0, -0.5)), "pair must be above 0, not -0.5"),
        (Owner(share=0.0), "share must be above 0 and at most 1, not 0"),
        (Owner(rate=1.0), "rate must be at least 0 and below 1, not 1"),
        (Owner(chance=1e30), "chance must be at least 0 and at most 1, not 1e+30"),
    ],
)
def test_the_first_field_out_of_bounds_is_named(owner: Owner, message: str) -> None:
    check(Owner(share=1.0, free=-math.inf))
    with pytest.raises(UserError) as refused:
        check(owner)
    assert str(refused.value) == message
