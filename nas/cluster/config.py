"""The config of a cluster: one small YAML, typed, with mistakes refused in one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from nas.settings.messages import first_line
from nas.settings.section import Section
from search_space import strict_yaml
from search_space.errors import UserError
from search_space.files import at_home

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]


def _like(pattern: str, words: str) -> AfterValidator:
    """Refuses a string of any other shape; the words follow "must be"."""

    def shaped(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {words}, not {text!r}")
        return text

    return AfterValidator(shaped)


Word = Annotated[
    str,
    _like(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*", "of letters, digits and ._:/@-, without spaces"),
]
"""A name, a host or a path that means nothing to a shell."""
Memory = Annotated[str, _like(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)", "a size like 16Gi")]
"""As Kubernetes writes it."""


class _Pool(Section):
    """Workers come and go between ``min`` and ``max`` nodes."""

    min: Count = 1
    max: Positive = 4
    spot: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> _Pool:
        if self.min > self.max:
            raise ValueError(f"min must be at most max, which is {self.max}, not {self.min}")
        return self


class _Ssh(Section):
    ssh_user: Word = "ubuntu"
    ssh_key: Path | None = None


class MachineConfig(Section):
    """The head. ``disk`` in GB."""

    machine: Word
    disk: Positive = 100


class AwsPool(_Pool):
    """``machine`` tells AWS how many GPUs a node has."""

    machine: Word = "g5.xlarge"
    disk: Positive = 150


class AwsConfig(_Ssh):
    """EC2. ``ami``: by default Ray's choice of deep learning image for the region; ``ssh_from``:
    the addresses that may connect (CIDR), by default all."""

    name: Literal["aws"] = "aws"
    region: Word = "us-west-2"
    zone: Word | None = None
    ami: Word | None = None
    ssh_from: Word | None = None
    head: MachineConfig = MachineConfig(machine="m5.2xlarge")
    workers: AwsPool = AwsPool()


class GcpPool(_Pool):
    """``accelerator`` is attached ``gpus`` times to each ``machine``; 0 for machines that have
    their own."""

    machine: Word = "n1-standard-8"
    accelerator: Word = "nvidia-tesla-t4"
    gpus: Count = 1
    cpus: Positive = 8
    disk: Positive = 150


class GcpConfig(_Ssh):
    """Compute Engine. ``boot``: the image that nodes start from."""

    name: Literal["gcp"] = "gcp"
    project: Word
    region: Word = "us-west1"
    zone: Word = "us-west1-b"
    boot: Word = "projects/ml-images/global/images/family/common-cu128-ubuntu-2204-nvidia-570"
    head: MachineConfig = MachineConfig(machine="n1-standard-8")
    workers: GcpPool = GcpPool()


class OnPremiseConfig(_Ssh):
    """Machines that are there, reached over ssh."""

    name: Literal["on-premise"] = "on-premise"
    head: Word
    workers: Annotated[tuple[Word, ...], Field(min_length=1)]


class PodConfig(Section):
    """The head's pod."""

    cpus: Positive = 4
    memory: Memory = "16Gi"


class PodPool(_Pool):
    """Pods with ``gpus`` each. ``spot_label``: the node label, KEY=VALUE, of spot machines, also
    the key of their taint."""

    cpus: Positive = 8
    memory: Memory = "32Gi"
    gpus: Count = 1
    spot_label: Annotated[str, _like(r"[\w./-]+=[\w.-]+", "a label like KEY=VALUE")] = (
        "cloud.google.com/gke-spot=true"
    )


class KubeRayConfig(Section):
    """Pods of a Kubernetes cluster with the KubeRay operator 1.5.1 or newer. ``image`` has this
    package and Ray in it."""

    name: Literal["kuberay"] = "kuberay"
    namespace: Word = "default"
    image: Word
    head: PodConfig = PodConfig()
    workers: PodPool = PodPool()


class SlurmConfig(Section):
    """A batch job of ``nodes`` whole tasks; ``prepare`` are shell lines before Ray starts, such as
    ``module load`` or the activation of an environment."""

    name: Literal["slurm"] = "slurm"
    partition: Word | None = None
    account: Word | None = None
    time: Annotated[str, _like(r"(\d+-)?\d+(:\d\d){0,2}", "a time like 24:00:00 or 2-00:00:00")] = (
        "24:00:00"
    )
    nodes: Positive = 2
    cpus: Positive = 16
    gpus: Count = 4
    port: Annotated[int, Field(ge=1024, le=65535)] = 6379
    prepare: tuple[str, ...] = ()


class LocalConfig(Section):
    """Separate raylets on this machine, with ``cpus`` and ``gpus`` each."""

    name: Literal["local"] = "local"
    nodes: Positive = 2
    cpus: Positive = 1
    gpus: Count = 0


Provider = Annotated[
    AwsConfig | GcpConfig | OnPremiseConfig | KubeRayConfig | SlurmConfig | LocalConfig,
    Field(discriminator="name"),
]


class ClusterConfig(Section):
    """A whole cluster. ``source`` is a checkout of this package that is copied to the nodes and
    installed there, none where ``image`` has it already; ``image`` is a container to run in (aws,
    gcp, on-premise); ``setup`` are shell lines after the installation; a worker that is idle for
    ``idle_minutes`` goes."""

    name: Annotated[
        str,
        _like(
            r"[a-z][a-z0-9-]{0,30}", "at most 31 characters of a to z, 0 to 9 and -, a letter first"
        ),
    ] = "spinenet-seg"
    provider: Provider
    source: Path | None = Path(".")
    image: Word | None = None
    setup: tuple[str, ...] = ()
    idle_minutes: Positive = 10


def load(path: Path) -> ClusterConfig:
    """The cluster that a file asks for; paths in it count from its folder.

    Raises:
        UserError: naming the file, the key, and what may stand there.
    """
    try:
        values = strict_yaml.parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the cluster file cannot be read ({error})") from None
    config = parse(values, str(path))
    source = config.source
    if source is None or at_home(source).is_absolute():
        return config
    return config.model_copy(update={"source": (path.parent / source).resolve()})


def parse(values: Any, source: str) -> ClusterConfig:
    """Validate plain values. UserError names ``source`` and the first wrong key."""
    if not isinstance(values, dict):
        raise UserError(f"{source}: must be a mapping of keys to values, with a provider")
    if isinstance(name := values.get("provider"), str):
        values = values | {"provider": {"name": name}}
    try:
        return ClusterConfig.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{source}: {first_line(error, ClusterConfig)}") from None
