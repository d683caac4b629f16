"""``nas compare``: whether one trained network is better than another, image by image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from rich.console import Console

from nas.runs import evaluations, promotion_records
from nas.runs.directory import RunDirectory
from nas.runs.evaluations import Evaluation
from nas.runs.promotion_records import RECORD, Promotion
from nas.runs.rivals import PARTS, Comparison
from results.paired import ImageCounts, difference
from search_space.errors import UserError
from search_space.printable import one_line

Asked = tuple[str, str, object]
"""The part, the fingerprint of its images, and flips and scales: on what two can be compared."""
Scored = tuple[Evaluation, ImageCounts]


@dataclass(frozen=True)
class Trained:
    """One network under one recipe, with one seed or with several."""

    name: str
    trainings: tuple[Promotion, ...]


def compare(first: Path, second: Path, part: str | None, as_json: bool, console: Console) -> None:
    """Print the paired difference in mIoU of two promotions, each given by its folder or as the
    best of a run, with its interval and p (see results.paired). Other seeds of the same network
    under the same recipe, in the same run, count too. Without a ``part``, on the first of test and
    val on which all were scored.

    Raises:
        UserError: where there is no such promotion, or they were not scored on the same images.
    """
    ours, theirs = _found(first), _found(second)
    if ours.trainings == theirs.trainings:
        raise UserError(f"{second}: is the same network under the same recipe as {first}")
    known = _compared(ours, theirs, part)
    if as_json:
        console.file.write(json.dumps(asdict(known) | {"verdict": known.verdict}, indent=2) + "\n")
        return
    console.print(str(known), markup=False, highlight=False, soft_wrap=True)
    if known.seeds == 1:
        said = "with one training of a network, how far seeds differ is not in the interval"
        console.print(f"{said}: nas promote RUN ... --seeds 3", markup=False, soft_wrap=True)


def _found(path: Path) -> Trained:
    if RunDirectory(path).config_file.is_file():
        run = RunDirectory.open(path)
        if not (promoted := promotion_records.load_all(run)):
            raise UserError(f"{path}: nothing has been promoted yet: nas promote {path}")
        return _group(promoted[0], promoted)
    folder = path.parent if path.is_file() else path
    if not (folder / RECORD).is_file():
        raise UserError(f"{path}: no promotion is here; give a run, or RUN/promotions/NAME")
    one = promotion_records.load(folder)
    beside = [each.parent for each in sorted(folder.parent.glob(f"*/{RECORD}"))]
    return _group(one, [promotion_records.load(each) for each in beside])


def _group(one: Promotion, others: Sequence[Promotion]) -> Trained:
    alike = [p for p in others if p.weights and (p.key, p.recipe) == (one.key, one.recipe)]
    alike.sort(key=lambda each: each.seed)
    return Trained(one_line(min(each.name for each in alike or [one])), tuple(alike or [one]))


def _compared(ours: Trained, theirs: Trained, part: str | None) -> Comparison:
    for wanted in [part] if part else PARTS:
        a, b = ([_scores(each, wanted) for each in group.trainings] for group in (ours, theirs))
        shared = set.intersection(*(set(each) for each in (*a, *b)))
        if shared:
            asked = min(shared, key=repr)
            return _comparison(ours, theirs, [s[asked] for s in a], [s[asked] for s in b])
    where = part or " or ".join(PARTS)
    raise UserError(
        f"{ours.name} and {theirs.name} were not all scored on the same images of {where}: nas"
        " evaluate RUN/promotions/NAME for each, with the same --data and --split"
    )


def _comparison(
    ours: Trained, theirs: Trained, a: Sequence[Scored], b: Sequence[Scored]
) -> Comparison:
    mious = [fmean(each.scores.miou or 0.0 for each, _ in scores) for scores in (a, b)]
    counts = [[found for _, found in scores] for scores in (a, b)]
    first = a[0][0].data
    return Comparison(
        best=ours.name,
        trial=ours.trainings[0].trial,
        rival=theirs.name,
        trained=theirs.name,
        part=first.split,  # type: ignore[arg-type]
        mious=(mious[0], mious[1]),
        seeds=min(len(a), len(b)),
        images=first.images,
        difference=difference(*counts),
    )


def _scores(training: Promotion, part: str) -> dict[Asked, Scored]:
    """What its weights were scored on, image by image."""
    return {
        (each.data.split, each.data.fingerprint, each.views): (each, counts)
        for each, counts in _kept(training)
        if each.data.split == part
    }


def _kept(training: Promotion) -> Iterator[Scored]:
    if training.weights is None:
        return
    folder = training.weights.parent
    for each in evaluations.load_all(folder):
        counts = evaluations.counts(folder, each)
        if each.weights == training.digest and counts is not None:
            yield each, counts
