"""What a training learns from its teacher, which is asked once about every training image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from nas.config import Config, TrainingConfig
from nas.parts import build
from nas.prediction.teachers import open_teacher
from nas.runs import teacher_identity
from proxy_tasks.datasets.packing import Progress
from proxy_tasks.datasets.soft_packing import pack_soft
from proxy_tasks.distillation import Lessons
from proxy_tasks.proxy import find_device
from search_space.errors import UserError


def lessons(
    config: Config, training: TrainingConfig, data: Path, console: Console
) -> Lessons | None:
    """None where the training has no teacher.

    Args:
        data: the pack that is trained on.

    Raises:
        UserError: where the teacher cannot be used.
    """
    if training.teacher is None:
        return None
    named = " ".join(map(str, training.teacher.paths))
    with console.status(f"asking the teacher {named}") as status:

        def report(done: int, total: int) -> None:
            status.update(f"asking the teacher {named}: {done} of {total} images")

        labels = _asked(config, training, data, report)
    again = Again(config, training, data)
    return Lessons(labels, training.teacher.weight, training.teacher.temperature, again)


@dataclass(frozen=True)
class Again:
    """Asks again where the cache was emptied while a training needs what the teacher said.
    Picklable: it is a worker that finds it gone."""

    config: Config
    training: TrainingConfig
    data: Path

    def __call__(self, labels: Path) -> None:
        """UserError where the teacher's file is not the one that was asked before."""
        build.still_packed(self.config, self.training, self.data)
        if _asked(self.config, self.training, self.data) != labels:
            raise UserError(
                f"{build.section_of(self.training)}.teacher.from: changed since the command began,"
                f" and {labels}, what it said of the images, is gone: put it back"
            )


def _asked(
    config: Config, training: TrainingConfig, data: Path, progress: Progress | None = None
) -> Path:
    assert training.teacher is not None
    found = build.training_data(config, training)
    device = find_device(config.engine.device)
    try:
        identity = ", ".join(teacher_identity.digests(training))
        teacher = open_teacher(training.teacher.paths, found, device)
        return pack_soft(found, data, teacher, identity, progress)
    except UserError as error:
        if not str(error).startswith("teacher."):
            raise
        raise UserError(f"{build.section_of(training)}.{error}") from error
