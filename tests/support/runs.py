"""A run small enough for a test: real scenes, real networks, real training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def trials_of(run: Path) -> list[dict[str, Any]]:
    """What ``nas status --json`` says of a run's trials."""
    done = nas("status", str(run), "--json")
    assert done.returncode == 0, done.stderr
    trials: list[dict[str, Any]] = json.loads(done.stdout)["trials"]
    return trials
