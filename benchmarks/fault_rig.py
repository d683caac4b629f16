"""The search that benchmarks.faults breaks: started, resumed, and held to what it had done."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

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
    "promotion.size": "[32, 48]",
    "promotion.recipe.batch_size": "8",
    "controller": "{name: evolution, population: 6, tournament: 2}",
    "engine.workers": "1",
    "baselines": "[]",
}
"""Trainings of a second or two, proposed by a controller that learns from all before."""
PATIENCE = 600.0
"""Seconds without a trial that ends, after which the search counts as stuck."""
ENDLESS = "1000000"


class Broken(RuntimeError):
    """What must not be: the message says what."""


@dataclass
class Rig:
    """The run in ``folder`` and all that it needs to go on."""

    folder: Path
    cluster: LocalCluster
    driver: subprocess.Popen[bytes] | None = None
    kept: dict[int, Trial] = field(default_factory=dict)
    """What had finished when it was looked at last, by number."""

    @property
    def run(self) -> Path:
        return self.folder / "broken"

    def go_on(self, trials: str = ENDLESS) -> None:
        """Start the search, or go on with it."""
        words = ["--resume"] if (self.run / "config.yaml").exists() else settings(self.folder)
        address = ["--address", self.cluster.address, "--trials", trials]
        with (self.folder / "drivers.log").open("ab") as log:
            command = nas("search", "--run", str(self.run), *address, *words)
            self.driver = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment(), start_new_session=True
            )

    def trials(self) -> list[Trial]:
        try:
            with Ledger.open(self.run / "ledger.journal", read_only=True) as ledger:
                return ledger.trials()
        except NoLedgerError:
            return []

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
        """Wait for the search to end by itself. Raises Broken when it is stuck, or fails."""
        assert self.driver is not None
        ended, since = -1, time.monotonic()
        while self.driver.poll() is None:
            time.sleep(1)
            self.check()
            if len(self.kept) > ended:
                ended, since = len(self.kept), time.monotonic()
            if time.monotonic() - since > PATIENCE:
                raise Broken(f"no trial ended within {PATIENCE:.0f} s")
        if self.driver.returncode:
            self.check_driver()
        self.check()

    def check_driver(self) -> None:
        """Raises Broken where the search ended and nobody had killed it."""
        if self.driver and self.driver.poll() is not None:
            said = (self.folder / "drivers.log").read_text(errors="replace").splitlines()[-15:]
            code = self.driver.returncode
            raise Broken("\n".join([f"the search ended with code {code}:", *said]))


def nas(*words: str) -> list[str]:
    return [sys.executable, "-c", "from nas.cli import main; main()", *words]


def environment() -> dict[str, str]:
    """Ray's workers give way to all else, which on a busy machine starves them."""
    return os.environ | {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}


def settings(folder: Path) -> list[str]:
    known = SETTINGS | {"data.cache": str(folder / "cache")}
    return [part for key, value in known.items() for part in ("--set", f"{key}={value}")]
