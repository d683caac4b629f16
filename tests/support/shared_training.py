"""A training that one process does alone and several do together; spawned processes import it.

In fp64: batch norms of a few pixels and clipped gradients make another network of a rounding error
in fp32 within a step or two.
"""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from nas.parts import build, machines
from nas.runs.directory import RunDirectory
from nas.searching.promotion import Subject, jobs
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.distillation import Lessons
from proxy_tasks.networks import build_segmenter
from proxy_tasks.processes import Group
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.task import Fidelity, Job, Measurement
from proxy_tasks.training import Training
from proxy_tasks.validation import Validation
from search_space import catalog
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
SIZE = (32, 64)
SPACE = ScalePermutedSpace(stages=((3, 1), (4, 1)), output_levels=(3, 4), max_level=5)
BACKBONE = SPACE.decode(SPACE.sample(np.random.default_rng(1)))
JOB = Job(0, "job", BACKBONE, Fidelity(2, SIZE, SCALE, evaluate_every=1))
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "all parts": {
        "accumulate": 2,
        "balance": True,
        "ohem": 0.3,
        "ohem_keep": 0.4,
        "drop_path": 0.3,
    },
    "crops": {"rare": 0.4, "upside_down": 0.5, "dice": 0.5},
    "teacher": {"rare": 0.4, "accumulate": 2},
    "teacher of features": {"rare": 0.4, "accumulate": 2},
}
LESSONS = {
    "teacher": Lessons(Path("soft"), temperature=2.0),
    "teacher of features": Lessons(None, maps=Path("maps")),
}
"""By recipe; folders as they are called beside the data."""
SUBJECT = "spinenet-49"
BASE = Recipe(batch_size=8, averaging=0.5)


def taught(folder: Path) -> dict[str, Any]:
    """By recipe: gradients of the first step, losses of two epochs, and what is evaluated then;
    under ``kept``, the measurements of a task that keeps its files in the folder."""
    task = TrainingTask(folder / "data", BASE, seed=0, device="cpu", folder=folder / "kept")
    known = {
        name: _trained(folder, replace(BASE, **changes), LESSONS.get(name))
        for name, changes in RECIPES.items()
    }
    return known | {"kept": list(task.score(JOB))}


def promoted(folder: Path) -> list[Measurement]:
    """What a promotion of SUBJECT under the config of a run in the folder is measured to be."""
    config = RunDirectory.open(folder / "run").config()
    torch.set_num_threads(machines.promotion_resources(config, 1).cpus)
    data = build.packed(config, config.promotion, Console(file=StringIO()))
    job = jobs(
        [Subject.of_network(SUBJECT, catalog.load(SUBJECT))],
        build.fidelity(config.promotion, config.data),
    )[0]
    return list(build.task(config, config.promotion, data).score(job))


def _trained(folder: Path, recipe: Recipe, taught: Lessons | None) -> dict[str, Any]:
    data = open_packed(folder / "data")
    train, val = (DeviceSplit(split, torch.device("cpu")) for split in (data.train, data.val))
    torch.manual_seed(0)
    network = build_segmenter(JOB.backbone, SCALE, 11, SIZE).double()
    network.backbone.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    group = Group.joined()
    lessons = taught and replace(
        taught,
        labels=taught.labels and folder / taught.labels,
        maps=taught.maps and (folder / taught.maps).resolve(),
    )
    training = Training(
        network, train, recipe, epochs=2, seed=0, size=SIZE, group=group, lessons=lessons
    )
    gradients: list[torch.Tensor] = []

    def look(*_: Any) -> None:
        if not gradients:
            gradients.extend(
                flat.grad.clone() for flat in training._trained if flat.grad is not None
            )

    training.optimizer.register_step_pre_hook(look)
    losses = [training.run_epoch() for _ in range(2)]
    validation = Validation(11, train.device)
    validation.add(training.average.module, val, 2, group=group)
    return {
        "gradients": torch.cat(gradients),
        "losses": losses,
        "evaluation": validation.result(),
        "weights": torch.cat([flat.detach() for flat in training._trained]),
    }
