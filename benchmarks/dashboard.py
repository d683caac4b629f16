"""How fast the dashboard is at many trials, and what it holds: read, warm, each view, an update.

    python -m benchmarks.dashboard --trials 10000

The ledger is made up for the load: random architectures with a score that follows from them. It
says nothing about any network. One core; the browser's own time comes on top.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from proxy_tasks.task import Measurement
from results.dashboard.source import Source
from results.ledger import Ledger
from results.trial import Trial
from results.views import header
from results.views.board import board
from results.views.pages import VIEWS
from results.views.snapshot import Facts, Promoted, Snapshot
from search_space.scale_permuted import ScalePermutedSpace

SPACE = ScalePermutedSpace()


class LoadedRun:
    """Implements results.dashboard.source.Run on a ledger."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger.open(path, read_only=True)
        self._facts = Facts("load", genes=tuple(gene.name for gene in SPACE.genes), budget=20_000)

    def trials(self) -> list[Trial]:
        return self.ledger.trials()

    def facts(self) -> Facts:
        return self._facts

    def promoted(self) -> tuple[Promoted, ...]:
        return ()


def add(ledger: Ledger, number: int) -> None:
    """A trial whose figures are a function of its genotype."""
    rng = np.random.default_rng(number)
    genotype = SPACE.sample(rng)
    draw = np.random.default_rng(abs(hash(genotype))).random(3)
    name, macs = f"trial-{number:05d}", int(1e8 * (1 + 3 * draw[1]))
    started = ledger.start(name, "candidate", SPACE.decode(genotype), f"{number:016x}", genotype)
    miou = float(0.3 + 0.1 * draw[0])
    measured = Measurement(5, macs, int(1e6 * (1 + draw[2])), 30.0, 1.0, miou, 1 - miou, score=miou)
    ledger.finish(started.number, measured)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a core, whatever else the machine does, and what came out."""
    since = time.process_time()
    done = work()
    return time.process_time() - since, done


def views(source: Source) -> dict[str, tuple[float, int]]:
    """View -> milliseconds to work out and encode it, and its bytes."""
    now = source.read()[1]
    found = {}
    for name, view in VIEWS.items():
        seconds, text = timed(partial(_encoded, view.draw, now))
        found[name] = (1e3 * seconds, len(text))
    found["board"] = (1e3 * timed(lambda: board(now))[0], 0)
    found["head"] = (1e3 * timed(lambda: header.tiles(now, datetime.now(UTC)))[0], 0)
    return found


def _encoded(draw: Callable[..., Any], now: Snapshot) -> str:
    return json.dumps(draw(now, *_extra(draw)))


def _extra(draw: Callable[..., Any]) -> tuple[str, ...]:
    return ("level",) if draw.__name__ in ("favourites", "over_time") else ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--ledger", type=Path, help="keep it there, or use the one that is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.ledger or Path(folder) / "ledger.journal"
        if not path.exists():
            with Ledger.create(path, "load", SPACE.genes, {"made": "for a load test"}) as ledger:
                for number in range(given.trials):
                    add(ledger, number)
        measure(path)


def measure(path: Path) -> None:
    """Print the figures."""
    seconds, source = timed(lambda: Source(LoadedRun(path)))
    print(f"open {seconds:.1f} s")
    print(f"warm {timed(source.warm)[0]:.1f} s")
    shown = views(source)
    with Ledger.open(path) as ledger:
        add(ledger, len(source.read()[1].trials))
    seconds, _ = timed(source.read)
    print(f"read one new trial {1e3 * seconds:.0f} ms")
    again = views(source)
    for name, (first, size) in shown.items():
        print(
            f"{name:12} {first:6.0f} ms, after an update {again[name][0]:6.0f} ms, {size:9,} bytes"
        )
    print(f"an update in all {1e3 * seconds + sum(ms for ms, _ in again.values()):.0f} ms")
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
