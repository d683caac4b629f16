"""Small searches with a teacher, by the command line."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import torch

from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.datasets.scenes import CLASSES
from proxy_tasks.networks import build_segmenter
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.runs import arguments, nas_here
from tests.support.shown import Shown

SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
BACKBONE = DilatedResNet((1, 1, 1, 1), output_stride=8)
SMALL = {"engine__name": "inline", "baselines": "[spinenet-49]", "promotion__top": "1"}


def teacher(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    network = build_segmenter(BACKBONE, SCALE, len(CLASSES), (32, 48)).eval()
    job = Job(0, "job", BACKBONE, Fidelity(1, (32, 48), SCALE))
    Checkpoint(folder).save_weights(network, job, Shown(CLASSES, Sight(factor=1.0)))
    return folder


def search(folder: Path, name: str, *more: str) -> CompletedProcess[str]:
    given = arguments(folder / "cache", **SMALL)
    return nas_here("search", "--trials", "1", "--run", str(folder / name), *more, *given)


def line(*words: str) -> str:
    done = nas_here(*words)
    assert done.returncode == 2, done.stderr
    return done.stderr
