"""Files of Ray's cluster launcher (``ray up``): AWS, GCP and machines that are there.

The fields are those of Ray's own ``autoscaler/ray-schema.json``.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

from nas.cluster.config import AwsConfig, ClusterConfig, GcpConfig, OnPremiseConfig

HEAD, WORKER = "head", "gpu-worker"
TOKEN = "~/.ray/auth_token"
"""Where Ray looks for the cluster's secret, here and on every node."""
CHECKOUT = "~/spinenet-seg-nas"
WORK = "~/nas-work"
"""Of the head: where commands run and where ``submit --upload`` puts files."""
DASHBOARD = 8265
_SECURED = "export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0; ulimit -n 65536;"
_HEAD = (
    f"{_SECURED} ray start --head --port=6379 --object-manager-port=8076"
    f" --autoscaling-config=~/ray_bootstrap_config.yaml"
    f" --dashboard-host=127.0.0.1 --dashboard-port={DASHBOARD}"
)
_WORKER = f"{_SECURED} ray start --address=$RAY_HEAD_IP:6379 --object-manager-port=8076"


def launcher(config: ClusterConfig) -> dict[str, Any]:
    """What ``ray up`` takes. ValueError for a provider that it does not launch."""
    provider = config.provider
    if isinstance(provider, AwsConfig):
        return _common(config, provider.workers.max) | _aws(provider)
    if isinstance(provider, GcpConfig):
        return _common(config, provider.workers.max) | _gcp(provider)
    if isinstance(provider, OnPremiseConfig):
        return _common(config, len(provider.workers)) | _on_premise(provider)
    raise ValueError(f"Ray's launcher does not know {provider.name}")


def _common(config: ClusterConfig, most: int) -> dict[str, Any]:
    provider = config.provider
    assert isinstance(provider, AwsConfig | GcpConfig | OnPremiseConfig)
    auth = {"ssh_user": provider.ssh_user}
    if provider.ssh_key:
        auth["ssh_private_key"] = str(provider.ssh_key)
    values: dict[str, Any] = {
        "cluster_name": config.name,
        "max_workers": most,
        "idle_timeout_minutes": config.idle_minutes,
        "auth": auth,
        "file_mounts": {TOKEN: TOKEN} | ({CHECKOUT: str(config.source)} if config.source else {}),
        "rsync_exclude": ["**/.git/**", "**/.venv/**", "**/runs/**", "**/__pycache__/**"],
        "setup_commands": [*_install(config), *config.setup],
        "head_setup_commands": [f"mkdir -p {WORK}", *_cloud_client(provider)],
        "head_start_ray_commands": ["ray stop", _HEAD],
        "worker_start_ray_commands": ["ray stop", _WORKER],
    }
    if config.image:
        values["docker"] = {"image": config.image, "container_name": "spinenet-seg"}
    return values


def _install(config: ClusterConfig) -> list[str]:
    """The Ray of this machine: all nodes and the driver must have the same."""
    ray = f'"ray[default,tune]=={metadata.version("ray")}"'
    secret = f"chmod 600 {TOKEN}"
    return [secret, f"pip install {ray} {CHECKOUT}"] if config.source else [secret]


def _cloud_client(provider: AwsConfig | GcpConfig | OnPremiseConfig) -> list[str]:
    """What the autoscaler on the head talks to the cloud with."""
    clients = {"aws": "boto3", "gcp": "google-api-python-client google-auth cryptography"}
    client = clients.get(provider.name)
    return [f"pip install {client}"] if client else []


def _aws(provider: AwsConfig) -> dict[str, Any]:
    pool = provider.workers
    cloud: dict[str, Any] = {
        "type": "aws",
        "region": provider.region,
        "cache_stopped_nodes": False,  # a stopped node's disk costs on
    }
    if provider.zone:
        cloud["availability_zone"] = provider.zone
    if provider.ssh_from:
        cloud["security_group"] = {"IpPermissions": [_ssh_rule(provider.ssh_from)]}
    image = {"ImageId": provider.ami} if provider.ami else {}
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}} if pool.spot else {}
    head = {"InstanceType": provider.head.machine, **image, **_ebs(provider.head.disk)}
    worker = {"InstanceType": pool.machine, **image, **_ebs(pool.disk), **spot}
    return {"provider": cloud, **_types(head, worker, pool.min, pool.max, {}, {})}


def _ssh_rule(addresses: str) -> dict[str, Any]:
    ranges = [{"CidrIp": addresses}]
    return {"FromPort": 22, "ToPort": 22, "IpProtocol": "TCP", "IpRanges": ranges}


def _ebs(gigabytes: int) -> dict[str, Any]:
    volume = {"VolumeSize": gigabytes, "VolumeType": "gp3"}
    return {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": volume}]}


def _gcp(provider: GcpConfig) -> dict[str, Any]:
    pool = provider.workers
    cloud = {
        "type": "gcp",
        "region": provider.region,
        "availability_zone": provider.zone,
        "project_id": provider.project,
        "cache_stopped_nodes": False,
    }
    head = {"machineType": provider.head.machine, **_boot(provider.boot, provider.head.disk)}
    # A machine with a GPU cannot be moved while it runs.
    scheduling: dict[str, Any] = {"onHostMaintenance": "TERMINATE"}
    if pool.spot:
        scheduling |= {"provisioningModel": "SPOT", "automaticRestart": False}
    worker = {
        "machineType": pool.machine,
        **_boot(provider.boot, pool.disk),
        "scheduling": [scheduling],
        "metadata": {"items": [{"key": "install-nvidia-driver", "value": "True"}]},
    }
    if pool.gpus:
        kind = f"zones/{provider.zone}/acceleratorTypes/{pool.accelerator}"
        worker["guestAccelerators"] = [{"acceleratorType": kind, "acceleratorCount": pool.gpus}]
    has = {"CPU": pool.cpus, "GPU": pool.gpus}
    return {"provider": cloud, **_types(head, worker, pool.min, pool.max, {"CPU": 0}, has)}


def _boot(image: str, gigabytes: int) -> dict[str, Any]:
    start = {"diskSizeGb": gigabytes, "sourceImage": image}
    disk = {"boot": True, "autoDelete": True, "type": "PERSISTENT", "initializeParams": start}
    return {"disks": [disk]}


def _types(
    head: dict[str, Any],
    worker: dict[str, Any],
    least: int,
    most: int,
    head_has: dict[str, int],
    worker_has: dict[str, int],
) -> dict[str, Any]:
    """The head trains nothing: a lost worker is a lost trial, a lost head is the search."""
    head_type = {"resources": {**head_has, "CPU": 0}, "node_config": head}
    pool: dict[str, Any] = {"resources": worker_has, "node_config": worker}
    pool |= {"min_workers": least, "max_workers": most}
    return {"available_node_types": {HEAD: head_type, WORKER: pool}, "head_node_type": HEAD}


def _on_premise(provider: OnPremiseConfig) -> dict[str, Any]:
    hosts = {"type": "local", "head_ip": provider.head, "worker_ips": list(provider.workers)}
    return {"provider": hosts}
