"""What a worker gets in a cluster fits on one of its nodes, or it would wait for ever."""

from __future__ import annotations

import pytest

from nas.config import EngineConfig
from nas.engines.base import Node, Resources
from nas.parts import machines
from search_space.errors import UserError


@pytest.fixture
def having(monkeypatch: pytest.MonkeyPatch):
    """A cluster of nodes with so many (CPUs, GPUs)."""

    def having(*nodes: tuple[int, int]) -> None:
        known = [Node(str(n), f"n{n}:1", True, *has) for n, has in enumerate(nodes)]
        monkeypatch.setattr(machines, "_cluster", lambda address: known)

    return having


def resources(**values: object) -> Resources:
    return machines.resources(EngineConfig.model_validate({"address": "n0:1", **values}))


def test_one_worker_a_cpu_of_all_nodes(having) -> None:
    having((4, 0), (2, 0))
    assert resources() == Resources(6, 1, 0.0)
    assert resources(workers=2) == Resources(2, 1, 0.0)


def test_two_workers_a_gpu_with_the_cpus_beside_it(having) -> None:
    having((64, 0), (16, 2), (8, 2))  # a head without GPUs, two nodes that differ
    assert resources() == Resources(8, 2, 0.5)
    assert resources(device="cpu") == Resources(88, 1, 0.0)


def test_workers_for_nodes_that_are_yet_to_come_are_no_smaller(having) -> None:
    having((8, 1))
    assert resources(workers=16) == Resources(16, 4, 0.5)
    assert resources(workers=1) == Resources(1, 8, 1.0)


def test_a_full_training_gets_no_more_than_a_node_has(having) -> None:
    having((4, 0), (4, 0))
    config = EngineConfig(address="n0:1")
    assert machines.spread(config, Resources(1, 1, 0.0)) == Resources(1, 4, 0.0)
    assert machines.spread(config, Resources(4, 1, 0.0)) == Resources(4, 2, 0.0)


def test_a_gpu_is_not_asked_for_where_no_node_has_one(having) -> None:
    having((4, 0))
    with pytest.raises(UserError, match=r"engine\.device"):
        resources(device="cuda")
