"""How long one image takes each of several networks on one CPU thread, measured by turns."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nas.prediction.subjects import of_promotion
from proxy_tasks.latency import latency
from proxy_tasks.networks import Segmenter
from results.export.onnx_model import ONNX

Size = tuple[int, int]


def in_pytorch(networks: Sequence[tuple[Segmenter, Size]], rounds: int) -> list[float]:
    """Median seconds, each at its size; batch norms folded. As many threads as the process has."""
    times = [[latency(*one, repeats=1) for one in networks] for _ in range(rounds)]
    return [statistics.median(each) for each in zip(*times, strict=True)]


def in_onnx_runtime(promotions: Sequence[tuple[Path, Size]], rounds: int) -> list[float]:
    """Median seconds, of what ``nas export FOLDER --format onnx`` writes of these promotions, each
    at its size."""
    with tempfile.TemporaryDirectory() as place:
        runs = [
            _session(folder, Path(place) / str(number), size)
            for number, (folder, size) in enumerate(promotions)
        ]
        times = [[_seconds(run) for run in runs] for _ in range(rounds + 2)]
    return [statistics.median(each) for each in zip(*times[2:], strict=True)]


def _session(promotion: Path, folder: Path, size: Size) -> Callable[[], object]:
    import onnxruntime

    ONNX.export(of_promotion(promotion), folder)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    image_13HW = np.zeros((1, 3, *size), np.float32)
    return lambda: session.run(None, {"image": image_13HW})


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
