"""Whether a run's best network is better than what one would have without a search: its rivals, the
catalogue's entries of the config, trained fully under the same recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from nas.config import Config
from nas.parts.baselines import named
from nas.runs import selection, tested
from nas.runs.evaluations import Evaluation
from nas.runs.promotion_records import OverSeeds, Promotion
from proxy_tasks.datasets.base import Split
from results import units
from results.paired import Difference, ImageCounts, difference
from results.trial import Trial
from search_space.canonical import canonical_key

CERTAIN = 0.05
"""Below this p two networks are told apart."""
LEAST = 0.001
"""Smaller p are not told from each other."""
PARTS: tuple[Split, ...] = ("test", "val")
"""Where rivals are compared: on the first on which all were scored."""


@dataclass(frozen=True)
class Comparison:
    """Of a run's best with a rival, over their seeds: mean mIoU in [0, 1] on a part of the data."""

    best: str
    trial: int | None
    rival: str
    trained: str
    """Name of the rival's promotion, that of its first seed."""
    part: Split
    mious: tuple[float, float]
    seeds: int
    images: int
    difference: Difference

    @property
    def verdict(self) -> str:
        """better, worse or equal."""
        if self.difference.p >= CERTAIN:
            return "equal"
        return "better" if self.difference.value > 0 else "worse"

    def __str__(self) -> str:
        ours, theirs = map(units.percent, self.mious)
        found = self.difference
        value, low, high = (f"{100 * x:+.1f}" for x in (found.value, found.low, found.high))
        p = f"p < {LEAST:g}" if found.p < LEAST else f"p = {found.p:.2g}"
        drawn = f"{self.images} images" + (" and the seeds" if self.seeds > 1 else "")
        return (
            f"{self.best} is {_WORDS[self.verdict]} {self.rival}: {ours} and {theirs} % mIoU on"
            f" {self.part}, a difference of {value} points (95 % interval {low} to {high} over the"
            f" {drawn}, {p})"
        )


_WORDS = {"better": "better than", "worse": "worse than", "equal": "not told apart from"}


def others(config: Config, chosen: Sequence[Trial]) -> list[str]:
    """The rivals to be trained beside the ``chosen`` trials: those that are none of them."""
    found = {trial.key for trial in chosen}
    return [
        name
        for name in config.promotion.rivals
        if canonical_key(named(name, config)) not in found
    ]


def comparisons(
    trials: Sequence[Trial],
    promotions: Sequence[Promotion],
    config: Config,
    finals: Sequence[Trial] = (),
) -> list[Comparison]:
    """Of the best candidate with each rival that was trained and scored as it was."""
    ours, others = _trained(trials, promotions, config, finals)
    found = (_compared(ours, theirs, name) for name, theirs in others.items())
    return [one for one in found if one]


def ahead(
    trials: Sequence[Trial],
    promotions: Sequence[Promotion],
    config: Config,
    finals: Sequence[Trial] = (),
) -> tuple[str, Promotion] | None:
    """The name of the best candidate's full training, and the rival's that has a higher mIoU than it
    on the validation part, both means over seeds; None where none has, or no images were left to
    validate on. A test part is not looked at."""
    ours, others = _trained(trials, promotions, config, finals)
    groups = [ours, *others.values()] if ours else []
    scored = [group for group in groups if any(each.miou is not None for each in group)]
    if not scored or scored[0] is not ours:
        return None
    best = max(scored, key=lambda group: OverSeeds.of(group).miou)
    if best is ours:
        return None
    first = min(best, key=lambda each: each.seed)
    return min(each.name for each in ours), first


def _trained(
    trials: Sequence[Trial],
    promotions: Sequence[Promotion],
    config: Config,
    finals: Sequence[Trial],
) -> tuple[list[Promotion], dict[str, list[Promotion]]]:
    """Full trainings of the best candidate that is no rival, under one recipe; and of each rival
    under the same, by its name. Empty where there are none."""
    known = {canonical_key(named(name, config)): name for name in sorted(names(config))}
    ours = [each for each in promotions if each.weights and each.key not in known]
    candidates = {trial.number for trial in trials if trial.kind == "candidate"}
    if candidates.isdisjoint(each.trial for each in ours):
        return [], {}
    best = selection.best(trials, ours, finals)
    group = [each for each in ours if each.trial == best.number]
    group = [each for each in group if each.recipe == group[0].recipe]
    others: dict[str, list[Promotion]] = {}
    for each in promotions:
        if each.weights and each.key in known and each.recipe == group[0].recipe:
            others.setdefault(known[each.key], []).append(each)
    return group, others


def lines(
    trials: Sequence[Trial],
    promotions: Sequence[Promotion],
    config: Config,
    run: str,
    finals: Sequence[Trial] = (),
) -> list[str]:
    """What to tell of the comparisons; empty where there are no rivals."""
    found = comparisons(trials, promotions, config, finals)
    told = [str(each) for each in found]
    for each in found:
        if each.verdict == "worse":
            told.append(
                f"the search added nothing to it; export it: nas export {run}/promotions/{each.trained}"
            )
    if found and found[0].seeds == 1:
        rivals = " ".join(f"--baseline {each.rival}" for each in found)
        told.append(
            "with one training of a network, how far seeds differ is not in the interval: nas promote"
            f" {run} --trial {found[0].trial} {rivals} --seeds 3 --resume"
        )
    return told


def names(config: Config) -> set[str]:
    """The entries of the catalogue that the best is compared with, if they were trained fully."""
    return {*config.promotion.rivals, *config.baselines}


def _compared(
    ours: Sequence[Promotion], theirs: Sequence[Promotion], rival: str
) -> Comparison | None:
    """On the first part on which all of them were scored, image by image."""
    for part in PARTS:
        both = [_scored(group, part) for group in (ours, theirs)]
        images = {len(counts.unions_NK) for group in both for _, counts in group}
        if all(both) and len(images) == 1:
            a, b = ([counts for _, counts in group] for group in both)
            mean, other = (fmean(each.scores.miou or 0.0 for each, _ in group) for group in both)
            return Comparison(
                min(each.name for each in ours),
                ours[0].trial,
                rival,
                min(each.name for each in theirs),
                part,
                (mean, other),
                min(len(a), len(b)),
                images.pop(),
                difference(a, b),
            )
    return None


def _scored(group: Sequence[Promotion], part: Split) -> list[tuple[Evaluation, ImageCounts]]:
    """One for each training; empty where one is missing."""
    found = [known for each in group if (known := tested.by_image(each, part))]
    return found if len(found) == len(group) else []
