"""How long a controller takes for its next proposal once the history is long.

    python -m benchmarks.ask [--history 10000] [--names ...] [--asks 30] [--slow]

One ask and one tell on the default SpineNet-Seg space with 16 trials in flight, in milliseconds
of the process's CPU time and of wall time. The trials are made once, which takes some 20 seconds
for 10,000. What it takes to make the controller anew from the
history, as a search that is resumed does, is a column of its own: all tells and the first ask,
in seconds. On a busy machine only CPU time means much.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from nas.controllers import CONTROLLERS, make
from proxy_tasks.task import Measurement
from results.trial import Trial, TrialState
from search_space.architecture import Architecture
from search_space.cost import cost
from search_space.genes import Genotype, sample
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

SPACE = ScalePermutedSpace()
IN_FLIGHT = 16
REPLAYED = {"tpe": 100}
"""Controllers whose time to be made anew grows with the square of the history, and how much of it
they get without ``--slow``: Optuna's sampler goes through every proposal again."""


@dataclass(frozen=True)
class Timing:
    """Of one controller: ``laps_AT`` holds CPU and wall seconds of every ask and tell."""

    name: str
    history: int
    rebuild_T: tuple[float, float]
    laps_AT: NDArray[np.float64]

    def row(self) -> str:
        cells = [self.name, str(self.history)]
        for seconds_A in self.laps_AT.T:
            figures = np.median(seconds_A), seconds_A.mean(), seconds_A.max()
            cells += [f"{1e3 * seconds:.1f}" for seconds in figures]
        cells += [f"{seconds:.1f}" for seconds in self.rebuild_T]
        return "| " + " | ".join(cells) + " |"


def made_history(count: int, seed: int) -> list[Trial]:
    """``count`` random candidates in the order of their numbers, the last ones still running."""
    rng = np.random.default_rng(seed)
    trials = [_started(sample(SPACE.genes, rng), number) for number in range(count)]
    running = min(IN_FLIGHT - 1, count)
    return [_ended(trial) for trial in trials[: count - running]] + trials[count - running :]


def timed(name: str, trials: Sequence[Trial], asks: int) -> Timing:
    """Make the controller from ``trials``, then let it go on for ``asks`` proposals."""
    history = list(trials)
    done = [trial for trial in history if trial.state is TrialState.COMPLETE]
    began = _clocks()
    controller = make(name, SPACE, 0)
    for trial in done:
        controller.tell(trial)
    proposed = controller.ask(len(history), history)
    rebuild_T = _clocks() - began
    laps = []
    for place in range(len(done), len(done) + asks):
        history.append(_started(proposed, len(history)))
        history[place] = _ended(history[place])
        began = _clocks()
        controller.tell(history[place])
        proposed = controller.ask(len(history), history)
        laps.append(_clocks() - began)
    cpu, wall = rebuild_T.tolist()
    return Timing(name, len(trials), (cpu, wall), np.stack(laps))


def _clocks() -> NDArray[np.float64]:
    return np.array([process_time(), perf_counter()])


def _started(genotype: Genotype, number: int) -> Trial:
    return Trial(
        number,
        f"trial-{number:04d}",
        "candidate",
        SPACE.decode(genotype),
        SPACE.key(genotype),
        genotype,
        TrialState.RUNNING,
        after=max(0, number - IN_FLIGHT + 1),
    )


def _ended(trial: Trial) -> Trial:
    """In the order of starting: one ends as one starts."""
    return replace(
        trial,
        state=TrialState.COMPLETE,
        measurement=_measured(trial.backbone),  # type: ignore[arg-type]
        ending=trial.number,
    )


def _measured(architecture: Architecture) -> Measurement:
    """Scores are made up, yet there is something to learn: they rise with MACs and dilation."""
    total = cost(architecture, Scale(), 19, (512, 512))
    live = [architecture.all_blocks[index] for index in architecture.alive]
    dilation = np.mean([block.dilation for block in live])
    miou = 1 / (1 + math.exp(2 - math.log(total.macs / 1e10) - 0.3 * dilation))
    return Measurement(1, total.macs, total.parameters, 1.0, miou=miou)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ask", description=__doc__)
    parser.add_argument("--history", type=int, default=10_000, help="trials before the first ask")
    parser.add_argument("--asks", type=int, default=30, help="proposals that are timed")
    parser.add_argument("--names", nargs="+", default=[*CONTROLLERS], choices=[*CONTROLLERS])
    parser.add_argument("--slow", action="store_true", help="the whole history for all controllers")
    chosen = parser.parse_args(arguments)
    began = process_time()
    trials = made_history(chosen.history, seed=0)
    print(f"{len(trials)} random trials, made in {process_time() - began:.0f} s of CPU time\n")
    print("| controller | history | CPU ms: median | mean | worst", end="")
    print(" | wall ms: median | mean | worst | made anew: CPU s | wall s |")
    print("|---|" + "---:|" * 9)
    shortened = []
    for name in chosen.names:
        count = len(trials) if chosen.slow else REPLAYED.get(name, len(trials))
        given = trials if count >= len(trials) else made_history(count, seed=0)
        shortened += [name] if len(given) < len(trials) else []
        print(timed(name, given, chosen.asks).row(), flush=True)
    for name in shortened:
        print(
            f"\n{name} goes through its history again for each proposal in it when it is made anew:"
            f" timed after {REPLAYED[name]} trials. --slow gives it all {len(trials)}."
        )


if __name__ == "__main__":
    main()
