"""A driver that joins a cluster, for tests: its jobs are run to their end."""

from __future__ import annotations

from dataclasses import replace

from nas.config import EngineConfig
from nas.parts import machines, running
from proxy_tasks.task import ProxyTask
from tests.support.sources import FIDELITY, Recorder


def joined(address: str, task: ProxyTask, count: int) -> Recorder:
    """The source at its end, with all workers of the cluster."""
    source = Recorder(count, replace(FIDELITY, epochs=1), retries=count)
    engine = EngineConfig(address=address, device="cpu")
    resources = machines.resources(engine)
    assert resources.workers == 2
    running.engine(engine, resources).run(task, source)
    return source
