"""Peak memory of a step: the bytes that its tensors hold at once, counted and not sampled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

_STEP = "measured step"


def peak_allocated(step: Callable[[], object], device: str | torch.device = "cpu") -> int:
    """Bytes of tensors at the highest point of ``step``, above what is held when it starts.

    The step runs twice and the second run counts, so that what it replaces (gradients, say) is
    known to the count. Counts what goes through torch's allocator of the device: neither the
    scratch space that a library of kernels allocates by itself, nor the process's pages.
    """
    device = torch.device(device)
    return _peak_on_cuda(step, device) if device.type == "cuda" else _peak_on_cpu(step)


def _peak_on_cuda(step: Callable[[], object], device: torch.device) -> int:
    step()
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    held = torch.cuda.memory_allocated(device)
    step()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - held


def _peak_on_cpu(step: Callable[[], object]) -> int:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
        with record_function(_STEP):
            step()
    events = _events(profiled)
    begin = next(event["ts"] for event in events if event["name"] == _STEP)
    totals = [(e["ts"], e["args"]["Total Allocated"]) for e in events if e["name"] == "[memory]"]
    before = [total for time, total in totals if time < begin]
    if not before:
        return 0  # the first run would have shown whatever the step allocates
    held = before[-1]
    peak: int = max([held, *(total for time, total in totals if time >= begin)])
    return peak - held


def _events(profiled: profile) -> list[dict[str, Any]]:
    """By rising time, by way of the trace file: the profiler publishes its records nowhere else."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiled.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    return sorted((event for event in events if "ts" in event), key=lambda event: event["ts"])
