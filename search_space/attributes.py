"""How an attribute of a block is declared: once, as a field of ``Block`` with ``attribute``.

Whatever has to know what a block is made of reads these declarations: checks, canonical key,
files, ledger, genes, variation, features, costs, exports, diagrams and tables. Standard library
only, as an exported network carries this file along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, get_type_hints

from search_space.errors import UserError

Changes = Literal["map", "cost", "values"]
"""What another value of an attribute leads to: another shape of the map that the block puts out,
and so other costs of the block and of its readers; other costs of the block alone; nothing but
other values in the map."""


@dataclass(frozen=True)
class Attribute:
    """What is declared of a field of ``Block``.

    Attributes:
        name: in files, and at the end of its genes' names (``b07.dilation``).
        kind: int, float, bool or str.
        default: of a block that does not say it; dataclasses.MISSING where every block has to.
        changes: see Changes.
        sign: what diagrams write before the value (``d2``).
        title: of a view that counts the values.
        plural: what the feature is called that holds the value of every block.
        values: all that there are; empty where every number from ``least`` on is one.
        least: above 0, as a surrogate is told logarithms.
        original: whether the first release had it. Files always say it, and keys always count it.
            A later one is left out where it has its default, and where a space has one value of
            it: files, keys and seeded searches that do without it stay as they were.
    """

    name: str
    kind: type
    default: Any
    changes: Changes
    sign: str
    title: str
    plural: str
    values: Sequence[Any] = ()
    least: float = 1
    original: bool = False

    def __post_init__(self) -> None:
        if self.kind in (int, float):
            assert min(self.values or (self.least,)) > 0, f"{self.name}: numbers are above 0"
        else:
            assert self.values, f"{self.name}: say which values there are"

    def check(self, value: Any) -> None:
        """UserError, naming the attribute and the rule, for a value that it cannot have."""
        if value not in self.values if self.values else value < self.least:
            got = repr(value) if isinstance(value, str) else value
            raise UserError(f"{self.name} must be {self._rule} but got {got}")

    @property
    def _rule(self) -> str:
        if not self.values:
            return f"at least {self.least}"
        if isinstance(self.values, range):
            return f"between {self.values[0]} and {self.values[-1]}"
        return f"one of {', '.join(map(str, self.values))}"

    def number(self, value: Any) -> Any:
        """The value as a plain number; of words the place among the ``values``."""
        return self.values.index(value) if self.kind is str else self.kind(value)


def attribute(changes: Changes, sign: str, title: str, plural: str, **more: Any) -> dict[str, Any]:
    """The metadata that make a dataclass's field an attribute; ``more`` as Attribute has it."""
    known: dict[str, Any] = {"changes": changes, "sign": sign, "title": title, "plural": plural}
    return {"attribute": partial(Attribute, **known, **more)}


def declared(of: type) -> tuple[Attribute, ...]:
    """The attributes among the fields of a dataclass, in their order."""
    kinds = get_type_hints(of)
    return tuple(
        field.metadata["attribute"](field.name, kinds[field.name], field.default)
        for field in fields(of)
        if "attribute" in field.metadata
    )
