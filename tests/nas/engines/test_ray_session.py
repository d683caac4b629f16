"""Ray as a command starts it for itself, on a machine where much is set for others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.runs import UNSTARVED

PROGRAM = """
import signal
from nas.engines.ray_session import running
from nas.engines.ray_start import ray

handlers = []
real = signal.signal
signal.signal = lambda number, handler: handlers.append(handler) or real(number, handler)
with running(None, cpus=3):
    print(ray.get(ray.put("stored")), ray.cluster_resources()["CPU"])
print([each for each in handlers if getattr(each, "__module__", "").startswith("ray")])
"""
"""Says at its end which signals Ray takes for itself."""


def test_neither_other_rays_nor_a_long_temporary_path_keep_ray_from_starting(
    tmp_path: Path,
) -> None:
    """Paths of Unix sockets have 107 bytes, of which Ray takes 68. Nobody answers at that port."""
    folder = tmp_path / ("a-long-name" * 5)
    (folder / "ray").mkdir(parents=True)
    (folder / "ray/ray_current_cluster").write_text("127.0.0.1:9")
    given = {"TMPDIR": str(folder), "RAY_ADDRESS": "127.0.0.1:9", **UNSTARVED}
    kept = {name: value for name, value in os.environ.items() if name != "RAY_TMPDIR"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=kept | given
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "stored 3.0\n[]\n"
