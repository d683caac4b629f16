"""How many workers, with how many cores and which share of a GPU each: here or on a cluster."""

from __future__ import annotations

from dataclasses import replace

import torch

from nas.config import Config, EngineConfig
from nas.engines.base import Node, Resources
from proxy_tasks import processor
from search_space.errors import UserError


def resources(config: EngineConfig, jobs: int | None = None) -> Resources:
    """One worker a core with one thread each, or two workers a GPU; never more than ``jobs``.
    With an address, of the cluster's.

    Raises:
        UserError: when a GPU is asked for and there is none, or no cluster answers.
    """
    cores, gpus = _machine(config)
    if config.device == "cuda" and not gpus:
        raise UserError("engine.device: there is no CUDA GPU here; write cpu or auto")
    on_gpu = gpus > 0 and config.device != "cpu"
    workers = config.workers or (2 * gpus if on_gpu else cores)
    if config.name == "inline":
        workers = 1
    workers = min(workers, jobs) if jobs else workers
    if on_gpu:
        share, threads = min(1.0, gpus / workers), cores // workers
        if config.address:  # workers beyond two a GPU are for nodes that are yet to come
            share = max(share, 0.5)
            threads = int(cores / gpus * share)
        return Resources(workers, max(1, threads), share, _gpu_memory(config))
    return Resources(workers, cpus=1, gpus=0.0)


def promotion_resources(config: Config, jobs: int) -> Resources:
    """Full trainings share the cores there are. By several processes: as many trainings at a time
    as there are GPUs or cores for.

    Raises:
        UserError: as ``resources``, and when there are fewer GPUs, or cores of a cluster, than
            processes of one training.
    """
    promotion = config.promotion
    return full_resources(
        config.engine, jobs, promotion.processes, promotion.threads, "promotion.processes"
    )


def full_resources(
    engine: EngineConfig, jobs: int, processes: int, threads: int | None, key: str
) -> Resources:
    """Of ``jobs`` trainings by so many ``processes`` each, with at most so many ``threads``; see
    promotion_resources. ``key`` is where the processes are asked for."""
    if processes == 1:
        return _threaded(threads, spread(engine, resources(engine, jobs)))
    whole = resources(engine)
    cores, gpus = _machine(engine)
    places, what = (gpus, "GPUs") if whole.gpus else (cores, "CPU cores")
    if places < processes and (whole.gpus or engine.address):
        raise UserError(f"{key}: {processes} are more than the {places} {what}")
    workers = min(jobs, engine.workers or max(1, places // processes))
    shared = replace(whole, workers=workers * processes, gpus=float(whole.gpus > 0))
    found = _threaded(threads, spread(engine, shared))
    return replace(found, workers=workers, processes=processes)


def _threaded(threads: int | None, resources: Resources) -> Resources:
    """With no more threads than the config says."""
    return replace(resources, cpus=min(resources.cpus, threads)) if threads else resources


def _machine(config: EngineConfig) -> tuple[int, int]:
    """CPU cores and GPUs: of this machine, or of the cluster to join. Where there are GPUs to use,
    the cores are those beside them."""
    if not config.address:
        return processor.cores(), torch.cuda.device_count()
    alive = _cluster(config.address)
    gpus = sum(node.gpus for node in alive)
    if not gpus or config.device == "cpu":
        return max(1, sum(node.cpus for node in alive)), gpus
    least = min(node.cpus / node.gpus for node in alive if node.gpus)
    return max(1, int(least * gpus)), gpus


def _gpu_memory(config: EngineConfig) -> int:
    """Bytes of one GPU; 0 of a cluster's, which its driver cannot ask."""
    return 0 if config.address else torch.cuda.get_device_properties(0).total_memory


def _cluster(address: str) -> list[Node]:
    """Its nodes that live. UserError when it cannot be joined, or nobody comes to train."""
    from nas.engines.ray_cluster import trainers

    return trainers(address)


def spread(config: EngineConfig, resources: Resources) -> Resources:
    """Give the cores that are left over to the workers there are: full trainings are compared by
    what they reach, not bit by bit, so the number of threads may follow the machine. No worker
    gets more than a node of a cluster has: it would wait for ever."""
    share = _machine(config)[0] // resources.workers
    if config.address:
        share = min(share, max(node.cpus for node in _cluster(config.address)))
    return replace(resources, cpus=max(1, share))
