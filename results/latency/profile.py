"""How long each operator of a network takes in ONNX Runtime, inside the network."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from results.latency.graphs import INPUT, OUTPUT, model_of, number_of
from search_space.latency.operators import Laid
from search_space.nodes import Size

WARM_UP, FEWEST = 1, 4
"""Passes before times count, and how many do at least."""
SHORT = 1.0
"""Milliseconds of an operator that some pass is sure to leave in peace."""


@dataclass(frozen=True)
class Profile:
    """Milliseconds of the ``whole`` network, and by the runtime's own account of ``each`` operator
    in it, by number, with the layouts that are changed for it."""

    whole: float
    each: tuple[float, ...]


def profiled(
    laid: Sequence[Laid], channels: int, image: Size, threads: int, seconds: float
) -> Profile:
    """The least of passes for about so many ``seconds``."""
    rng = np.random.default_rng(0)
    model = model_of(laid, channels, rng).SerializeToString()
    x = rng.standard_normal((1, channels, *image), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        plain = session(model, threads)
        file = Path(folder) / "optimised.onnx"
        watched = session(model, threads, Path(folder) / "profile", file)
        whole = least(
            lambda: plain.run([OUTPUT], {INPUT: x}),
            threads,
            seconds,
            between=lambda: watched.run([OUTPUT], {INPUT: x}),
        )
        events = json.loads(Path(watched.end_profiling()).read_text("utf-8"))
        times = _by_operator(events, _owners(file), len(laid))
    return Profile(whole, tuple(uninterrupted(times, whole)))


def uninterrupted(times: Sequence[float], whole: float) -> list[float]:
    """Operators that add up to the ``whole`` at most.

    A runtime's account goes by the wall's clock: on a busy machine what runs long is interrupted in
    every pass, in proportion to how long it runs. So all that goes beyond SHORT shrinks alike.
    """
    beyond = sum(max(0.0, each - SHORT) for each in times)
    excess = sum(times) - whole
    if excess <= 0 or not beyond:
        return list(times)
    left = max(0.0, 1 - excess / beyond)
    return [min(each, SHORT) + left * max(0.0, each - SHORT) for each in times]


def session(
    model: bytes | str, threads: int, profile: Path | None = None, optimised: Path | None = None
) -> Any:
    """An onnxruntime.InferenceSession on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # that an optimised file is for this machine only
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    if optimised:
        options.optimized_model_filepath = str(optimised)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def least(
    run: Callable[[], object],
    threads: int,
    seconds: float,
    between: Callable[[], object] = lambda: None,
) -> float:
    """The least milliseconds of passes for about so many ``seconds``; what runs ``between`` them is
    not timed.

    With one thread its own time counts, which other programs on the machine do not stretch; with
    more the time that passes.
    """
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < WARM_UP + FEWEST or time.perf_counter() < end:
        times.append(_taken(run, _clock(threads)))
        between()
    return 1e3 * min(times[WARM_UP:])


def _clock(threads: int) -> Callable[[], float]:
    return time.thread_time if threads == 1 else time.perf_counter


def _taken(run: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return clock() - start


def _owners(file: Path) -> Mapping[str, int]:
    """Node of the optimised graph -> the operator that it serves. What changes a layout serves the
    one whose map it changes."""
    import onnx

    owners: dict[str, int] = {}
    for node in onnx.load(file, load_external_data=False).graph.node:
        names = (*node.output, node.name, *node.input)
        numbers = (number_of(name) for name in names)
        owner = next((number for number in numbers if number is not None), None)
        if owner is None:
            # Between two nodes that nothing is called after.
            owner = next((owners[name] for name in node.input if name in owners), None)
        if owner is not None:
            owners[node.name] = owner
            owners |= {name: owner for name in node.output if number_of(name) is None}
    return owners


_KERNEL = "_kernel_time"


def _by_operator(
    events: Iterable[Mapping[str, Any]], owners: Mapping[str, int], count: int
) -> list[float]:
    """Milliseconds by number, of the runtime's own profile: the least of all passes, as a kernel
    may be interrupted in most of them."""
    taken: dict[str, list[int]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            taken.setdefault(event["name"].removesuffix(_KERNEL), []).append(event["dur"])
    times = [0.0] * count
    for name, durations in taken.items():
        times[owners.get(name, count - 1)] += min(durations[WARM_UP:]) / 1e3
    return times
