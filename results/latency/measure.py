"""Measures a latency table: networks are drawn, run, and what their operators took is collected.

Operators are timed inside networks, where their maps lie in the caches and layouts that they have
there, not one by one. Each counts with the least of many passes: what it takes where nothing else
runs on the device.
"""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles

from search_space.backbone import Backbone
from search_space.cost.graph import Graph
from search_space.errors import UserError
from search_space.latency.operators import Operator, operators
from search_space.latency.table import LatencyTable, Measured, Row
from search_space.nodes import Size
from search_space.scales import Scale

ONNX_RUNTIME = "onnxruntime"
RUNTIMES = (ONNX_RUNTIME,)
EACH = 0.6
"""Seconds that a network runs for."""
FEWEST = 4
"""Networks, however little time there is."""

Tell = Callable[[int, float], None]
"""Told how many networks were measured, and which part of the time is over."""


@dataclass(frozen=True)
class Subject:
    """A network to measure, for images of ``size`` (height, width)."""

    backbone: Backbone
    scale: Scale
    classes: int
    size: Size


def check(runtime: str = ONNX_RUNTIME, threads: int = 1) -> None:
    """UserError where nothing can be measured here."""
    if runtime not in RUNTIMES:
        raise UserError(f"--runtime {runtime}: must be {' or '.join(RUNTIMES)}")
    if threads < 1:
        raise UserError(f"--threads {threads}: must be at least 1")
    if missing := [name for name in ("onnx", ONNX_RUNTIME) if find_spec(name) is None]:
        raise UserError(
            f"measuring latency needs {' and '.join(missing)}: pip install onnx onnxruntime"
        )


def measured(
    subjects: Iterable[Subject],
    seconds: float,
    threads: int = 1,
    tell: Tell = lambda count, part: None,
) -> LatencyTable:
    """A table of what the operators of these networks take on this device, of as many as there is
    time for. UserError as ``check``."""
    check(threads=threads)
    from results.latency.profile import profiled

    start = time.perf_counter()
    taken: dict[Operator, list[float]] = {}
    scales: list[float] = []
    for number, each in enumerate(subjects):
        part = (time.perf_counter() - start) / seconds
        tell(number, min(1.0, part))
        if part >= 1 and number >= FEWEST:
            break
        laid = operators(Graph(each.backbone, each.scale, each.classes, each.size))
        found = profiled(laid, each.scale.channels, each.size, threads, min(EACH, seconds / FEWEST))
        scales.append(found.whole / sum(found.each))
        for one, ms in zip(laid, found.each, strict=True):
            taken.setdefault(one.operator, []).append(ms)
    # A profile says of itself what it costs; a network as a whole takes a little less or more.
    return LatencyTable(here(threads), tuple(_rows(taken, median(scales))))


def _rows(taken: dict[Operator, list[float]], scale: float) -> Iterator[Row]:
    for operator, times in sorted(taken.items()):
        middle = median(times)
        spread = 0.0
        if len(times) > 1 and middle:
            low, _, high = quantiles(times, n=4, method="inclusive")
            spread = (high - low) / 2 / middle
        yield Row(operator, scale * middle, spread, len(times))


def here(threads: int) -> Measured:
    """What is measured with, now."""
    import onnxruntime

    runtime = f"{ONNX_RUNTIME} {onnxruntime.__version__}"
    return Measured(device(), runtime, threads, datetime.date.today().isoformat())


def device() -> str:
    """This machine's processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    wanted = ("model name", "Model", "Hardware")
    names = [line.partition(":")[2].strip() for line in lines if line.split("\t")[0] in wanted]
    return names[0] if names else platform.processor() or platform.machine() or "CPU"
