"""A batch script for Slurm: the head on the first node, a worker on each, then one command."""

from __future__ import annotations

from nas.cluster.config import ClusterConfig, SlurmConfig

_BODY = r"""
set -euo pipefail
[ $# -gt 0 ] || {{ echo "usage: sbatch FILE search CONFIG ..." >&2; exit 2; }}
{prepare}
# The secret of this cluster; home directories are taken to be shared by the nodes.
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
(umask 077 && ray get-auth-token --generate > /dev/null)

nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
head=$(srun --nodes=1 --ntasks=1 --nodelist="${{nodes[0]}}" hostname --ip-address)
head=${{head%% *}}
address="$head:{port}"
own="${{TMPDIR:-/tmp}}/ray-$SLURM_JOB_ID"
ray_node() {{ # NODE, then what ``ray start`` is told; ends with the job
    srun --nodes=1 --ntasks=1 --nodelist="$1" --overlap \
        ray start --block --num-cpus={cpus} --num-gpus={gpus} --temp-dir="$own" "${{@:2}}" &
}}

ray_node "${{nodes[0]}}" --head --node-ip-address="$head" --port={port} --dashboard-host=127.0.0.1
for _ in $(seq 60); do
    (exec 3<> "/dev/tcp/$head/{port}") 2> /dev/null && break
    sleep 2
done
for node in "${{nodes[@]:1}}"; do
    ray_node "$node" --address="$address"
done

# Raylets that come late get their work when they are there. When the time is up, submit again with
# --resume: the ledger has everything that finished.
case "$1" in
    search | audit | promote) nas "$@" --set "engine.address=$address" ;;
    *) nas "$@" ;;
esac
"""


def script(config: ClusterConfig) -> str:
    """For ``sbatch FILE search CONFIG ...``."""
    provider = config.provider
    assert isinstance(provider, SlurmConfig)
    options = {
        "job-name": config.name,
        "nodes": provider.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": provider.cpus,
        "gpus-per-node": provider.gpus or None,
        "time": provider.time,
        "partition": provider.partition,
        "account": provider.account,
        "output": f"{config.name}-%j.log",
    }
    asked = [f"#SBATCH --{key}={value}" for key, value in options.items() if value is not None]
    body = _BODY.format(
        prepare="\n".join([*provider.prepare, *config.setup]),
        port=provider.port,
        cpus=provider.cpus,
        gpus=provider.gpus,
    )
    return "\n".join(["#!/bin/bash", *asked]) + body
