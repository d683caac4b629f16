"""The latency of a network that nobody measured, from a table of operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from search_space.backbone import Backbone
from search_space.cost.graph import Graph
from search_space.latency.fit import LEAST, Law, family, fitted
from search_space.latency.operators import LOGITS, Laid, Operator, operators
from search_space.latency.table import LatencyTable, Row
from search_space.nodes import Size
from search_space.scales import Scale


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a network by ``parts``, in the order in which they are computed;
    ``measured``: of operators whose very shape is in the table, ``foreign``: of kinds that the
    table has none of."""

    parts: Mapping[str, float]
    measured: float
    foreign: float = 0.0

    @property
    def ms(self) -> float:
        """From an image to logits of its size."""
        return sum(self.parts.values())

    @property
    def low_ms(self) -> float:
        """To logits of the network's own size."""
        return self.ms - self.parts.get(LOGITS, 0.0)


class LatencyModel:
    """Predicts from a table: an operator of a measured shape takes what it took, any other what the
    law of its family says (search_space.latency.fit)."""

    def __init__(self, table: LatencyTable) -> None:
        self.table = table
        self._measured = {row.operator: row.ms for row in table.rows}
        self._known = dict(self._measured)
        self._foreign: set[Operator] = set()

    def of(
        self,
        backbone: Backbone,
        scale: Scale,
        classes: int,
        image: Size,
        trained: Size | None = None,
    ) -> Latency:
        """Of the exported network for one image of (height, width) pixels, where it is ``trained``
        on such images or on those. UserError as ``search_space.cost.cost``."""
        graph = Graph(backbone, scale, classes, image, trained=trained)
        return self.predicted(operators(graph))

    def predicted(self, laid: Sequence[Laid]) -> Latency:
        """Of a network's operators."""
        made = [each.operator for each in laid]
        self._learn(made)
        parts: dict[str, float] = {}
        for part, operator, _ in laid:
            parts[part] = parts.get(part, 0.0) + self._known[operator]
        measured = sum(self._measured.get(each, 0.0) for each in made)
        foreign = sum(self._known[each] for each in made if each in self._foreign)
        return Latency(parts, measured, foreign)

    def _learn(self, made: Iterable[Operator]) -> None:
        """The shapes that were not asked for before, family by family."""
        new: dict[str, list[Operator]] = {}
        for each in dict.fromkeys(made):
            if each not in self._known:
                new.setdefault(family(each), []).append(each)
        for name, those in new.items():
            law = self._laws.get(name)
            if law is None:
                law = self._any
                self._foreign.update(those)
            self._known |= {each: float(ms) for each, ms in zip(those, law(those), strict=True)}

    @cached_property
    def _laws(self) -> Mapping[str, Law]:
        rows: dict[str, list[Row]] = {}
        for row in self.table.rows:
            rows.setdefault(family(row.operator), []).append(row)
        return {name: _law(those) for name, those in rows.items()}

    @cached_property
    def _any(self) -> Law:
        """Of all operators together, for what the table has none like."""
        return _law(self.table.rows)


def _law(rows: Sequence[Row]) -> Law:
    return fitted([row.operator for row in rows], [max(row.ms, LEAST / 10) for row in rows])
