"""What this machine is, and how fast it trains: about half a minute of measuring."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

import torch

from proxy_tasks.pace import Pace, measured
from proxy_tasks.proxy import find_device
from proxy_tasks.recipe import Recipe
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import Scale

REFERENCE = "spinenet-49"
"""The network that is timed: candidates are about as large."""
SECONDS = 4.0
"""For which the steps of each setting are timed."""


@dataclass(frozen=True)
class Machine:
    """``device``: cpu or cuda; ``workers`` train side by side; ``memory`` in bytes, of the GPU
    where there is one."""

    name: str
    device: str
    workers: int
    memory: int


@dataclass(frozen=True)
class Setting:
    """A training whose pace is wanted: of a network on this ``backbone``, with ``workers`` such
    trainings side by side that have ``threads`` each; ``again``: of crops that others have seen
    before, see ``proxy_tasks.pace``."""

    backbone: Backbone
    scale: Scale
    classes: int
    size: tuple[int, int]
    recipe: Recipe
    workers: int
    threads: int = 1
    again: bool = False
    seconds: float = field(default_factory=lambda: SECONDS)


def machine(device: str, workers: int) -> Machine:
    """This machine, with the device of a config (auto, cpu, cuda)."""
    found = find_device(device)
    if found.type == "cuda":
        known = torch.cuda.get_device_properties(found)
        return Machine(known.name, "cuda", workers, known.total_memory)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(_processor(), "cpu", workers, memory)


def pace(settings: Sequence[Setting], there: Machine) -> list[Pace]:
    """The pace of one training at each setting while the others run beside it: the slowest one's.

    Raises:
        UserError: where a step does not fit into memory.
    """
    # Fresh processes, as workers are: what they hold is free when they end.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(max(each.workers for each in settings), context) as pool:
            rounds = [
                list(pool.map(_measured, *zip(*[(each, there.device)] * each.workers, strict=True)))
                for each in settings
            ]
    except (BrokenProcessPool, torch.OutOfMemoryError):
        raise UserError(
            "plan: measuring the pace ran out of memory; give fewer workers, as in"
            " --set engine.workers=1"
        ) from None
    return [min(found, key=lambda each: each.crops) for found in rounds]


def _measured(setting: Setting, device: str) -> Pace:
    torch.set_num_threads(setting.threads)
    return measured(
        setting.backbone,
        setting.scale,
        setting.classes,
        setting.size,
        setting.recipe,
        torch.device(device),
        setting.seconds,
        setting.again,
    )


def _processor() -> str:
    """As the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "CPU"
