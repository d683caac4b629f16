"""Throughput of proxy trainings: of one step, and of a whole search.

    python -m benchmarks.proxy [--data ROOT] [--trials 8] [--epochs 8]

**Share**: images per second of the product's training loop (augmentation, loss, clipping,
optimizer, average of the weights) as a share of what the same layers reach when all that happens
is a forward and a backward pass of a trivial loss, on one ready batch of the same size. Both take
turns in one process of one thread; the share is the median over the turns. On a CPU the clock is
the process's CPU time, so that other programs hardly disturb it.

**Rate** (with ``--data``, CamVid's folder, as the reference has to decode files): candidates per
hour of ``nas search`` as a user runs it, with random proposals, against
``benchmarks.practitioner``, which trains the same candidates as they are usually trained. Seconds
run from the first trial's start to the last one's end; those of the whole command, packing of the
images included, are a column of their own. The mIoU of both must agree within noise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from benchmarks.practitioner import Reference
from nas import config as configs
from nas.config import Config
from nas.parts import build
from nas.runs.directory import RunDirectory
from proxy_tasks.augment import Augment
from proxy_tasks.crops import Crops
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.networks import Segmenter, build_segmenter, channels_last
from proxy_tasks.precision import autocast
from proxy_tasks.proxy import find_device
from proxy_tasks.training import Training
from results.ledger import Ledger
from search_space.backbone import Backbone

Clock = Callable[[], float]


@dataclass(frozen=True)
class Share:
    """Images per second in each turn, of the bare layers and of the product's loop."""

    bare_T: tuple[float, ...]
    product_T: tuple[float, ...]

    @property
    def share(self) -> float:
        return float(np.median(np.divide(self.product_T, self.bare_T)))

    def row(self) -> str:
        low, high = np.quantile(np.divide(self.product_T, self.bare_T), (0.25, 0.75))
        rates = f"{np.median(self.bare_T):.1f} | {np.median(self.product_T):.1f}"
        return f"{rates} | {100 * self.share:.1f} % | {100 * low:.1f} to {100 * high:.1f} %"


@dataclass(frozen=True)
class Rate:
    """``seconds`` from the first trial's start to the last one's end, ``wall`` of the command."""

    name: str
    seconds: float
    wall: float
    mious: tuple[float, ...]

    @property
    def per_hour(self) -> float:
        return 3600 * len(self.mious) / self.seconds

    def row(self) -> str:
        mious = 100 * np.array(self.mious)
        spread = mious.std(ddof=1) if len(mious) > 1 else float("nan")
        figures = f"{len(mious)} | {self.seconds:.1f} | {self.per_hour:.1f} | {self.wall:.1f}"
        return f"| {self.name} | {figures} | {mious.mean():.2f} ± {spread:.2f} % |"


def measure_share(
    backbone: Backbone, config: Config, train: DeviceSplit, classes: int, turns: int, steps: int
) -> Share:
    """``turns`` epochs of ``steps`` steps, and as many passes of the bare layers after each."""
    fidelity = build.fidelity(config.proxy, config.data)
    recipe = config.proxy.recipe
    images, clock = steps * recipe.batch_size, _clock(train.device)
    bare, product = (
        build_segmenter(backbone, fidelity.scale, classes, fidelity.size) for _ in range(2)
    )
    passes = _bare_loop(bare, train, recipe.batch_size, fidelity.size)
    training = Training(
        product, train, recipe, turns + 1, config.seed, fidelity.size, images=images
    )
    taken = [
        (_seconds(clock, passes, steps), _seconds(clock, training.run_epoch))
        for _ in range(turns + 1)
    ]
    # The first turn warms up.
    return Share(tuple(images / b for b, _ in taken[1:]), tuple(images / p for _, p in taken[1:]))


def _bare_loop(
    network: Segmenter, train: DeviceSplit, batch: int, size: tuple[int, int]
) -> Callable[[], object]:
    device, augment = train.device, Augment()
    network = channels_last(network.to(device)).train()
    draws = augment.draw(batch, torch.Generator().manual_seed(0))
    x_BCHW, _ = Crops(train, size, augment)(torch.arange(batch) % len(train), draws)

    def one_pass() -> None:
        with autocast(device, x_BCHW.shape[3]):
            low_logits = network.forward_low(x_BCHW)
        network.zero_grad(set_to_none=True)
        low_logits.float().square().mean().backward()

    return one_pass


def _seconds(clock: Clock, work: Callable[[], object], times: int = 1) -> float:
    began = clock()
    for _ in range(times):
        work()
    return clock() - began


