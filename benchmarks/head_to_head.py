"""Found networks against the others, all trained fully by ``nas promote`` with several seeds.

    python -m benchmarks.head_to_head RUN [RUN ...] [--against NAME] [--evaluated] [--onnx]
        [--table FILE]

Every promotion of the runs that came to an end is a contestant, together with those that only the
seed tells from it. All must have been trained with the same settings, but for their scale: ``nas
promote --label`` trains a network at another one. With ``--evaluated`` the mIoU is that of ``nas
evaluate``, at the labels' own size, and the size that was trained at may differ too.

A row has the best mIoU on the validation split, its mean over seeds and their standard deviation;
how far that is from AGAINST's, with the standard error of the difference of the two means; and the
latency of one image at the size that was trained at, on one CPU thread, as one would deploy it
(batch norms folded, the trained weights): the median of rounds in which the networks take turns;
with ``--onnx`` in ONNX Runtime too, of the model that ``nas export`` writes. TABLE keeps it as CSV.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks import turns
from nas.runs import evaluations, promotion_records
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import OverSeeds, Promotion
from proxy_tasks.checkpoint import Weights
from proxy_tasks.networks import channels_last
from proxy_tasks.views import Views
from search_space.errors import UserError

AGAINST = "deeplabv3-resnet-50-os8"
ROUNDS = 15
SCALE, SIZE = "scale", "size"
"""What may differ between the settings of contestants: the first always."""


@dataclass(frozen=True)
class Contestant:
    """A network of a run over its seeds."""

    run: str
    trainings: tuple[Promotion, ...]

    @property
    def over_seeds(self) -> OverSeeds:
        return OverSeeds.of(self.trainings)

    @property
    def name(self) -> str:
        return self.over_seeds.name

    @property
    def minutes(self) -> float:
        """Of a training, mean over the seeds."""
        return statistics.fmean(each.last.seconds for each in self.trainings) / 60

    def weights(self) -> Weights:
        """Of the first seed. UserError where they are gone."""
        path = self.trainings[0].weights
        if path is None:
            raise UserError(f"{self.run}: {self.name}: its weights are gone; promote it again")
        return Weights.open(path)


@dataclass(frozen=True)
class Row:
    """What is printed and kept of a contestant. mIoU in percent, ``over`` in points of it, None of
    what it is held against; latency in ms, its ratio to that of what it is held against, and
    both in ONNX Runtime where that was asked for."""

    run: str
    network: str
    size: str
    seeds: int
    miou: float
    deviation: float | None
    over: float | None
    error: float | None
    macs: int
    parameters: int
    latency: float
    ratio: float
    onnx_latency: float | None
    onnx_ratio: float | None
    minutes: float

    def shown(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.2f}"
        error = "" if self.error is None else f" ± {self.error:.2f}"
        over = "" if self.over is None else f"{self.over:+.2f}{error}"
        cells = [
            self.network,
            self.run,
            self.size,
            str(self.seeds),
            f"{self.miou:.2f}{spread}",
            over,
        ]
        cells += [f"{self.macs / 1e9:.3f}", f"{self.parameters / 1e6:.2f}"]
        cells += [f"{self.latency:.1f}", f"{self.ratio:.2f}"]
        onnx = (self.onnx_latency, self.onnx_ratio)
        cells += ["" if value is None else f"{value:.3g}" for value in onnx]
        cells.append(f"{self.minutes:.1f}")
        return "| " + " | ".join(cells) + " |"


def contestants(paths: Sequence[Path], evaluated: bool = False) -> list[Contestant]:
    """Best first. ``evaluated``: by ``nas evaluate`` instead of by their own validations.

    Raises:
        UserError: without any, or where they were trained with different settings (other than the
            scale, and where they were evaluated the size) or were not evaluated.
    """
    free = {SCALE, SIZE} if evaluated else {SCALE}
    found = []
    for path in paths:
        run = RunDirectory.open(path)
        promotions = promotion_records.load_all(run)
        if evaluated:
            promotions = [_evaluated(each) for each in promotions if each.weights]
        groups = promotion_records.by_network(promotions)
        found += [Contestant(run.path.name, tuple(group)) for group in groups]
    if not found:
        raise UserError(f"{', '.join(map(str, paths))}: nothing was promoted there yet")
    first = found[0].trainings[0].settings
    for other in found:
        settings = other.trainings[0].settings
        known = first.keys() - free
        if changed := sorted(key for key in known if settings.get(key) != first[key]):
            raise UserError(f"{other.run}: {other.name}: other settings ({', '.join(changed)})")
    return sorted(found, key=lambda each: -each.over_seeds.miou)


def _evaluated(one: Promotion) -> Promotion:
    """With the mIoU of its plain evaluation on the validation split: images seen as in training,
    at a single scale."""
    assert one.weights is not None
    folder, sight = one.weights.parent, Weights.open(one.weights).sight
    for each in evaluations.load_all(folder):
        of_these = each.weights == one.digest and each.data.split == "val"
        if of_these and each.views == Views() and each.sight == sight:
            return replace(one, miou=each.scores.miou)
    raise UserError(f"{folder}: was not evaluated as it was trained; run: nas evaluate {folder}")


def rows(found: Sequence[Contestant], against: str, rounds: int, onnx: bool = False) -> list[Row]:
    """UserError where ``against`` is none of them."""
    rivals = [place for place, each in enumerate(found) if each.name == against]
    if not rivals:
        names = ", ".join(each.name for each in found)
        raise UserError(f"--against {against}: is none of {names}")
    weights = [each.weights() for each in found]
    networks = [(channels_last(each.network()), each.size) for each in weights]
    measured = [turns.in_pytorch(networks, rounds)]
    if onnx:
        folders = [(each.path.parent, each.size) for each in weights]
        measured.append(turns.in_onnx_runtime(folders, rounds))
    rival = found[rivals[0]]
    slow = [seconds[rivals[0]] for seconds in measured]
    return [
        _row(each, None if each is rival else rival, taken, slow)
        for each, *taken in zip(found, *measured, strict=True)
    ]


def _row(
    one: Contestant, rival: Contestant | None, seconds: Sequence[float], slow: Sequence[float]
) -> Row:
    """``seconds`` in PyTorch, and perhaps in ONNX Runtime; ``slow`` those of the rival."""
    known, last = one.over_seeds, one.trainings[0].last
    over = None if rival is None else 100 * (known.miou - rival.over_seeds.miou)
    return Row(
        one.run,
        one.name,
        "x".join(map(str, one.trainings[0].settings[SIZE])),
        known.count,
        100 * known.miou,
        None if known.deviation is None else 100 * known.deviation,
        over,
        None if rival is None else _error(known, rival.over_seeds),
        last.macs,
        last.parameters,
        1e3 * seconds[0],
        seconds[0] / slow[0],
        1e3 * seconds[1] if len(seconds) > 1 else None,
        seconds[1] / slow[1] if len(seconds) > 1 else None,
        one.minutes,
    )


def _error(one: OverSeeds, other: OverSeeds) -> float | None:
    """Standard error of the difference of two means, in points (Welch)."""
    if one.deviation is None or other.deviation is None:
        return None
    return 100 * float((one.deviation**2 / one.count + other.deviation**2 / other.count) ** 0.5)


def write(path: Path, found: Sequence[Row]) -> None:
    """As CSV, a row a contestant."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(Row.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(vars(row) for row in found)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.head_to_head", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--against", default=AGAINST, help="name of a promotion")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the latency's measurement")
    parser.add_argument("--evaluated", action="store_true", help="mIoU of `nas evaluate`")
    parser.add_argument("--onnx", action="store_true", help="the latency in ONNX Runtime too")
    parser.add_argument("--table", type=Path, help="CSV file for the rows")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        found = rows(
            contestants(given.runs, given.evaluated), given.against, given.rounds, given.onnx
        )
    except UserError as error:
        parser.error(str(error))
    print(
        f"| network | run | trained at | seeds | mIoU % | over {given.against}, points | GMACs"
        " | M parameters | ms an image | of its latency | ms in ONNX Runtime | of its latency"
        " | minutes |"
    )
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    print("\n".join(row.shown() for row in found))
    if given.table:
        write(given.table, found)


if __name__ == "__main__":
    main()
