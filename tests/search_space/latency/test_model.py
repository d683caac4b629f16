"""Predictions: exact where it was measured, near it elsewhere, and never less for more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space.cost.graph import Graph
from search_space.latency.fit import not_negative
from search_space.latency.model import LatencyModel
from search_space.latency.operators import KINDS, READERS, Laid, Operator, operators
from search_space.latency.table import LatencyTable
from tests.support.latency import SIZE, SMALL, law, networks, table

TABLE = table(networks(6))
MODEL = LatencyModel(TABLE)


def true_ms(backbone, size=SIZE) -> float:
    return sum(law(each.operator) for each in operators(Graph(backbone, SMALL, 3, size)))


def test_it_is_exact_where_all_operators_were_measured() -> None:
    for backbone in networks(6):
        found = MODEL.of(backbone, SMALL, 3, SIZE)
        assert found.ms == pytest.approx(true_ms(backbone))
        assert found.measured == pytest.approx(found.ms)
        assert sum(found.parts.values()) == found.ms > found.low_ms > 0


def test_networks_that_were_never_measured_are_near_the_truth() -> None:
    for backbone in networks(8, seed=5):
        for size in ((48, 64), (128, 128)):
            found = MODEL.of(backbone, SMALL, 3, size)
            assert found.measured < found.ms
            assert found.ms == pytest.approx(true_ms(backbone, size), rel=0.1)


def test_what_was_asked_before_changes_nothing() -> None:
    first, second = networks(2, seed=9)
    asked = LatencyModel(TABLE)
    asked.of(second, SMALL, 3, (80, 80))
    alone = LatencyModel(TABLE).of(first, SMALL, 3, SIZE)
    assert asked.of(first, SMALL, 3, SIZE) == alone


def one(made: Operator) -> float:
    return MODEL.predicted([Laid("x", made, (-1,))]).ms


SHAPES = st.builds(
    lambda kind, channels, filters, side, kernel, relu, reader: Operator(
        kind,
        channels,
        filters if kind == "conv" else channels,
        (side, side),
        (side, side),
        kernel if kind == "conv" else 1,
        relu=relu,
        reader=reader,
    ),
    st.sampled_from(("conv", "sum", "bilinear")),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(1, 200),
    st.sampled_from((1, 3)),
    st.booleans(),
    st.sampled_from(READERS),
)


@given(SHAPES, st.sampled_from(("channels", "size")), st.integers(2, 4))
@settings(max_examples=100, deadline=None)
def test_more_never_costs_less(made: Operator, what: str, times: int) -> None:
    more = made._replace(channels=times * made.channels)
    if made.kind != "conv":
        more = more._replace(filters=more.channels)
    if what == "size":
        side = times * made.size[0]
        more = made._replace(size=(side, side), out=(side, side))
    assert one(more) >= 0.98 * one(made) > 0


def test_an_operator_of_a_kind_that_the_table_has_none_of_is_told() -> None:
    convs = tuple(row for row in TABLE.rows if row.operator.kind == "conv")
    found = LatencyModel(LatencyTable(TABLE.measured, convs)).of(next(networks(1)), SMALL, 3, SIZE)
    assert 0 < found.foreign < found.ms


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_finite_latency(kind: str) -> None:
    assert 0 < one(Operator(kind, 1, 1, (1, 1), (1, 1))) < 10
    assert 0 < one(Operator(kind, 4096, 4096, (2048, 2048), (2048, 2048), 3)) < 1e9


def test_least_squares_without_negative_coefficients() -> None:
    rng = np.random.default_rng(0)
    a = rng.random((50, 4))
    assert not_negative(a, a @ [1.0, 0.0, 2.0, 0.5]) == pytest.approx([1, 0, 2, 0.5], abs=1e-4)
    found = not_negative(a, a @ [1.0, -3.0, 2.0, 0.5])
    assert found.min() == 0
    gradient = a.T @ (a @ found - a @ [1.0, -3.0, 2.0, 0.5])
    assert gradient[found > 0] == pytest.approx(0, abs=1e-4)
    assert (gradient[found == 0] >= -1e-4).all()
