"""Where a search on an encoder begins."""

from __future__ import annotations

import pytest

from nas import config as configs
from nas.parts import build
from search_space import catalog
from search_space.canonical import canonical_key

ALONE = canonical_key(catalog.load("efficientnet-lite0"))


@pytest.mark.parametrize(("controller", "near"), [("predictor", 4), ("random", 1)])
def test_a_search_begins_there_and_a_random_one_has_the_encoder_alone_only(
    controller: str, near: int
) -> None:
    more = {"initial": 4} if controller == "predictor" else {}
    values = {
        "space": {"encoder": "efficientnet-lite0"},
        "controller": {"name": controller} | more,
        "constraints": {"macs": 3e8},
    }
    config = configs.parse(configs.over({}, values, ()), "test")
    space = build.space(config)
    begun = build.controller(config, space)
    again = build.controller(config, space)
    first = begun.ask(0, [])
    assert space.key(first) == ALONE
    assert again.ask(0, []) == first
    beginning = build._beginning(config, space)
    assert len(beginning) == near
    assert all(space.allows(genotype) for genotype in beginning)
    assert len({space.key(genotype) for genotype in beginning}) == near
