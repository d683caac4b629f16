"""What fits into the hours: width, batch, and the lengths and numbers of trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nas.planning.candidates import candidates
from nas.planning.decision import Decision
from nas.planning.finals import Finals, finals
from nas.planning.frame import (
    BATCH,
    HEAVIER,
    ROOM,
    WIDTHS,
    Frame,
    averaging,
    divided,
    name_of,
    scaled,
    usual_batch,
)
from nas.planning.latency import Budget
from nas.planning.machine import Machine, Setting
from nas.planning.seeing import Seeing
from proxy_tasks.datasets.traits import Fingerprint
from proxy_tasks.pace import Pace
from proxy_tasks.recipe import Recipe
from results import units
from search_space.encoders import EncoderSpec

PLENTY = 1000
"""Passes of a full training beyond which time is better spent on candidates."""
PROMOTED, FINALS = 0.7, 0.2
"""Parts of the hours that full training gets, as it decides most of the winner's score, and of it
what finals get where there is a rival."""
PROMOTION_EPOCHS = 30
VALIDATIONS = 6
"""Of a full training, where images are held out."""
SPARE = 0.9
"""Part of the time that is planned for; the rest is for what takes longer than measured."""
START, END = 30.0, 45.0
"""Seconds for Ray's start; for tables, pictures and the export."""
READ = 12e6
"""Pixels that are decoded and packed in a second, about."""

Timer = Callable[[Sequence[Setting]], list[Pace]]


@dataclass(frozen=True)
class Hours:
    """The decisions that follow from the hours, and the figures that warnings are made of."""

    trials: int
    passes: float
    """How often full training sees every pixel; for large data sets, how often MANY crops."""
    wanted: int
    """How often it should see them."""
    reading: float
    """Seconds that reading the images takes."""
    decisions: tuple[Decision, ...]
    measured: dict[str, float]
    too_slow: str | None = None
    """What to say of a rival that takes longer than the latency that is asked for."""


