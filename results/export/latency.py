"""What an exported network takes in ONNX Runtime on this device, measured."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from results.export.onnx_model import save_model
from results.export.subject import Subject
from results.latency.graphs import INPUT, OUTPUT
from results.latency.profile import least, session
from search_space.backbone import Backbone
from search_space.nodes import Size
from search_space.scales import Scale

SECONDS = 3.0
"""For which it runs."""


def exported_ms(
    backbone: Backbone,
    scale: Scale,
    classes: tuple[str, ...],
    trained: Size,
    size: Size,
    threads: int,
) -> float:
    """Milliseconds from one image of ``size`` to logits of that size, of what ``nas export`` writes
    of a network that is ``trained`` on images of another: the least of all passes, with random
    weights, as they change nothing."""
    subject = Subject(backbone, scale, classes, trained)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save_model(subject, path)
        return graph_timer(path, scale.channels, threads)(size, SECONDS)


def graph_timer(path: Path, channels: int, threads: int) -> Callable[[Size, float], float]:
    """Takes the size of an image and for how many seconds to run; gives milliseconds of the graph
    in a file."""
    run = session(str(path), threads)

    def timed(size: Size, seconds: float) -> float:
        x_1CHW = np.random.default_rng(0).standard_normal((1, channels, *size), np.float32)
        return least(lambda: run.run([OUTPUT], {INPUT: x_1CHW}), threads, seconds)

    return timed
