"""The files made of a cluster's YAML are what Ray, KubeRay and Slurm take, and safe by default."""

from __future__ import annotations

import json
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from nas import cli
from nas.cluster import config as configs
from nas.cluster import files
from search_space.errors import UserError

AWS = {"name": "aws", "region": "eu-west-1", "workers": {"machine": "g5.2xlarge", "max": 8}}
GCP = {"name": "gcp", "project": "my-project"}
HOSTS = {"name": "on-premise", "head": "10.0.0.1", "workers": ["10.0.0.2", "10.0.0.3"]}
KUBERAY = {"name": "kuberay", "namespace": "research", "image": "registry.local/seg:1"}
SLURM = {"name": "slurm", "partition": "gpu", "nodes": 3, "gpus": 2, "prepare": ["module load x"]}


def plan(provider: dict[str, Any], **values: Any) -> files.Plan:
    config = configs.parse({"name": "seg", "provider": provider, **values}, "cluster.yaml")
    return files.plan(config, Path("work/cluster.yaml"))


def made(provider: dict[str, Any], **values: Any) -> dict[str, Any]:
    text = plan(provider, **values).text
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def ray_schema() -> Any:
    spec = find_spec("ray")  # Ray itself is slow to import
    assert spec
    assert spec.origin
    return json.loads((Path(spec.origin).parent / "autoscaler" / "ray-schema.json").read_text())


@pytest.mark.parametrize("provider", [AWS, GCP, HOSTS], ids=lambda each: each["name"])
def test_rays_own_schema_takes_the_launchers_file(provider: dict[str, Any]) -> None:
    values = made(provider, image="rayproject/ray:latest", setup=["echo done"])
    jsonschema.validate(values, ray_schema())
    ray_up = plan(provider).up
    assert ray_up == (["ray", "up", "--yes", "work/cluster.ray.yaml"],)


