"""What the engine costs: a search whose trainings only sleep, beside Ray Tune and Optuna alone.

    python -m benchmarks.engine [--trials 100 1000 10000] [--workers 2 16 64] [--sleep 0.05]

Every line is a process of its own. **Overhead** is the wall time a trial takes in steady state,
from the end of the first ``2 x workers`` trials to that of the last, less ``sleep / workers``. It
is of the whole driver: proposing (random, on the default SpineNet-Seg space), ledger, and Ray; and
of the machine: workers wake and fall asleep on the same cores. **Driver** is the CPU time of the
driver's own process in the same stretch, which is what limits one that has a core to itself.
**Memory** is the driver's peak, **ledger** the journal's size by trials, **resume** the time from
opening it to the next proposal. Ray Tune alone draws the same 77 numbers for a class trainable
whose actors are reused, without loggers; Optuna alone has them suggested at random, into a
journal, by threads that sleep. Both keep far less than a search does. Workers of Ray begin
together, when all have come: on two cores the last of 64 comes minutes after the first.
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
from nas.engines.base import Outcome, Resources
from nas.searching.search import Search
from nas.terminal.progress import Board, SearchProgress
from proxy_tasks.task import Fidelity, Job, Measurement
from results.ledger import Ledger
from search_space.cost import cost
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

SPACE = ScalePermutedSpace()
FIDELITY = Fidelity(epochs=1, size=(96, 128), scale=Scale())
CLASSES = 11
PLAIN = {"RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
"""Ray's workers give way to all else, which on a busy machine is measured instead; Tune alone is to
show no table of its trials."""


@dataclass(frozen=True)
class Load:
    """A line to measure: ``system`` is one of SYSTEMS."""

    system: str
    trials: int
    workers: int
    sleep: float


@dataclass(frozen=True)
class Found:
    """``ends`` are (time, CPU time of the driver until then) of the trials' ends, in seconds;
    ``ledger`` bytes, ``resume`` seconds where there is a ledger to go on with; ``memory`` the
    driver's peak in bytes."""

    ends: tuple[tuple[float, float], ...]
    memory: int
    ledger: int | None = None
    resume: float | None = None

    def overhead(self, load: Load) -> float:
        """Seconds a trial."""
        return self._steady(load)[0] - load.sleep / load.workers

    def row(self, load: Load, tune: float | None) -> str:
        """``tune`` is the overhead of Ray Tune alone."""
        overhead, cpu = self.overhead(load), self._steady(load)[1]
        per_trial = None if self.ledger is None else self.ledger / load.trials
        cells = [load.system, str(load.trials), str(load.workers), _shown(overhead, 1e-3)]
        cells += ["" if tune is None else f"{overhead / tune:.2f}", _shown(cpu, 1e-3)]
        cells += [_shown(self.memory, 2**20), _shown(per_trial, 1e3), _shown(self.resume, 1)]
        return "| " + " | ".join(cells) + " |"

    def _steady(self, load: Load) -> tuple[float, float]:
        """Seconds and CPU seconds of the driver, a trial."""
        ends = sorted(self.ends)[2 * load.workers - 1 :]
        (began, cpu_then), (ended, cpu_now) = ends[0], ends[-1]
        return (ended - began) / (len(ends) - 1), (cpu_now - cpu_then) / (len(ends) - 1)


def _shown(value: float | None, unit: float) -> str:
    return "" if value is None else f"{value / unit:.1f}"


class Ends(list[tuple[float, float]]):
    """See ``Found``."""

    def now(self) -> None:
        self.append((time.time(), time.process_time()))


@dataclass(frozen=True)
class Gate:
    """Holds processes until so many have come, each of which leaves a file in ``folder``."""

    folder: str
    processes: int

    def pass_through(self) -> None:
        mark = Path(self.folder) / str(os.getpid())
        if mark.exists():
            return
        mark.touch()
        while len(os.listdir(self.folder)) < self.processes:
            time.sleep(0.5)


@dataclass(frozen=True)
class SleepTask:
    """Sleeps, and says what a training would: mIoU drawn from the trial's number."""

    seconds: float
    gate: Gate

    def score(self, job: Job) -> Iterator[Measurement]:
        self.gate.pass_through()
        found = cost(job.backbone, FIDELITY.scale, CLASSES, FIDELITY.size)
        time.sleep(self.seconds)
        miou = (job.number * 0.6180339887498949) % 1
        ious = tuple((miou + k / CLASSES) % 1 for k in range(CLASSES))
        known = Measurement(1, found.macs, found.parameters, self.seconds, peak_memory=800_000_000)
        known = replace(known, miou=miou, soft_miou=miou / 2, class_iou=ious)
        yield replace(known, loss=1 - miou, balanced_loss=2 - miou, train_loss=1.5 - miou)


