"""The network that is built, and what it is said to cost, follow it as declared."""

from __future__ import annotations

from typing import Any

from proxy_tasks.networks import build
from search_space.architecture import Architecture
from search_space.attributes import Attribute
from search_space.cost import cost
from search_space.features import architecture_features
from search_space.scales import Scale
from tests.support.attribute_checks.common import PLAIN, changed, check

SCALE, CLASSES, SIZE = Scale(0.125, endpoint_filters=8, aspp_filters=8), 5, (32, 48)


def parameters(network: Architecture) -> int:
    """Of what is really built."""
    built = build(network, SCALE, CLASSES, SIZE)
    return sum(weights.numel() for weights in built.parameters())


@check
def costs_are_those_of_the_network(attribute: Attribute, value: Any) -> None:
    for network in (PLAIN, changed(attribute, value)):
        assert cost(network, SCALE, CLASSES, SIZE).parameters == parameters(network)


@check
def costs_change_where_that_is_declared(attribute: Attribute, value: Any) -> None:
    found = []
    for network in (PLAIN, changed(attribute, value)):
        total = cost(network, SCALE, CLASSES, SIZE)
        told = architecture_features(network)["cost"][:3]
        found.append((total.parameters, total.macs, total.activations, *told.tolist()))
    for ours, theirs in zip(*found, strict=True):
        assert (ours == theirs) == (attribute.changes == "values")
