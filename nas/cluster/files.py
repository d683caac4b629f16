"""The files made from a cluster's YAML, and the commands of the tools that read them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from nas.cluster import kuberay, launcher, slurm
from nas.cluster.config import ClusterConfig, KubeRayConfig, SlurmConfig
from search_space import strict_yaml

JOINING = ("search", "audit", "promote")
"""Commands that train."""


@dataclass(frozen=True)
class Plan:
    """``text`` goes to ``file``; the commands start, show and end what it describes."""

    file: Path
    text: str
    up: tuple[list[str], ...]
    status: list[str]
    down: list[str]


def plan(config: ClusterConfig, source: Path) -> Plan:
    """Of every provider but ``local``; the file goes beside the YAML."""
    beside = source.with_suffix("")
    if isinstance(config.provider, KubeRayConfig):
        return _kuberay(config, config.provider, Path(f"{beside}.kuberay.yaml"))
    if isinstance(config.provider, SlurmConfig):
        return _slurm(config, Path(f"{beside}.sbatch"))
    file = Path(f"{beside}.ray.yaml")
    ray = [["ray", "up", "--yes", str(file)]]
    return Plan(
        file,
        _made(source) + strict_yaml.render(launcher.launcher(config)),
        tuple(ray),
        ["ray", "exec", str(file), "RAY_AUTH_MODE=token ray status"],
        ["ray", "down", "--yes", str(file)],
    )


def _kuberay(config: ClusterConfig, provider: KubeRayConfig, file: Path) -> Plan:
    text = strict_yaml.render(kuberay.manifest(config))
    kubectl = ["kubectl", "--namespace", provider.namespace]
    selected = f"ray.io/cluster={config.name}"
    return Plan(
        file,
        text,
        ([*kubectl, "apply", "-f", str(file)],),
        [*kubectl, "get", "raycluster,pods", "--selector", selected, "-o", "wide"],
        [*kubectl, "delete", "-f", str(file)],
    )


def _slurm(config: ClusterConfig, file: Path) -> Plan:
    """Nothing to start: in Slurm a cluster is the job that runs on it."""
    mine = ["--me", "--name", config.name]
    return Plan(file, slurm.script(config), (), ["squeue", *mine], ["scancel", *mine])


def _made(source: Path) -> str:
    return f"# Made from {source.name} by `nas cluster up`: change that, not this.\n"


def submit(
    config: ClusterConfig, file: Path, words: list[str], uploads: list[Path]
) -> list[list[str]]:
    """The commands that run ``nas WORDS`` on the cluster, to be run one after the other."""
    if isinstance(config.provider, SlurmConfig):
        return [["sbatch", str(file), *words]]
    if isinstance(config.provider, KubeRayConfig):
        return _submit_pod(config, config.provider, words, uploads)
    folder = launcher.WORK
    makes = [["ray", "exec", str(file), _make(up.parent)] for up in uploads]
    copies = [["ray", "rsync-up", str(file), *_copied(up)] for up in uploads]
    return [*makes, *copies, ["ray", "exec", str(file), _job(folder, words)]]


def _make(folder: Path) -> str:
    return f"mkdir -p {launcher.WORK}/{shlex.quote(str(folder))}"


def _copied(path: Path) -> tuple[str, str]:
    """From where to where, as rsync takes a file, or what is in a folder."""
    end = "/" if path.is_dir() else ""
    return f"{path}{end}", f"{launcher.WORK}/{path}{end}"


def _submit_pod(
    config: ClusterConfig, provider: KubeRayConfig, words: list[str], uploads: list[Path]
) -> list[list[str]]:
    kubectl = ["kubectl", "--namespace", provider.namespace]
    inside = [*kubectl, "exec", f"service/{config.name}-head-svc", "--", "bash", "-lc"]
    makes = [[*inside, _make(up.parent)] for up in uploads]
    # A folder travels as a stream: kubectl cp takes no service for a target.
    copies = [
        ["bash", "-c", f"tar cf - {shlex.quote(str(up))} | {_piped(inside)}"] for up in uploads
    ]
    return [*makes, *copies, [*inside, _job(launcher.WORK, words)]]


def _piped(inside: list[str]) -> str:
    unpack = [*inside, f"tar xf - -C {launcher.WORK}"]
    return shlex.join([*unpack[:3], "exec", "-i", *unpack[4:]])


def _job(folder: str, words: list[str]) -> str:
    """A Ray job on the head: it goes on when this machine goes away, and nobody needs a port."""
    joined = [*words, "--set", "engine.address=auto"] if words[0] in JOINING else words
    task = f"mkdir -p {folder} && cd {folder} && nas {shlex.join(joined)}"
    address = f"http://127.0.0.1:{launcher.DASHBOARD}"
    return f"RAY_AUTH_MODE=token ray job submit --address {address} -- bash -lc {shlex.quote(task)}"
