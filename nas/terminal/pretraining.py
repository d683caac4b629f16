"""What a person sees of a pretraining: every validation, beside what a constant would come to."""

from __future__ import annotations

from collections.abc import Mapping

from nas.terminal.progress import Board, epoch_seconds
from proxy_tasks.task import Job, Measurement
from results import units


class PretrainingProgress:
    """Validations as they come, and the time that is left."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def started(self, job: Job) -> None:
        self._board.start(job.name, "")

    def epoch(self, job: Job, now: Measurement) -> None:
        self._board.epoch(job, now)
        if now.loss is None:
            return
        left = epoch_seconds(now) * (job.fidelity.total_epochs - now.epochs)
        of = f"epoch {now.epochs}/{job.fidelity.total_epochs}"
        self._board.say(
            f"{job.name}  {of}  {said(now.loss, now.figures)}", f"{units.duration(left)} left"
        )

    def retried(self, job: Job, error: str) -> None:
        self._board.stop(job.name)
        self._board.say(f"{job.name}  runs again: {error}", "")

    def ended(self, job: Job, last: Measurement) -> None:
        self._board.stop(job.name)
        outcome = "" if last.loss is None else said(last.loss, last.figures)
        self._board.say(f"{job.name}  {outcome}", "done")

    def failed(self, job: Job, why: str) -> None:
        self._board.stop(job.name)
        self._board.say(f"{job.name}  failed: {why}", "done")


def said(loss: float, figures: Mapping[str, float]) -> str:
    """What is held out: of classes top-1 and top-5 as shares, of features how much of their
    variance is explained; and the loss beside that of a constant, where that is known."""
    told = f"held-out loss {loss:.4f}"
    if (constant := figures.get("constant")) is not None:
        told += f", a constant's {constant:.4f}"
        if "top1" not in figures:
            told += f": {units.percent(1 - loss / constant)} % explained"
    if "top1" in figures:
        usual = units.percent(figures["constant_top1"])
        first, five = (units.percent(figures[name]) for name in ("top1", "top5"))
        told = f"top-1 {first} %, top-5 {five} % (the commonest class: {usual} %); {told}"
    return told
