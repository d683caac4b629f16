"""What the engine costs: a search whose trainings only sleep, beside Ray Tune and Optuna alone.

    python -m benchmarks.engine [--trials 100 1000 10000] [--workers 2 16 64] [--sleep 0.05]

Every line is a process of its own. **Overhead** is the wall time a trial takes in steady state,
from the end of the first ``2 x workers`` trials to that of the last, less ``sleep / workers``. It
is of the whole driver: proposing (random, on the default SpineNet-Seg space), ledger, and Ray.
**Memory** is the driver's peak, **ledger** the journal's size by trials, **resume** the time from
opening it to the next proposal. Ray Tune alone draws the same 77 numbers for a class trainable
whose actors are reused, without loggers; Optuna alone has them suggested at random, into a
journal, by threads that sleep. Both keep far less than a search does.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.config import BudgetConfig
from nas.controllers import make
from nas.engines.base import Resources
from nas.progress import Board, SearchProgress
from nas.search import Search
from proxy_tasks.task import Fidelity, Job, Measurement
from results.ledger import Ledger
from search_space.cost import cost
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

SPACE = ScalePermutedSpace()
FIDELITY = Fidelity(epochs=1, size=(96, 128), scale=Scale())
CLASSES = 11
PLAIN = {"RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1"}
"""Ray's workers give way to all else, which on a busy machine is measured instead."""


@dataclass(frozen=True)
class Load:
    """A line to measure: ``system`` is one of SYSTEMS."""

    system: str
    trials: int
    workers: int
    sleep: float


@dataclass(frozen=True)
class Found:
    """``ends`` are seconds of the trials' ends; ``ledger`` bytes, ``resume`` seconds where there
    is a ledger to go on with; ``memory`` the driver's peak in bytes."""

    ends: tuple[float, ...]
    memory: int
    ledger: int | None = None
    resume: float | None = None

    def overhead(self, load: Load) -> float:
        """Seconds a trial."""
        ends = sorted(self.ends)[2 * load.workers - 1 :]
        return (ends[-1] - ends[0]) / (len(ends) - 1) - load.sleep / load.workers

    def row(self, load: Load) -> str:
        def shown(value: float | None, unit: float) -> str:
            return "" if value is None else f"{value / unit:.1f}"

        cells = [load.system, str(load.trials), str(load.workers)]
        cells += [f"{1e3 * self.overhead(load):.1f}", shown(self.memory, 2**20)]
        per_trial = None if self.ledger is None else self.ledger / load.trials
        return "| " + " | ".join([*cells, shown(per_trial, 1e3), shown(self.resume, 1)]) + " |"


@dataclass(frozen=True)
class SleepTask:
    """Sleeps, and says what a training would: mIoU drawn from the trial's number."""

    seconds: float

    def score(self, job: Job) -> Iterator[Measurement]:
        found = cost(job.backbone, FIDELITY.scale, CLASSES, FIDELITY.size)
        time.sleep(self.seconds)
        miou = (job.number * 0.6180339887498949) % 1
        ious = tuple((miou + k / CLASSES) % 1 for k in range(CLASSES))
        known = Measurement(1, found.macs, found.parameters, self.seconds, peak_memory=800_000_000)
        known = replace(known, miou=miou, soft_miou=miou / 2, class_iou=ious)
        yield replace(known, loss=1 - miou, balanced_loss=2 - miou, train_loss=1.5 - miou)


def searched(load: Load) -> Found:
    """``nas.search`` on the Ray engine."""
    from nas.engines.ray_tune import RayTuneEngine

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.journal"
        with Ledger.create(path, "run", SPACE.genes, {}) as ledger:
            search = _search(ledger, load.trials)
            RayTuneEngine(Resources(load.workers, 1, 0)).run(SleepTask(load.sleep), search)
            ends = tuple(t.finished.timestamp() for t in ledger.trials() if t.finished)
        memory, began = _peak(), time.perf_counter()
        with Ledger.open(path) as ledger:
            assert _search(ledger, load.trials + 1).next() is not None
        return Found(ends, memory, path.stat().st_size, time.perf_counter() - began)


def _search(ledger: Ledger, trials: int) -> Search:
    board = Board(Console(file=io.StringIO()))
    progress = SearchProgress(board, trials, ledger.trials())
    controller = make("random", SPACE, 0)
    budget = BudgetConfig(trials=trials)
    return Search(SPACE, controller, ledger, FIDELITY, (), budget, progress)


def tuned(load: Load) -> Found:
    """Ray Tune alone."""
    from nas.engines import ray_tune

    tune = ray_tune.tune  # as it is imported there: without loggers and hints

    ends: list[float] = []

    class Ends(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            ends.append(time.time())

    class Sleeper(tune.Trainable):
        def setup(self, config: dict[str, Any]) -> None:
            pass

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

        def step(self) -> dict[str, Any]:
            time.sleep(load.sleep)
            return {"miou": 0.5, "done": True}

    ray_tune.start_local(load.workers)
    with tempfile.TemporaryDirectory() as folder:
        space = {gene.name: tune.randint(0, gene.radix) for gene in SPACE.genes}
        options = tune.TuneConfig(
            num_samples=load.trials, reuse_actors=True, max_concurrent_trials=load.workers
        )
        run = tune.RunConfig(
            storage_path=folder,
            verbose=0,
            callbacks=[Ends()],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        )
        tune.Tuner(
            tune.with_resources(Sleeper, {"cpu": 1}),
            param_space=space,
            tune_config=options,
            run_config=run,
        ).fit()
    return Found(tuple(ends), _peak())


def studied(load: Load) -> Found:
    """Optuna alone."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        for gene in SPACE.genes:
            trial.suggest_int(gene.name, 0, gene.radix - 1)
        time.sleep(load.sleep)
        return 0.5

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optuna.journal"
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(0))
        study.optimize(objective, n_trials=load.trials, n_jobs=load.workers)
        ends = [t.datetime_complete.timestamp() for t in study.trials if t.datetime_complete]
        memory, began = _peak(), time.perf_counter()
        again = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        assert len(again.get_all_trials(0)) == load.trials
        return Found(tuple(ends), memory, path.stat().st_size, time.perf_counter() - began)


SYSTEMS: dict[str, Callable[[Load], Found]] = {"nas": searched, "tune": tuned, "optuna": studied}


def _peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measured(load: Load) -> Found:
    """In a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine", "--line", json.dumps(asdict(load))]
    environment = os.environ | PLAIN
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    values = json.loads(done.stdout.splitlines()[-1])
    return Found(**values | {"ends": tuple(values["ends"])})


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--trials", nargs="+", type=int, default=[100, 1000, 10000])
    parser.add_argument("--workers", nargs="+", type=int, default=[2, 16, 64])
    parser.add_argument("--sleep", type=float, default=0.05, help="seconds of a trial")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--line", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.line:
        load = Load(**json.loads(given.line))
        print(json.dumps(asdict(SYSTEMS[load.system](load))))
        return
    print(
        "| | trials | workers | overhead, ms/trial | driver, MiB | ledger, kB/trial | resume, s |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for trials in given.trials:
        for workers in (workers for workers in given.workers if 3 * workers <= trials):
            for system in given.systems:
                load = Load(system, trials, workers, given.sleep)
                print(measured(load).row(load), flush=True)


if __name__ == "__main__":
    main()
