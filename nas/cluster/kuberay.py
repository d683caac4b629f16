"""A RayCluster for the KubeRay operator (``ray.io/v1``; token authentication: 1.5.1 or newer)."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from nas.cluster.config import ClusterConfig, KubeRayConfig

GPU = "nvidia.com/gpu"


def manifest(config: ClusterConfig) -> dict[str, Any]:
    """One head, which trains nothing, and a group of GPU workers that grows and shrinks."""
    provider = config.provider
    assert isinstance(provider, KubeRayConfig)
    spec = {
        "rayVersion": metadata.version("ray"),
        "authOptions": {"mode": "token"},  # the operator makes the secret
        "enableInTreeAutoscaling": True,
        "autoscalerOptions": {"idleTimeoutSeconds": 60 * config.idle_minutes},
        "headGroupSpec": _head(provider),
        "workerGroupSpecs": [_workers(provider)],
    }
    named = {"name": config.name, "namespace": provider.namespace}
    return {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": named, "spec": spec}


def _head(provider: KubeRayConfig) -> dict[str, Any]:
    has = {"cpu": provider.head.cpus, "memory": provider.head.memory}
    start = {"num-cpus": "0", "num-gpus": "0", "dashboard-host": "127.0.0.1"}
    pod = {"containers": [_container("ray-head", provider.image, has)]}
    return {"serviceType": "ClusterIP", "rayStartParams": start, "template": {"spec": pod}}


def _workers(provider: KubeRayConfig) -> dict[str, Any]:
    pool = provider.workers
    has: dict[str, Any] = {"cpu": pool.cpus, "memory": pool.memory}
    tolerated = []
    if pool.gpus:
        has[GPU] = pool.gpus
        tolerated.append({"key": GPU, "operator": "Exists", "effect": "NoSchedule"})
    pod: dict[str, Any] = {"containers": [_container("ray-worker", provider.image, has)]}
    if pool.spot:
        key, _, value = pool.spot_label.partition("=")
        pod["nodeSelector"] = {key: value}
        tolerated.append({"key": key, "operator": "Exists", "effect": "NoSchedule"})
    if tolerated:
        pod["tolerations"] = tolerated
    return {
        "groupName": "gpu-workers",
        "replicas": pool.min,
        "minReplicas": pool.min,
        "maxReplicas": pool.max,
        "rayStartParams": {},
        "template": {"spec": pod},
    }


def _container(name: str, image: str, has: dict[str, Any]) -> dict[str, Any]:
    """Requests equal limits: Ray counts what it may use, and nothing is evicted for its memory."""
    return {
        "name": name,
        "image": image,
        "env": [{"name": "RAY_USAGE_STATS_ENABLED", "value": "0"}],
        "resources": {"requests": dict(has), "limits": dict(has)},
    }
