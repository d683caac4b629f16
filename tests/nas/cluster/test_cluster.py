"""A real cluster of two raylets on this machine: joined, lost in part, ended without a trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from nas.cluster import local, processes
from nas.cluster.config import LocalConfig
from nas.cluster.local import LocalCluster
from nas.config import EngineConfig
from nas.parts import machines
from proxy_tasks.datasets.appearing import restored
from proxy_tasks.datasets.packed import contents
from proxy_tasks.datasets.packing import pack
from proxy_tasks.datasets.scenes import Scenes
from proxy_tasks.sight import Sight
from search_space.errors import UserError
from tests.support.joined import joined
from tests.support.runs import UNSTARVED, arguments, nas, trials_of
from tests.support.sources import Recorder
from tests.support.tasks import ReadingTask, digest

pytestmark = pytest.mark.timeout(900)
NAME = "local-test"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of the tests' own, for commands and for this process."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        for name, value in UNSTARVED.items():
            patch.setenv(name, value)
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[LocalCluster]:
    done = nas("cluster", "up", NAME, "--nodes", "2", "--cpus", "1")
    assert done.returncode == 0, done.stderr
    yield local.load(NAME, local.FOLDER)
    if (home / ".cache/spinenet-seg/clusters" / NAME).exists():
        local.down(NAME, local.FOLDER)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return pack(Scenes(train=4, val=2, size=(32, 48)), Sight(factor=1), tmp_path / "cache")


def run(cluster: LocalCluster, task: ReadingTask, count: int) -> Recorder:
    """In a new process: one that has imported Ray does not see another home's token."""
    spawning = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawning) as process:
        return process.submit(joined, cluster.address, task, count).result()


def unlocked(cache: Path) -> list[str]:
    """All that lies there, but for the lock of who writes."""
    return [file.name for file in cache.iterdir() if file.suffix != ".lock"]


def told(folder: Path) -> list[dict[str, str]]:
    return [json.loads(file.read_text()) for file in folder.glob("[0-9]*")]


def test_data_travel_to_a_node_that_cannot_read_them_here(
    cluster: LocalCluster, packed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "told"
    folder.mkdir()
    source = run(cluster, ReadingTask(packed, folder, nodes=2), 6)
    assert sorted(source.scored) == list(range(6))
    assert source.crashes == []
    found = told(folder)
    assert len({each["node"] for each in found}) == 2
    assert {each["digest"] for each in found} == {digest(packed)}
    sent = str(Path(cluster.nodes[1].cache) / packed.name)
    assert {each["path"] for each in found} == {str(packed), sent}
    assert unlocked(Path(sent).parent) == [packed.name]  # no drafts


def test_a_search_joins_the_cluster(cluster: LocalCluster, tmp_path: Path) -> None:
    over = arguments(tmp_path / "cache", baselines="[]")
    words = ("search", "--trials", "4", "--run", str(tmp_path / "run"), *over)
    done = nas("cluster", "submit", NAME, "--", *words)
    assert done.returncode == 0, done.stderr
    assert [trial["state"] for trial in trials_of(tmp_path / "run")] == ["complete"] * 4


def test_status_tells_nodes_and_what_they_have(cluster: LocalCluster) -> None:
    done = nas("cluster", "status", NAME)
    assert done.returncode == 0, done.stderr
    assert cluster.address in done.stdout
    assert "2 of 2 nodes alive" in done.stdout
    assert done.stdout.count("alive") == 3


def test_a_second_one_of_the_name_is_refused(cluster: LocalCluster) -> None:
    with pytest.raises(UserError, match="is already running"):
        local.up(LocalConfig(), NAME, local.FOLDER)
    assert all(node.alive for node in cluster.nodes)


def test_a_wrong_token_is_told_from_a_cluster_that_is_not_there(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    words = ("search", "--trials", "1", "--run", "never", "--address")
    for address, line in (("127.0.0.1:9", "no Ray cluster answers"), ("host", "write HOST:PORT")):
        began = time.monotonic()
        with pytest.raises(UserError, match=line):
            machines.resources(EngineConfig(address=address))
        assert time.monotonic() - began < 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", "0" * 64)
        done = nas(*words, cluster.address, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "refuses the token" in done.stderr.strip().splitlines()[-1], done.stderr


def test_a_lost_node_costs_its_jobs_another_go_and_no_more(
    cluster: LocalCluster, packed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "told"
    folder.mkdir()
    worker = cluster.nodes[1]

    def strike() -> None:
        """Once a job is at work on each node."""
        while len({each["node"] for each in told(folder)}) < 2:
            time.sleep(0.2)
        for process in processes.of_session(worker.process):
            os.kill(process, signal.SIGKILL)

    striking = threading.Thread(target=strike, daemon=True)
    striking.start()
    source = run(cluster, ReadingTask(packed, folder, nodes=2, seconds=3.0), 4)
    striking.join(10)
    assert sorted(source.scored) == list(range(4))
    assert len(source.crashes) >= 1
    assert not worker.alive
    done = nas("cluster", "status", NAME)
    assert "1 of 2 nodes alive" in done.stdout, done.stderr


def test_down_leaves_no_process_and_no_file(cluster: LocalCluster, home: Path) -> None:
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        assert processes.of_session(cluster.nodes[0].process)
        done = nas("cluster", "down", NAME)
        assert done.returncode == 0, done.stderr
        assert [processes.of_session(node.process) for node in cluster.nodes] == [[], []]
        listed = subprocess.run(["ps", "-axwwo", "args="], capture_output=True, text=True).stdout
        assert cluster.scratch not in listed
        assert not Path(cluster.scratch).exists()
        assert list((home / ".cache/spinenet-seg/clusters").iterdir()) == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    again = nas("cluster", "down", NAME)
    assert again.returncode == 2
    assert "no such cluster" in again.stderr


def test_a_pack_arrives_whole_or_not_at_all(packed: Path, tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, memoryview]]:
        for number, (name, piece) in enumerate(contents(packed)):
            if number == 2:
                raise ConnectionError("the node is gone")
            yield name, memoryview(piece)

    target = tmp_path / "node" / packed.name
    with pytest.raises(ConnectionError):
        restored(target, broken())
    assert unlocked(target.parent) == []
    sent = [(name, memoryview(piece)) for name, piece in contents(packed)]
    assert restored(target, sent) == target
    assert digest(target) == digest(packed)
    assert restored(target, broken()) == target  # nothing is asked for twice
