"""Ray is started once for all that trains in a command, and a cluster is joined once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from nas.config import EngineConfig, PromotionConfig
from nas.parts import machines, shared_ray
from proxy_tasks import processor


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of Ray, which is not there."""
    from nas.engines import ray_cluster, ray_session

    told: list[str] = []
    begun: list[bool] = []

    @contextmanager
    def own_node(cpus: int) -> Iterator[SimpleNamespace]:
        told.append(f"{cpus} CPUs")
        yield SimpleNamespace(folder="", alive=lambda: True)

    def init(address: str = "", **known: Any) -> None:
        if address != "auto":
            told.append(address)
        begun.append(True)

    def shutdown() -> None:
        told.append("shutdown")
        begun.clear()

    node = {"NodeID": "n", "NodeManagerAddress": "h", "NodeManagerPort": 1, "Alive": True}
    ray = ray_cluster.ray
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", shutdown)
    monkeypatch.setattr(ray, "is_initialized", lambda: bool(begun))
    monkeypatch.setattr(ray, "nodes", lambda: [node | {"Resources": {"CPU": 3.0}}])
    monkeypatch.setattr(ray_cluster, "_check", lambda address: None)
    monkeypatch.setattr(ray_cluster, "_stays", list)
    monkeypatch.setattr(ray_session, "own_node", own_node)
    return told


def train(config: EngineConfig) -> None:
    """As far as an engine goes before it trains."""
    from nas.engines.ray_session import running

    resources = machines.spread(config, machines.resources(config, jobs=1))
    with running(config.address, resources.workers * resources.cpus):
        pass


def test_a_search_and_its_promotions_run_on_one_ray_with_all_cores(calls: list[str]) -> None:
    config = EngineConfig(workers=1, device="cpu")
    with shared_ray.connected(config), shared_ray.one_ray(config, PromotionConfig()):
        train(config)
        train(config)
    assert calls == [f"{processor.cores()} CPUs", "shutdown"]


def test_what_does_not_promote_starts_no_more_than_its_workers(calls: list[str]) -> None:
    with shared_ray.one_ray(EngineConfig(workers=1, device="cpu")):
        pass
    assert calls == ["1 CPUs", "shutdown"]


def test_a_cluster_is_joined_once(calls: list[str]) -> None:
    config = EngineConfig(address="h:1", device="cpu")
    with shared_ray.connected(config):
        assert machines.resources(config).workers == 3
        with shared_ray.one_ray(config, PromotionConfig()):
            train(config)
    assert calls == ["h:1", "shutdown"]


def test_without_ray_none_is_started(calls: list[str]) -> None:
    config = EngineConfig(name="inline", address="h:1")
    with shared_ray.connected(config), shared_ray.one_ray(config, PromotionConfig()):
        pass
    assert calls == []
