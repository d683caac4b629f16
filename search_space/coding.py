"""Permutations and pairs as numbers with fixed radices, so that every number has a meaning."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, isqrt


def lehmer_decode(digits: Sequence[int]) -> tuple[int, ...]:
    """The permutation with these Lehmer digits; digit i lies in [0, len(digits) - i)."""
    remaining = list(range(len(digits)))
    return tuple(remaining.pop(digit) for digit in digits)


def lehmer_encode(permutation: Sequence[int]) -> tuple[int, ...]:
    """The inverse of lehmer_decode: for each item, its place among those not yet taken."""
    remaining = sorted(permutation)
    digits = []
    for item in permutation:
        digit = remaining.index(item)
        digits.append(digit)
        del remaining[digit]
    return tuple(digits)


def pair_decode(number: int) -> tuple[int, int]:
    """The number-th pair low < high, in the order (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    high = (1 + isqrt(1 + 8 * number)) // 2
    return number - comb(high, 2), high


def pair_encode(first: int, second: int) -> int:
    """The inverse of pair_decode, for either order of two distinct numbers."""
    low, high = sorted((first, second))
    return comb(high, 2) + low
