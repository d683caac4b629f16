"""What benchmarks.faults kills: the search, promotions of what it found, and their exports."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import ClassVar, Protocol

from benchmarks.fault_rig import Broken, Rig, export, promote
from results.trial import Trial

SPREAD = 15.0
"""Seconds within which half of the kills of a search come, after the last: it starts and joins."""
MIDST = 4.0
"""Seconds within which the others come, after a trial finished: the next ones train in it."""
PROMOTES, EXPORTS = 30.0, 30.0
"""Seconds from its start within which a promotion is killed, and an export."""


class Phase(Protocol):
    """``kinds`` are what is killed in it, and how often beside the others."""

    name: str
    kinds: ClassVar[Mapping[str, int]]

    def go_on(self) -> None:
        """Start the command, or what goes on with it."""
        ...

    def wait(self) -> None:
        """Until the moment of the next kill."""
        ...

    def conclude(self) -> None:
        """Let what was begun come to its end."""
        ...


class Searching:
    """One search, whose budget is set when its kills are over."""

    name = "search"
    kinds: ClassVar[Mapping[str, int]] = {"driver": 10, "worker": 6, "raylet": 3, "all": 1}

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def go_on(self) -> None:
        self._rig.search()

    def wait(self) -> None:
        if random.random() < 0.5:
            self._rig.advance()
            time.sleep(random.uniform(0, MIDST))
        else:
            time.sleep(random.uniform(0, SPREAD))
        self._rig.check_driver()

    def conclude(self) -> None:
        """With as many trials as were begun, and enough to promote some."""
        self._rig.kill()
        self._rig.search(str(max(3, len(self._rig.trials()))))
        self._rig.finish()


class Promoting:
    """The best trial is promoted, then the next."""

    name, share = "promotion", 0.25
    """The share of all kills."""
    kinds: ClassVar[Mapping[str, int]] = {"driver": 10, "worker": 6, "raylet": 3}

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def go_on(self) -> None:
        rig = self._rig
        done = promoted(rig)
        waiting = [trial for trial in rig.ranked() if trial not in done]
        if not waiting:
            raise Broken("every trial of the search is promoted; give it a larger share of kills")
        address = ["--set", f"engine.address={rig.cluster.address}"]
        rig.begin(*promote(rig.run, waiting[0], *address))

    def wait(self) -> None:
        until = time.monotonic() + random.uniform(0, PROMOTES)
        while time.monotonic() < until:
            time.sleep(0.1)
            if self._rig.ended:
                self.go_on()

    def conclude(self) -> None:
        self._rig.finish()


class Exporting:
    """What was promoted is exported, one after the other, and again from the first on."""

    name, share = "export", 0.15
    """As for promotions; the rest is the search's."""
    kinds: ClassVar[Mapping[str, int]] = {"driver": 1}

    def __init__(self, rig: Rig) -> None:
        self._rig, self._turn = rig, 0

    def go_on(self) -> None:
        known = promoted(self._rig)
        trial = known[self._turn % len(known)]
        self._rig.begin(*export(self._rig.run, trial, self._rig.run / "exports" / trial.name))

    def wait(self) -> None:
        until = time.monotonic() + random.uniform(0, EXPORTS)
        while time.monotonic() < until:
            time.sleep(0.05)
            if self._rig.ended:
                self._turn += 1
                self.go_on()

    def conclude(self) -> None:
        """Each once to its end."""
        self._rig.finish()
        for turn, _ in enumerate(promoted(self._rig)):
            self._turn = turn
            self.go_on()
            self._rig.finish()


def promoted(rig: Rig) -> list[Trial]:
    """The trials whose full training has ended, best first."""
    return [
        t for t in rig.ranked() if (rig.run / "promotions" / t.name / "promotion.json").exists()
    ]
