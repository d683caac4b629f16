"""Bounds of numbers, declared in the types of a dataclass's fields and said in the same words
everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

from search_space.errors import UserError


@dataclass(frozen=True)
class Bound:
    """A range of finite numbers; None: no bound on that side."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            abs(number) < math.inf  # nor is NaN
            and (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        """Follows "must be": at least 0 and below 1."""
        sides = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        said = [f"{word} {side:g}" for word, side in sides.items() if side is not None]
        return " and ".join(said) or "a finite number"


Positive = Annotated[float, Bound(above=0)]
NotNegative = Annotated[float, Bound(least=0)]
Chance = Annotated[float, Bound(least=0, most=1)]
Rate = Annotated[float, Bound(least=0, below=1)]
Share = Annotated[float, Bound(above=0, most=1)]
AtLeastOne = Annotated[int, Bound(least=1)]
AtLeastZero = Annotated[int, Bound(least=0)]


def check(owner: object) -> None:
    """Every field of a dataclass whose type has a bound; in a tuple each value. None passes.

    Raises:
        UserError: beginning with the field's name, as in "clip must be above 0, not -1".
    """
    kind: Any = type(owner)  # mypy takes no class for hashable
    for name, bound in _bounds(kind).items():
        value = getattr(owner, name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None and number not in bound:
                raise UserError(f"{name} must be {bound}, not {_plain(number)}")


def _plain(number: float) -> str:
    """0 for 0.0, where that says it all."""
    whole = isinstance(number, float) and number.is_integer() and abs(number) < 1e15
    return str(int(number) if whole else number)


@cache
def _bounds(kind: type) -> dict[str, Bound]:
    hints = get_type_hints(kind, include_extras=True)
    found = {name: _bound_of(hint) for name, hint in hints.items()}
    return {name: bound for name, bound in found.items() if bound is not None}


def _bound_of(hint: Any) -> Bound | None:
    """That of the type, or of what it is made of: a share or None, two sizes."""
    own = (extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Bound))
    inner = (_bound_of(part) for part in get_args(hint))
    return next(own, None) or next((bound for bound in inner if bound), None)
