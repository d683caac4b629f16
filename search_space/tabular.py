"""Any benchmark table as a search space: every code of the table is an architecture.

A table is JSON, ``{code: {"accuracy": ...}}``, with one digit a gene, as NAS-Bench-Macro has it
(arXiv 2103.11922). It shows how well a controller searches without training anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space import fields
from search_space.errors import UserError
from search_space.genes import Gene, Genotype, check, sample


@dataclass(frozen=True)
class TableEntry:
    """A row: its ``code`` and what the table says of it."""

    code: str
    values: Mapping[str, float]


class TabularSpace:
    """The codes of a table. Gene i chooses among the digits that occur at place i.

    Raises:
        UserError: for codes of several lengths, a character that is no digit, a table that lacks
            a combination of its digits, or one with a single code.
    """

    def __init__(self, table: Mapping[str, Mapping[str, float]]) -> None:
        self.rows = table
        self._digits = _digits(table)
        combinations = math.prod(len(digits) for digits in self._digits)
        if combinations != len(table):
            raise UserError(
                f"table: its digits make {combinations} codes but it has {len(table)}:"
                " every combination is needed"
            )
        if combinations == 1:
            raise UserError("table: at least two codes are needed but it has 1")

    @cached_property
    def genes(self) -> tuple[Gene, ...]:
        """One a digit that varies."""
        return tuple(Gene(f"digit.{i:02d}", len(self._digits[i])) for i in self._varying)

    @property
    def size(self) -> int:
        """The number of codes."""
        return len(self.rows)

    def decode(self, genotype: Genotype) -> TableEntry:
        """ValueError, naming the gene, for a genotype outside of the box."""
        check(self.genes, genotype)
        digits = [only[0] for only in self._digits]
        for place, value in zip(self._varying, genotype, strict=True):
            digits[place] = self._digits[place][value]
        code = "".join(digits)
        return TableEntry(code, self.rows[code])

    def encode(self, architecture: TableEntry) -> Genotype:
        """UserError for a code that the table does not have."""
        code = architecture.code
        if code not in self.rows:
            raise UserError(f"code {fields.short(code)} is not in the table")
        return tuple(self._digits[place].index(code[place]) for place in self._varying)

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A uniform draw from the box."""
        return sample(self.genes, rng)

    def allows(self, genotype: Genotype) -> bool:
        """Every genotype of the box."""
        return True

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """Another value for one gene, both drawn uniformly."""
        place = int(rng.integers(len(genotype)))
        step = int(rng.integers(1, self.genes[place].radix))
        value = (genotype[place] + step) % self.genes[place].radix
        return (*genotype[:place], value, *genotype[place + 1 :])

    def cross(self, a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype:
        """Each gene from either by coin."""
        from_b = rng.integers(2, size=len(a)).tolist()
        return tuple(y if take else x for x, y, take in zip(a, b, from_b, strict=True))

    def key(self, genotype: Genotype) -> str:
        """The code."""
        return self.decode(genotype).code

    def features(self, genotype: Genotype) -> dict[str, NDArray[np.float64]]:
        """Each gene as one of its values; see SearchSpace."""
        return {
            gene.name: np.eye(gene.radix)[value] / np.sqrt(2)
            for gene, value in zip(self.genes, genotype, strict=True)
        }

    @cached_property
    def _varying(self) -> tuple[int, ...]:
        return tuple(i for i, digits in enumerate(self._digits) if len(digits) > 1)


def load_table(path: Path | str) -> TabularSpace:
    """The space of a JSON table.

    Raises:
        UserError: if the file cannot be read, is no such table, or has a row without accuracy.
    """
    try:
        table = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(f"{path}: is not JSON: {error}") from None
    if not isinstance(table, dict) or not table:
        raise UserError(f'{path}: must be a mapping {{code: {{"accuracy": ...}}}}')
    for code, row in table.items():
        if not isinstance(row, dict) or not _is_number(row.get("accuracy")):
            raise UserError(
                f"{path}: code {fields.short(code)}: must be a mapping with a finite accuracy"
            )
    try:
        return TabularSpace(table)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _digits(table: Mapping[str, object]) -> tuple[tuple[str, ...], ...]:
    lengths = {len(code) for code in table}
    if len(lengths) != 1:
        raise UserError(f"table: codes must have one length but got {sorted(lengths)[:5]}")
    for code in table:
        if not code.isdecimal():
            raise UserError(f"table: code {fields.short(code)} must consist of digits")
    return tuple(tuple(sorted(set(column))) for column in zip(*table, strict=True))