@pytest.mark.parametrize("provider", [AWS, GCP, HOSTS], ids=lambda each: each["name"])
def test_every_node_wants_the_token_and_the_dashboard_is_on_loopback(
    provider: dict[str, Any],
) -> None:
    values = made(provider)
    starts = values["head_start_ray_commands"][-1], values["worker_start_ray_commands"][-1]
    assert all("export RAY_AUTH_MODE=token" in start for start in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert values["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert any(metadata.version("ray") in command for command in values["setup_commands"])


def test_a_gpu_pool_on_aws_is_spot_within_its_bounds() -> None:
    pool = made(AWS)["available_node_types"]["gpu-worker"]
    assert (pool["min_workers"], pool["max_workers"]) == (1, 8)
    assert pool["node_config"]["InstanceType"] == "g5.2xlarge"
    assert pool["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    on_demand = made(AWS | {"workers": {"spot": False}})["available_node_types"]["gpu-worker"]
    assert "InstanceMarketOptions" not in on_demand["node_config"]


def test_ssh_on_aws_can_be_kept_to_some_addresses() -> None:
    (rule,) = made(AWS | {"ssh_from": "203.0.113.0/24"})["provider"]["security_group"][
        "IpPermissions"
    ]
    assert rule["IpRanges"] == [{"CidrIp": "203.0.113.0/24"}]
    assert (rule["FromPort"], rule["ToPort"]) == (22, 22)


def test_a_gpu_pool_on_gcp_has_its_accelerators_and_is_spot() -> None:
    types = made(GCP)["available_node_types"]
    worker = types["gpu-worker"]["node_config"]
    assert worker["guestAccelerators"][0]["acceleratorCount"] == 1
    assert worker["guestAccelerators"][0]["acceleratorType"].endswith("/nvidia-tesla-t4")
    assert worker["scheduling"][0]["provisioningModel"] == "SPOT"
    assert types["gpu-worker"]["resources"] == {"CPU": 8, "GPU": 1}
    assert types["head"]["resources"]["CPU"] == 0


def test_machines_that_are_there_are_named() -> None:
    values = made(HOSTS | {"ssh_user": "ada", "ssh_key": "~/.ssh/lab"})
    assert values["provider"] == {
        "type": "local",
        "head_ip": "10.0.0.1",
        "worker_ips": ["10.0.0.2", "10.0.0.3"],
    }
    assert values["auth"] == {"ssh_user": "ada", "ssh_private_key": "~/.ssh/lab"}


def test_a_kuberay_manifest_is_authenticated_bounded_and_tolerates_spot() -> None:
    values = made(KUBERAY | {"workers": {"min": 1, "max": 6, "gpus": 2}})
    assert (values["apiVersion"], values["kind"]) == ("ray.io/v1", "RayCluster")
    spec = values["spec"]
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"]["dashboard-host"] == "127.0.0.1"
    (group,) = spec["workerGroupSpecs"]
    assert (group["minReplicas"], group["replicas"], group["maxReplicas"]) == (1, 1, 6)
    pod = group["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert pod["nodeSelector"] == {"cloud.google.com/gke-spot": "true"}
    assert {each["key"] for each in pod["tolerations"]} == {
        "nvidia.com/gpu",
        "cloud.google.com/gke-spot",
    }


def test_a_slurm_script_is_bash_and_starts_head_workers_and_the_command(tmp_path: Path) -> None:
    made = plan(SLURM)
    assert made.up == ()
    for asked in ("--nodes=3", "--gpus-per-node=2", "--partition=gpu", "--job-name=seg"):
        assert f"#SBATCH {asked}\n" in made.text
    assert "module load x\n" in made.text
    # The whole script with Slurm's and our commands replaced by what they are told.
    fakes = {
        "scontrol": "printf 'n1\\nn2\\nn3\\n'",
        "srun": 'case "$*" in *hostname*) echo 127.0.0.1 10.9.9.9 ;; *) echo "$@" >> calls ;; esac',
        "ray": "true",
        "nas": 'sleep 1; echo nas "$@" "$RAY_AUTH_MODE" >> calls',
        "seq": "echo 1",
        "module": "true",
        "sleep": "true",
    }
    for name, body in fakes.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    script = tmp_path / "cluster.sbatch"
    script.write_text(made.text)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_NODELIST": "n[1-3]"}
    environment["SLURM_JOB_ID"] = "7"
    words = ["bash", str(script), "search", "a b.yaml"]
    subprocess.run(words, check=True, env=environment, cwd=tmp_path, timeout=60)
    calls = (tmp_path / "calls").read_text().splitlines()
    head = next(call for call in calls if "--head" in call)
    assert "--nodelist=n1" in head
    assert "--dashboard-host=127.0.0.1" in head
    assert sum("--address=127.0.0.1:6379" in call for call in calls) == 2
    assert "nas search a b.yaml --set engine.address=127.0.0.1:6379 token" in calls


def test_a_command_becomes_a_ray_job_on_the_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "camvid").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    config = configs.parse({"provider": HOSTS}, "cluster.yaml")
    *before, last = files.submit(
        config, Path("c.ray.yaml"), ["search", "my config.yaml"], [Path("data/camvid")]
    )
    assert before == [
        ["ray", "exec", "c.ray.yaml", "mkdir -p ~/nas-work/data"],
        ["ray", "rsync-up", "c.ray.yaml", "data/camvid/", "~/nas-work/data/camvid/"],
    ]
    assert last[:3] == ["ray", "exec", "c.ray.yaml"]
    (job,) = last[3:]
    assert job.startswith("RAY_AUTH_MODE=token ray job submit --address http://127.0.0.1:8265 -- ")
    outer = subprocess.run(
        ["bash", "-c", f'ray() {{ printf "%s\\n" "${{@: -1}}"; }}; {job}'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nas search 'my config.yaml' --set engine.address=auto" in outer.stdout


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"provider": {"name": "awz"}}, "no provider is called 'awz'; did you mean aws?"),
        ({"provider": {}}, "provider.name is missing; there are aws, gcp, on-premise"),
        ({"provider": GCP | {"project": None}}, "provider.project must be a string, not null"),
        ({"provider": {"name": "gcp"}}, "provider.project is missing"),
        ({"provider": AWS | {"regoin": "x"}}, "provider.regoin: unknown key; did you mean region?"),
        ({"provider": AWS | {"workers": {"min": 9}}}, "min must be at most max"),
        ({"provider": AWS | {"region": "x; rm -rf"}}, "provider.region must be of letters, digits"),
        ({"provider": HOSTS | {"workers": []}}, "provider.workers must have at least 1 item"),
        ({"provider": "kuberay"}, "provider.image is missing"),
        ({"provider": AWS, "name": "My Cluster"}, "name must be at most 31 characters of a to z"),
        ({"provider": AWS, "nodes": 3}, "nodes: unknown key"),
        ([], "must be a mapping"),
    ],
)
def test_a_wrong_cluster_is_refused_in_one_line(values: Any, line: str) -> None:
    with pytest.raises(UserError) as refused:
        configs.parse(values, "cluster.yaml")
    assert line in str(refused.value)
    assert str(refused.value).startswith("cluster.yaml: ")
    assert "\n" not in str(refused.value)


def test_up_shows_what_it_writes_and_starts_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(yaml.safe_dump({"provider": HOSTS, "source": "."}))
    monkeypatch.setenv("HOME", str(tmp_path))
    for words, code in ((["--dry-run"], None), ([], 2)):
        monkeypatch.setattr("sys.argv", ["nas", "cluster", "up", str(file), *words])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert (stop.value.code or None) == code
        written = (tmp_path / "cluster.ray.yaml").read_text()
        shown = capsys.readouterr()
        assert written in shown.out
        assert f"\n  ~/spinenet-seg-nas: {tmp_path}\n" in written
    assert "give --yes" in shown.err
    assert not (tmp_path / ".ray").exists()  # no secret was made for nothing