def _clock(device: torch.device) -> Clock:
    """CPU time of a process on a CPU; elsewhere wall time, once the device is done."""
    if device.type == "cpu":
        return time.process_time

    def synchronised() -> float:
        torch.accelerator.synchronize()
        return time.perf_counter()

    return synchronised


def searched(run: Path, settings: Sequence[str]) -> Rate:
    """``nas search`` as a command."""
    command = "import sys; from nas.cli import main; sys.exit(main())"
    given = [item for setting in settings for item in ("--set", setting)]
    wall = _run(["-c", command, "search", "camvid", "--run", str(run), *given])
    ledger = Ledger.open(RunDirectory.open(run).ledger, read_only=True)
    trials = [t for t in ledger.trials() if t.kind == "candidate" and t.miou is not None]
    began = min(t.started for t in trials if t.started)
    ended = max(t.finished for t in trials if t.finished)
    mious = tuple(t.miou for t in trials if t.miou is not None)
    return Rate("nas search", (ended - began).total_seconds(), wall, mious)


def trained_as_usual(run: Path, folder: Path) -> Rate:
    """The same candidates, by ``benchmarks.practitioner`` as a command."""
    output = folder / "reference.json"
    wall = _run(["-m", "benchmarks.practitioner", str(run), "-o", str(output)])
    found = Reference(**json.loads(output.read_text()))
    return Rate("reference loop", found.seconds, wall, tuple(found.mious))


def _run(arguments: Sequence[str]) -> float:
    """Wall seconds of a Python command. Raises CalledProcessError where it fails."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=sys.stderr)
    return time.perf_counter() - began


def report_shares(config: Config, architectures: int, turns: int, steps: int) -> None:
    torch.set_num_threads(1)
    data = open_packed(build.packed(config, config.proxy, Console(stderr=True)))
    train = DeviceSplit(data.train, find_device(config.engine.device))
    space, rng = build.space(config), np.random.default_rng(config.seed)
    height, width = config.proxy.size
    print(f"batch {config.proxy.recipe.batch_size} at {height}x{width}, {train.device}\n")
    print("| architecture | bare layers, images/s | product | share | quartiles |")
    print("|---|---:|---:|---:|---:|")
    shares = []
    for _ in range(architectures):
        genotype = space.sample(rng)
        found = measure_share(
            space.decode(genotype), config, train, len(data.classes), turns, steps
        )
        shares.append(found.share)
        print(f"| {space.key(genotype)[:8]} | {found.row()} |", flush=True)
    print(f"\nmedian share {100 * np.median(shares):.1f} %\n", flush=True)


def report_rates(settings: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, run = Path(name), Path(name) / "run"
        ours = searched(run, [*settings, f"data.cache={folder / 'cache'}"])
        usual = trained_as_usual(run, folder)
    print("| | candidates | seconds | candidates/h | whole command, s | mIoU |")
    print("|---|---:|---:|---:|---:|---:|")
    print(f"{ours.row()}\n{usual.row()}\n")
    print(comparison(ours, usual))


def comparison(ours: Rate, usual: Rate) -> str:
    """Ratio of the rates, and the mean difference of mIoU with its standard error."""
    apart = 100 * np.subtract(ours.mious, usual.mious)
    error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else float("nan")
    return (
        f"{ours.per_hour / usual.per_hour:.2f} times the candidates per hour"
        f" ({usual.wall / ours.wall:.2f} times by whole commands);"
        f" mIoU {apart.mean():+.2f} ± {error:.2f} points, of the same candidates"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy", description=__doc__)
    parser.add_argument("--data", help="CamVid's folder; without it, the share on drawn scenes")
    parser.add_argument("--trials", type=int, default=8, help="candidates of the rates")
    parser.add_argument("--epochs", type=int, default=8, help="of each candidate")
    parser.add_argument(
        "--architectures", type=int, default=3, help="of the share, drawn at random"
    )
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--steps", type=int, default=5, help="of each turn")
    parser.add_argument("--parts", nargs="+", choices=("share", "rate"), default=("share", "rate"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    data = [f"data.root={given.data}"] if given.data else ["data.name=scenes"]
    settings = [
        *data,
        "controller.name=random",
        "promotion.top=0",
        "baselines=[]",
        f"budget.trials={given.trials}",
        f"proxy.epochs={given.epochs}",
        *given.set,
    ]
    if "share" in given.parts:
        config = configs.load("camvid", settings)
        report_shares(config, given.architectures, given.turns, given.steps)
    if "rate" in given.parts and given.data:
        report_rates(settings)


if __name__ == "__main__":
    main()
