"""The run that benchmarks.faults breaks: its commands started and resumed on a cluster that is
there, and what it came to held to what it had been."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fault_clock import Clock
from nas.cluster.local import LocalCluster
from results.ledger import Ledger
from results.store import NoLedgerError
from results.trial import Trial, TrialState

SETTINGS = {
    "data.scenes": "[16, 8]",
    "proxy.epochs": "3",
    "proxy.size": "[32, 48]",
    "proxy.scale": "{filters: 0.125, endpoint_filters: 8, aspp_filters: 8}",
    "proxy.recipe.batch_size": "8",
    "promotion.top": "0",
    "promotion.epochs": "24",
    "promotion.threads": "1",
    "promotion.evaluate_every": "4",
    "promotion.size": "[32, 48]",
    "promotion.scale": "{filters: 0.125, endpoint_filters: 8, aspp_filters: 8}",
    "promotion.recipe.batch_size": "8",
    "controller": "{name: evolution, population: 6, tournament: 2}",
    "engine.workers": "1",
    "baselines": "[]",
}
"""Trainings of a second or two, proposed by a controller that learns from all before; promotions of
half a minute."""
FORMATS = ("spec", "python", "onnx")
PATIENCE = 600.0
"""Seconds without a trial that ends, after which a command counts as stuck."""
ENDLESS = "1000000"


class Broken(RuntimeError):
    """What must not be: the message says what."""


@dataclass
class Rig:
    """The run in ``folder`` and all that it needs to go on."""

    folder: Path
    cluster: LocalCluster
    clock: Clock | None = None
    driver: subprocess.Popen[bytes] | None = None
    kept: dict[int, Trial] = field(default_factory=dict)
    """What had finished when it was looked at last, by number."""

    @property
    def run(self) -> Path:
        return self.folder / "broken" / "run"

    @property
    def whole(self) -> Path:
        """The same without a kill, under the same name."""
        return self.folder / "whole" / "run"

    def search(self, trials: str = ENDLESS) -> None:
        """Start the search, or go on with it."""
        words = ["--resume"] if (self.run / "config.yaml").exists() else settings(self.folder)
        address = ["--address", self.cluster.address, "--trials", trials]
        self.begin("search", "--run", str(self.run), *address, *words)

    def begin(self, *words: str) -> None:
        """A command, as the driver."""
        with (self.folder / "drivers.log").open("ab") as log:
            self.driver = subprocess.Popen(
                nas(*words), stdout=log, stderr=log, env=self.environment, start_new_session=True
            )

    @property
    def environment(self) -> dict[str, str]:
        return environment() | (self.clock.environment if self.clock else {})

    @property
    def ended(self) -> bool:
        """Whether the driver did what it was asked. Raises Broken where it failed, and nobody had
        killed it."""
        assert self.driver is not None
        if self.driver.poll() is None:
            return False
        if self.driver.returncode:
            self.check_driver()
        return True

    def kill(self) -> None:
        """The driver."""
        if self.driver:
            self.driver.kill()
            self.driver.wait()

    def trials(self) -> list[Trial]:
        return trials_of(self.run)

    def ranked(self) -> list[Trial]:
        """The complete ones, best first."""
        known = [trial for trial in self.trials() if trial.score is not None]
        return sorted(known, key=lambda trial: (-(trial.score or 0.0), trial.number))

    def check(self) -> None:
        """Raises Broken unless all that had finished is there as it was."""
        found = {trial.number: trial for trial in self.trials()}
        for number, trial in self.kept.items():
            if found.get(number) != trial:
                raise Broken(f"{trial.name} had finished and is now {found.get(number)}")
        if failed := [t.name for t in found.values() if t.state is TrialState.FAILED]:
            raise Broken(f"given up: {', '.join(failed)}")
        self.kept = {n: t for n, t in found.items() if t.state is TrialState.COMPLETE}

    def advance(self) -> None:
        """Wait until one more trial has finished. Raises Broken when none does."""
        before, since = len(self.kept), time.monotonic()
        while len(self.kept) == before:
            time.sleep(0.1)
            self.check_driver()
            self.check()
            if time.monotonic() - since > PATIENCE:
                raise Broken(f"no trial ended within {PATIENCE:.0f} s")

    def finish(self) -> None:
        """Wait for the driver to end by itself. Raises Broken when it is stuck, or fails."""
        ended, since = -1, time.monotonic()
        while not self.ended:
            time.sleep(1)
            self.check()
            if len(self.kept) > ended:
                ended, since = len(self.kept), time.monotonic()
            if time.monotonic() - since > PATIENCE:
                raise Broken(f"no end within {PATIENCE:.0f} s")
        self.check()

    def check_driver(self) -> None:
        """Raises Broken where the driver ended and nobody had killed it."""
        if self.driver and self.driver.poll() is not None:
            said = (self.folder / "drivers.log").read_text(errors="replace").splitlines()[-15:]
            code = self.driver.returncode
            raise Broken("\n".join([f"the command ended with code {code}:", *said]))


def trials_of(run: Path) -> list[Trial]:
    try:
        with Ledger.open(run / "ledger.journal", read_only=True) as ledger:
            return ledger.trials()
    except NoLedgerError:
        return []


def promote(run: Path, trial: Trial, *more: str) -> list[str]:
    """The words of a command; it goes on where it was begun."""
    return ["promote", str(run), "--trial", str(trial.number), "--resume", *more]


def export(run: Path, trial: Trial, folder: Path) -> list[str]:
    """The words of a command."""
    words = ["export", str(run), "--trial", str(trial.number), "-o", str(folder)]
    return [*words, "--format", *FORMATS]


def nas(*words: str) -> list[str]:
    return [sys.executable, "-c", "from nas.cli import main; main()", *words]


def environment() -> dict[str, str]:
    """Ray's workers give way to all else, which on a busy machine starves them."""
    return os.environ | {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}


def settings(folder: Path) -> Sequence[str]:
    known = SETTINGS | {"data.cache": str(folder / "cache")}
    return [part for key, value in known.items() for part in ("--set", f"{key}={value}")]
