"""Every declared attribute of a block means something, and costs what it is declared to."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from proxy_tasks.networks import build
from search_space.architecture import ATTRIBUTES
from search_space.attributes import Attribute
from tests.support.attribute_checks import networks
from tests.support.attribute_checks.common import CHANGED, PLAIN, changed

NAMES = [each.name for each in ATTRIBUTES]


def other(attribute: Attribute) -> Any:
    """A value that the changed block does not have."""
    used = getattr(PLAIN.all_blocks[CHANGED], attribute.name)
    values = attribute.values or (attribute.least, attribute.least + 1)
    return next(value for value in values if value != used)


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=NAMES)
def test_costs_follow_as_declared(attribute: Attribute) -> None:
    networks.costs_are_those_of_the_network(attribute, other(attribute))
    networks.costs_change_where_that_is_declared(attribute, other(attribute))


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=NAMES)
def test_the_network_computes_otherwise(attribute: Attribute) -> None:
    x_1CHW, logits = torch.randn(1, 3, *networks.SIZE), []
    for architecture in (PLAIN, changed(attribute, other(attribute))):
        torch.manual_seed(0)
        network = build(architecture, networks.SCALE, networks.CLASSES, networks.SIZE).eval()
        with torch.no_grad():
            logits.append(network(x_1CHW))
    assert not torch.equal(*logits)
