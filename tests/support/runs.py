"""A run small enough for a test: real scenes, real networks, real training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from nas import cli

SMALL = {
    "data.scenes": "[16, 8]",
    "proxy.epochs": "1",
    "proxy.size": "[32, 48]",
    "proxy.scale": "{filters: 0.125, endpoint_filters: 8, aspp_filters: 8}",
    "proxy.recipe.batch_size": "8",
    "promotion.top": "0",
    "promotion.epochs": "2",
    "promotion.evaluate_every": "1",
    "promotion.size": "[32, 48]",
    "promotion.scale": "{filters: 0.125, endpoint_filters: 8, aspp_filters: 8}",
    "promotion.recipe.batch_size": "8",
    "controller": "{name: evolution, population: 3, tournament: 2}",
}


def arguments(cache: Path, **over: str) -> list[str]:
    """``--set`` options of a small run whose packed data lie in ``cache``."""
    values = SMALL | {"data.cache": str(cache)} | {k.replace("__", "."): v for k, v in over.items()}
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


def command(*words: str) -> list[str]:
    """``nas WORDS``, by this interpreter."""
    return [sys.executable, "-c", "from nas.cli import main; main()", *words]


UNSTARVED = {"RAY_worker_niceness": "0"}
"""Ray's workers give way to every other process, which on a busy machine starves them."""


def environment() -> dict[str, str]:
    """One thread a process, so that tests side by side do not slow each other."""
    return os.environ | {"OMP_NUM_THREADS": "1"} | UNSTARVED


def nas(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, in a process of its own."""
    return subprocess.run(
        command(*words), capture_output=True, text=True, env=environment(), cwd=cwd
    )


def nas_here(*words: str) -> subprocess.CompletedProcess[str]:
    """As ``nas``, but in this process, which saves the seconds in which a new one imports torch."""
    out, error, threads = StringIO(), StringIO(), torch.get_num_threads()
    with patch("sys.argv", ["nas", *words]), redirect_stdout(out), redirect_stderr(error):
        try:
            cli.main()
            code: Any = 0
        except SystemExit as stop:
            code = stop.code or 0
        finally:
            torch.set_num_threads(threads)  # engines set what their workers have
    return subprocess.CompletedProcess(words, code, out.getvalue(), error.getvalue())


def trials_of(run: Path) -> list[dict[str, Any]]:
    """What ``nas status --json`` says of a run's trials."""
    done = nas_here("status", str(run), "--json")
    assert done.returncode == 0, done.stderr
    trials: list[dict[str, Any]] = json.loads(done.stdout)["trials"]
    return trials