def searched(load: Load) -> Found:
    """``nas.search`` on the Ray engine."""
    from nas.engines.ray_engine import RayEngine

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as gate:
        path = Path(folder) / "ledger.journal"
        with Ledger.create(path, "run", SPACE.genes, {}) as ledger:
            search = _search(ledger, load.trials)
            task = SleepTask(load.sleep, Gate(gate, load.workers))
            RayEngine(Resources(load.workers, 1, 0)).run(task, search)
        memory, began = _peak(), time.perf_counter()
        with Ledger.open(path) as ledger:
            assert _search(ledger, load.trials + 1).next() is not None
        resume = time.perf_counter() - began
        return Found(tuple(search.ends), memory, path.stat().st_size, resume)


class TimedSearch(Search):
    """Knows when its trials ended."""

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.ends = Ends()

    def finish(self, job: Job, outcome: Outcome) -> None:
        super().finish(job, outcome)
        self.ends.now()


def _search(ledger: Ledger, trials: int) -> TimedSearch:
    board = Board(Console(file=io.StringIO()))
    progress = SearchProgress(board, trials, ledger.trials())
    controller = make("random", SPACE, 0)
    budget = BudgetConfig(trials=trials)
    return TimedSearch(SPACE, controller, ledger, FIDELITY, (), budget, progress)


def tuned(load: Load) -> Found:
    """Ray Tune alone."""
    from ray import tune

    from nas.engines.ray_session import own

    ends = Ends()

    class Told(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            ends.now()

    class Sleeper(tune.Trainable):
        def setup(self, config: dict[str, Any]) -> None:
            pass

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

        def step(self) -> dict[str, Any]:
            gate.pass_through()
            time.sleep(load.sleep)
            return {"miou": 0.5, "done": True}

    with (
        own(load.workers),
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as marks,
    ):
        gate = Gate(marks, load.workers)
        space = {gene.name: tune.randint(0, gene.radix) for gene in SPACE.genes}
        options = tune.TuneConfig(
            num_samples=load.trials, reuse_actors=True, max_concurrent_trials=load.workers
        )
        run = tune.RunConfig(
            storage_path=folder,
            verbose=0,
            callbacks=[Told()],
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

    ends = Ends()

    def objective(trial: optuna.Trial) -> float:
        for gene in SPACE.genes:
            trial.suggest_int(gene.name, 0, gene.radix - 1)
        time.sleep(load.sleep)
        return 0.5

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optuna.journal"
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(0))
        study.optimize(
            objective, load.trials, n_jobs=load.workers, callbacks=[lambda *told: ends.now()]
        )
        memory, began = _peak(), time.perf_counter()
        again = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        assert len(again.get_all_trials(0)) == load.trials
        return Found(tuple(ends), memory, path.stat().st_size, time.perf_counter() - began)


SYSTEMS: dict[str, Callable[[Load], Found]] = {"tune": tuned, "optuna": studied, "nas": searched}
"""What the others are held against comes first."""


def _peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measured(load: Load) -> Found:
    """In a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine", "--line", json.dumps(asdict(load))]
    environment = os.environ | PLAIN
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    # Ray may say something behind it: of many workers on few cores, for one.
    told = next(line for line in reversed(done.stdout.splitlines()) if line.startswith(b"{"))
    values = json.loads(told)
    return Found(**values | {"ends": tuple(map(tuple, values["ends"]))})


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
        "| | trials | workers | overhead, ms/trial | of Ray Tune's | driver, CPU ms/trial"
        " | driver, MiB | ledger, kB/trial | resume, s |"
    )
    print("|---|" + "---:|" * 8)
    for trials in given.trials:
        for workers in (workers for workers in given.workers if 3 * workers <= trials):
            tune: float | None = None
            for system in (system for system in SYSTEMS if system in given.systems):
                load = Load(system, trials, workers, given.sleep)
                found = measured(load)
                tune = found.overhead(load) if system == "tune" else tune
                print(found.row(load, tune), flush=True)


if __name__ == "__main__":
    main()