def hours(
    seconds: float,
    found: Fingerprint,
    seeing: Seeing,
    there: Machine,
    recipe: Recipe,
    head: str,
    start: EncoderSpec | None,
    folds: int,
    cores: int,
    timed: Timer,
    budget: Budget | None = None,
) -> Hours:
    """Measure the narrowest network, choose the widest one for which there is time, and measure
    that too. ``seconds`` are left of the hours; ``folds``: 1 where a part is held out."""
    rivals = (name_of(start),) if start else ()
    top = 1 if rivals or folds > 1 or there.workers == 1 else 2
    trainings = top + len(rivals)
    share = PROMOTED - FINALS if rivals else PROMOTED
    beside = min(trainings, there.workers)
    rounds = -(-trainings // beside)
    frame = Frame(
        found,
        seeing,
        there,
        replace(recipe, batch_size=usual_batch(there, found, seeing, head, start)),
        head,
        start,
        folds,
        beside,
        max(1, cores // beside) if there.device == "cpu" else 1,
    )
    read = _native_pixels(found) / READ
    narrow, narrow_full = timed([frame.short(WIDTHS[-1]), frame.full(WIDTHS[-1])])
    frame, narrow_full, threads = _threads(frame, narrow_full, timed)
    left = max(60.0, seconds - START - read - END)
    widths = budget.widths(frame) if budget else WIDTHS
    width = _width(frame, narrow_full.crops, share * left / rounds, widths)
    full = timed([frame.full(width)])[0] if width != WIDTHS[-1] else narrow_full
    looks = 0.0 if folds > 1 else VALIDATIONS * frame.looks("val")
    end = END + trainings * frame.looks("test") / full.crops
    left = max(60.0, seconds - START - read - end)
    crops = int(SPARE * share * left / rounds * full.crops - looks)
    crops = max(2 * frame.recipe.batch_size, min(crops, frame.crops(PLENTY)))
    epochs, images = divided(crops, PROMOTION_EPOCHS, frame.recipe.batch_size)
    promotion = rounds * (epochs * images + looks) / full.crops
    last = _finals(frame, width, SPARE * FINALS * left, epochs * images, len(rivals), timed)
    search = left - (promotion + (last.seconds if last else 0.0)) / SPARE
    proxy = candidates(frame, narrow.crops, SPARE * search, epochs * images)
    passes = epochs * images / max(1, frame.crops(1))
    decisions = (
        _batch_decision(frame, full),
        _width_decision(frame, width, passes, budget if width == widths[0] else None),
        _full_decision(frame, epochs, images, promotion, top, rivals, share),
        *threads,
        *([last.decision(frame, rivals)] if last else ()),
        *proxy.decisions(frame, search),
        *_limits(frame, width, budget),
    )
    measured = {
        "proxy_crops_per_second": round(narrow.crops, 2),
        "promotion_crops_per_second": round(full.crops, 2),
        "promotion_macs": float(frame.macs(width)),
        "ending_seconds": round(end + looks / full.crops, 1),
    }
    too_slow = budget.warning(frame, width) if budget else None
    return Hours(proxy.trials, passes, frame.passes, read, decisions, measured, too_slow)


def _finals(
    frame: Frame, width: float, seconds: float, full: int, rivals: int, timed: Timer
) -> Finals | None:
    """None where there is no rival: then nobody's score says whether a candidate pays."""
    if not rivals:
        return None
    (pace,) = timed([frame.final(width)])
    return finals(frame, pace.crops, seconds, full, rivals)


def _native_pixels(found: Fingerprint) -> int:
    return sum(
        height * width * images
        for part in found.parts.values()
        for (height, width), images in part.sizes.items()
    )


def _width(frame: Frame, crops: float, seconds: float, widths: Sequence[float]) -> float:
    """The widest of these that still sees every pixel often enough, by its multiply-accumulates
    relative to those of the narrowest of all."""
    narrow = frame.macs(WIDTHS[-1])
    for width in widths:
        if not frame.fits(width):
            continue
        pace = crops * (narrow / frame.macs(width)) ** 0.85
        if SPARE * seconds * pace >= frame.crops(frame.passes):
            return width
    return widths[-1]


def _batch_decision(frame: Frame, full: Pace) -> Decision:
    batch = frame.recipe.batch_size
    usual = BATCH[frame.there.device]
    why = f"usual on a {'CPU' if frame.there.device == 'cpu' else 'GPU'}"
    if batch < usual:
        why = f"{usual} would fill more than {100 * ROOM:.0f} % of the memory"
    held = f"{full.memory / 2**30:.1f} GiB per training" if full.memory else ""
    keys = {f"{section}.recipe.batch_size": batch for section in ("proxy", "promotion")}
    return Decision("batch", str(batch), why, keys, held)


def _width_decision(frame: Frame, width: float, passes: float, budget: Budget | None) -> Decision:
    """``budget``: of latency, where it decides."""
    why = f"the widest that sees every pixel {frame.passes} times in full training's hours"
    if budget and budget.rival(frame, width) > budget.ms:
        why = f"the narrowest: {frame.rival} takes too long for the latency even so"
    elif budget and width != WIDTHS[0]:
        why = f"the widest at which {frame.rival} leaves candidates room within {budget.ms:g} ms"
    if passes < frame.passes * SPARE:
        wanted = f"where {frame.passes} are wanted"
        why = f"the narrowest; even so it sees every pixel only {passes:.0f} times, {wanted}"
    macs = frame.macs(width)
    values = scaled("promotion", frame.scale(width))
    costs = f"{units.giga(macs)}MACs per crop"
    return Decision("width", f"{width:g} of SpineNet's filters", why, values, costs)


def _full_decision(
    frame: Frame,
    epochs: int,
    images: int,
    seconds: float,
    top: int,
    rivals: tuple[str, ...],
    share: float,
) -> Decision:
    batch = frame.recipe.batch_size
    values = {
        "promotion.top": top,
        **({"promotion.rivals": list(rivals)} if rivals else {}),
        "promotion.epochs": epochs,
        "promotion.images": images,
        "promotion.evaluate_every": max(1, epochs // VALIDATIONS),
        "promotion.recipe.averaging": averaging(epochs * images // batch),
    }
    who = "the best candidate" if top == 1 else "each of the two best candidates"
    who = " and ".join((who, *rivals))
    why = f"{100 * share:.0f} % of the hours: full training decides most of the score"
    if rivals:
        why += f"; {rivals[0]} alone is what you would have without a search"
    return Decision(
        "a full training sees",
        f"{epochs * images:,} crops in {epochs} epochs; {who} get{'' if rivals else 's'} one",
        why,
        values,
        units.duration(seconds),
    )


def _threads(frame: Frame, full: Pace, timed: Timer) -> tuple[Frame, Pace, tuple[Decision, ...]]:
    """One thread for a full training where that is faster: threads wait for each other at every
    layer, and for other programs that hold their cores."""
    if frame.threads == 1:
        return frame, full, ()
    one = replace(frame, threads=1)
    (alone,) = timed([one.full(WIDTHS[-1])])
    if alone.crops <= full.crops:
        return frame, full, ()
    why = (
        f"{alone.crops:.3g} crops a second with one, {full.crops:.3g} with {frame.threads}: the"
        " network is small, or the machine is busy"
    )
    decision = Decision("threads", "1 per full training", why, {"promotion.threads": 1})
    return one, alone, (decision,)


def _limits(frame: Frame, width: float, budget: Budget | None) -> tuple[Decision, ...]:
    """Of latency where that is asked for, and of multiply-accumulates where it does not keep
    candidates as small as the hours need."""
    latency = (budget.decision(frame, width),) if budget else ()
    if budget and budget.ms <= HEAVIER * budget.rival(frame, width):
        return latency
    macs = HEAVIER * frame.macs(width)
    limit = Decision(
        "limit",
        f"{units.giga(int(macs))}MACs per crop",
        f"{HEAVIER:g} times {frame.rival}'s: the hours are too short to train heavier candidates",
        {"constraints.macs": int(float(f"{macs:.3g}"))},
    )
    return *latency, limit
