"""What the dashboard costs: its server and its page at many trials, and the search beside it.

    python -m benchmarks.dashboard --trials 10000         # reading, every view, an update, memory
    python -m benchmarks.dashboard --trials 10000 --page  # the same as Chromium sees it
    python -m benchmarks.dashboard --speed 600            # a search's pace with and without it

The ledger of the first two is made up for the load: random architectures with a score that follows
from them. It says nothing about any network. The third is a real search of tiny networks, with the
page open and closed by turns. ``--page`` and ``--speed`` need playwright and Chromium.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from werkzeug.serving import make_server

from proxy_tasks.task import Measurement
from results.dashboard.app import make_app
from results.dashboard.source import Source
from results.ledger import Ledger
from results.trial import Trial
from results.views import header
from results.views.board import board
from results.views.pages import VIEWS, first
from results.views.snapshot import Facts, FullTraining, Promoted
from search_space.scale_permuted import ScalePermutedSpace

SPACE = ScalePermutedSpace()
TINY = {
    "data.scenes": "[16, 8]",
    "proxy.epochs": "2",
    "proxy.size": "[32, 48]",
    "proxy.recipe.batch_size": "8",
    "promotion.top": "0",
    "baselines": "[]",
    "controller": "{name: random}",
}
TURNS = 10
"""Stretches of time, alternately with the page closed and open."""
LAST = (
    "document.querySelector('.js-plotly-plot')?.data?.find(t => t.name == 'best so far')?.x.at(-1)"
)
SHOWN = {
    "head and leaderboard": "document.querySelector('.tile')"
    " && document.querySelector('#board tr')",
    "best so far": LAST,
    "all that is in view": "[...document.querySelectorAll('.plot')].every(plot =>"
    " plot.data?.length || plot.getBoundingClientRect().top > innerHeight)",
}
"""What a reader waits for, in this order."""
SEEN = "document.querySelectorAll('.plot').forEach(plot => plot.data && (plot.data.seen = true))"
"""Marks what is drawn; what is drawn anew has other data."""
RENEWED = (
    "[...document.querySelectorAll('.plot')].every(plot =>"
    " !plot.data?.seen || plot.getBoundingClientRect().top > innerHeight)"
)
IDLE = "!document.querySelector('._dash-loading-callback')"
"""Whatever is out of view has come too."""


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

    def trainings(self) -> tuple[FullTraining, ...]:
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


def add_next(path: Path) -> None:
    """One trial more."""
    with Ledger.open(path) as ledger:
        add(ledger, len(ledger))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a core, whatever else the machine does, and what came out."""
    since = time.process_time()
    done = work()
    return time.process_time() - since, done


def views(source: Source) -> dict[str, tuple[float, int]]:
    """View -> milliseconds to work out and encode it, and its bytes."""
    found = {}
    for name in VIEWS:
        seconds, text = timed(partial(_encoded, source, name))
        found[name] = (1e3 * seconds, len(text))
    now = source.latest()
    found["board"] = (1e3 * timed(lambda: board(now))[0], 0)
    found["head"] = (1e3 * timed(lambda: header.tiles(now, datetime.now(UTC)))[0], 0)
    return found


def _encoded(source: Source, name: str) -> str:
    return json.dumps(source.figure(name, *first(name, source.latest().facts)))


def measure_server(path: Path) -> None:
    """Print what the server's side takes, in seconds of one core."""
    seconds, source = timed(lambda: Source(LoadedRun(path)))
    print(f"open the ledger {seconds:.1f} s")
    print(f"draw all {timed(source.warm)[0]:.1f} s")
    add_next(path)
    seconds, _ = timed(source.read)
    print(f"read one new trial {1e3 * seconds:.0f} ms")
    drawn = views(source)
    for name, (each, size) in drawn.items():
        print(f"{name:12} {each:6.0f} ms {size:9,} bytes")
    print(f"an update in all {1e3 * seconds + sum(ms for ms, _ in drawn.values()):.0f} ms")
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most")


def measure_page(path: Path) -> None:
    """Print how long a reader waits, by the clock."""
    source = Source(LoadedRun(path))
    source.warm()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = make_app(lambda: {"load": source}, "load")
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browser() as chromium:
        for visit in ("first", "second"):  # the second has the scripts in its cache
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            since = time.perf_counter()
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            for what, there in SHOWN.items():
                page.wait_for_function(there)
                print(f"{visit} visit: {what} {time.perf_counter() - since:.2f} s")
            if visit == "first":
                page.close()
        for _ in range(3):
            before = page.evaluate(LAST)
            page.evaluate(SEEN)
            add_next(path)
            since = time.perf_counter()
            page.evaluate("dash_clientside.set_props('tick', {n_intervals: Date.now()})")
            renewed = f"{LAST} > {before} && {RENEWED}"
            for what, there in (("all that is in view", renewed), ("all", IDLE)):
                page.wait_for_function(there)
                print(f"update: {what} {1e3 * (time.perf_counter() - since):.0f} ms")
    server.shutdown()


def measure_speed(folder: Path, seconds: float) -> None:
    """Print how many candidates a search ends with the page closed and open, by turns."""
    run = folder / "run"
    words = ["search", "--quiet", "--engine", "inline", "--trials", "1000000", "--run", str(run)]
    sets = TINY | {"data.cache": str(folder / "cache")}
    words += [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]
    with process(*words), browser() as chromium:
        while not (run / "ledger.journal").exists() or _ended(run) < 3:
            time.sleep(0.2)
        with process("dashboard", str(run), "--port", "0") as dashboard:
            assert dashboard.stdout is not None
            address = dashboard.stdout.readline().split(" is shown at ")[1].split()[0]
            counts = [0, 0]
            for turn in range(TURNS):
                page = chromium.new_page() if turn % 2 else None
                if page:
                    page.goto(address)
                before = _ended(run)
                time.sleep(seconds / TURNS)
                counts[turn % 2] += _ended(run) - before
                if page:
                    page.close()
    closed, opened = counts
    print(f"{closed} candidates with the page closed, {opened} with it open, in the same time")
    print(f"ratio {opened / closed:.3f}, chance alone ± {(1 / closed + 1 / opened) ** 0.5:.3f}")


def _ended(run: Path) -> int:
    with Ledger.open(run / "ledger.journal", read_only=True) as ledger:
        return sum(trial.finished is not None for trial in ledger.trials())


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[str]]:
    """``nas WORDS`` beside this, ended with the block."""
    code = "from nas.cli import main; main()"
    started = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@contextmanager
def browser() -> Iterator[Any]:
    """The machine's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        place = shutil.which("chromium") or shutil.which("google-chrome")
        yield playwright.chromium.launch(executable_path=place, args=["--no-sandbox"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--ledger", type=Path, help="keep it there, or use the one that is there")
    parser.add_argument("--page", action="store_true", help="in Chromium")
    parser.add_argument("--speed", type=float, metavar="SECONDS", help="of a search beside it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.speed:
            measure_speed(Path(folder), given.speed)
            return
        path = given.ledger or Path(folder) / "ledger.journal"
        if not path.exists():
            with Ledger.create(path, "load", SPACE.genes, {"made": "for a load test"}) as ledger:
                for number in range(given.trials):
                    add(ledger, number)
        (measure_page if given.page else measure_server)(path)


if __name__ == "__main__":
    main()
