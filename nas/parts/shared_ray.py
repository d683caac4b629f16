"""One Ray for all that a command asks of it and trains on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nas.config import EngineConfig, PromotionConfig
from nas.parts import machines
from proxy_tasks import processor


@contextmanager
def connected(config: EngineConfig) -> Iterator[None]:
    """In the cluster at the address, if there is one, which is joined once for all that is asked of
    it inside. UserError when it cannot be."""
    if not config.address or config.name == "inline":
        yield
        return
    from nas.engines.ray_cluster import joined

    with joined(config.address):
        yield


@contextmanager
def one_ray(config: EngineConfig, promotion: PromotionConfig | None = None) -> Iterator[None]:
    """A Ray of our own is started once for all that trains inside. With all cores where trials are
    promoted too, as full trainings share them."""
    if config.name == "inline":
        yield
        return
    from nas.engines.ray_session import running

    known = machines.resources(config)
    cpus = known.workers * known.cpus
    if promotion:
        cpus = max(cpus, processor.cores(), promotion.processes)
    with running(config.address, cpus):
        yield
