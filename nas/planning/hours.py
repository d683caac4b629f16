"""What the hours hold: width, batch, how much a full training and a proxy see, how many of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nas.planning.decision import Decision
from nas.planning.machine import REFERENCE, Machine, Setting
from nas.planning.seeing import Seeing
from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.traits import Fingerprint
from proxy_tasks.pace import Pace
from proxy_tasks.recipe import Recipe
from results import units
from search_space import catalog
from search_space.backbone import Backbone
from search_space.cost import cost
from search_space.scales import Scale

WIDTHS = (1.0, 0.8, 0.65, 0.5, 0.375, 0.25)
"""Multipliers of SpineNet's filters, the widest first."""
PASSES = 100
"""How often a full training should see every pixel, from scratch: networks of CamVid's size are
published with 200 epochs and more, narrower ones need fewer. Width gives way for it."""
MANY = 1000
"""Crops that a pass counts for at most: large sets need not be seen a hundred times."""
PLENTY = 1000
"""Beyond so many, time is better spent on candidates."""
PROMOTED = 0.7
"""Part of the hours that full training gets: it decides most of what the winner scores."""
SHORTER = 24
"""A proxy sees this part of what a full training sees (Google's released search: 1/40)."""
USUAL_STEPS, FEWEST_STEPS = 100, 40
"""Of a proxy, in each fold: before that, all networks know the most frequent classes alone. Fewer
only where the hours would hold less than FEWEST_TRIALS."""
MOST_TRIALS, FEWEST_TRIALS = 200, 8
BATCH = {"cpu": 8, "cuda": 16}
PROXY_EPOCHS, PROMOTION_EPOCHS = 4, 30
VALIDATIONS = 6
"""Of a full training, where images are held out."""
AVERAGED = 0.05
"""Part of a training's steps that the average of the weights reaches back."""
SPARE = 0.9
"""Of the time that is reckoned with, for what takes longer than measured."""
START, END = 30.0, 45.0
"""Seconds for Ray's start; for tables, pictures and the export."""
WHOLE = 0.7
"""What seeing a pixel of a whole image costs of what training on it costs: a forward pass is a
third of a step, and in single precision where training has half of it."""
READ = 12e6
"""Pixels a second that are decoded and packed, about."""
HEAVIER = 1.25
"""Candidates may have this many times the reference's multiply-accumulates."""
ROOM = 0.7
"""Part of the memory that trainings may fill."""

Timer = Callable[[Sequence[Setting]], list[Pace]]


@dataclass(frozen=True)
class Hours:
    """What came of it."""

    trials: int
    passes: float
    """How often every pixel is seen in full training; of large sets, how often MANY crops are."""
    reading: float
    """Seconds."""
    decisions: tuple[Decision, ...]
    measured: dict[str, float]


@dataclass(frozen=True)
class _Frame:
    """What is known before anything is measured."""

    found: Fingerprint
    seeing: Seeing
    there: Machine
    recipe: Recipe
    head: str
    folds: int
    workers: int
    """Full trainings side by side."""
    threads: int

    @property
    def size(self) -> tuple[int, int]:
        return self.seeing.crop, self.seeing.crop

    def scale(self, width: float) -> Scale:
        """Endpoints and ASPP are as wide as the rest."""
        filters = max(32, round(256 * width / 16) * 16)
        return Scale(
            filters=width,
            endpoint_filters=filters,
            aspp_filters=filters,
            head=self.head,
            channels=self.found.channels,
        )

    def macs(self, width: float) -> int:
        return cost(self.reference, self.scale(width), len(self.found.classes), self.size).macs

    @property
    def reference(self) -> Backbone:
        return catalog.load(REFERENCE)

    def fits(self, width: float) -> bool:
        """Whether full trainings side by side have room in the memory."""
        classes = len(self.found.classes)
        known = cost(self.reference, self.scale(width), classes, self.size)
        step = known.training_bytes(self.recipe.batch_size)
        return step * self.workers <= ROOM * self.there.memory

    def full(self, width: float) -> Setting:
        classes = len(self.found.classes)
        return Setting(
            self.scale(width), classes, self.size, self.recipe, self.workers, self.threads
        )

    def short(self, width: float) -> Setting:
        return replace(self.full(width), workers=self.there.workers, threads=1)


def hours(
    seconds: float,
    found: Fingerprint,
    seeing: Seeing,
    there: Machine,
    recipe: Recipe,
    head: str,
    folds: int,
    cores: int,
    timed: Timer,
) -> Hours:
    """Measures the narrowest network, chooses the widest for which the time is enough, and measures
    that too. ``seconds`` are left of the hours; ``folds``: 1 where a part is held out."""
    top = 1 if folds > 1 or there.workers == 1 else 2
    frame = _Frame(
        found,
        seeing,
        there,
        replace(recipe, batch_size=_batch(there, found, seeing, head)),
        head,
        folds,
        top,
        max(1, cores // top) if there.device == "cpu" else 1,
    )
    read = _native_pixels(found) / READ
    narrow, narrow_full = timed([frame.short(WIDTHS[-1]), frame.full(WIDTHS[-1])])
    left = max(60.0, seconds - START - read - END)
    width = _width(frame, narrow_full.crops, PROMOTED * left)
    full = timed([frame.full(width)])[0] if width != WIDTHS[-1] else narrow_full
    looks = 0.0 if folds > 1 else VALIDATIONS * _looks(frame, "val")
    end = END + top * _looks(frame, "test") / full.crops
    left = max(60.0, seconds - START - read - end)
    crops = int(SPARE * PROMOTED * left * full.crops - looks)
    crops = max(2 * frame.recipe.batch_size, min(crops, _crops(frame, PLENTY)))
    epochs, images = _divided(crops, PROMOTION_EPOCHS, frame.recipe.batch_size)
    promotion = (epochs * images + looks) / full.crops
    search = left - promotion / SPARE
    proxy = _proxy(frame, narrow.crops, SPARE * search, epochs * images)
    passes = epochs * images / max(1, _crops(frame, 1))
    decisions = (
        _batch_decision(frame, full),
        _width_decision(frame, width, passes),
        _full_decision(frame, epochs, images, promotion, top),
        *proxy.decisions(frame, search),
        _limit(frame, width),
    )
    measured = {
        "proxy_crops_per_second": round(narrow.crops, 2),
        "promotion_crops_per_second": round(full.crops, 2),
        "promotion_macs": float(frame.macs(width)),
        "ending_seconds": round(end + looks / full.crops, 1),
    }
    return Hours(proxy.trials, passes, read, decisions, measured)


@dataclass(frozen=True)
class _Proxy:
    """``seconds`` of one candidate by one worker."""

    epochs: int
    images: int
    trials: int
    seconds: float
    baselines: tuple[str, ...]

    def decisions(self, frame: _Frame, search: float) -> tuple[Decision, ...]:
        recipe = frame.recipe
        steps = self.epochs * self.images // recipe.batch_size
        total = self.epochs * self.images * frame.folds
        scale = frame.scale(WIDTHS[-1])
        values = {
            "proxy.epochs": self.epochs,
            "proxy.images": self.images,
            "proxy.score": "soft_miou",
            "proxy.recipe.averaging": _averaging(steps),
            **_scaled("proxy", scale),
        }
        folds = f" over {frame.folds} folds" if frame.folds > 1 else ""
        seen = Decision(
            "a proxy sees",
            f"{total:,} crops{folds}, at width {WIDTHS[-1]:g}",
            f"about 1/{SHORTER} of a full training, and {USUAL_STEPS} steps a training at"
            f" least, {FEWEST_STEPS} where the hours are few",
            values,
            f"{units.duration(self.seconds)} each",
        )
        count = Decision(
            "candidates",
            f"{self.trials}, by {frame.there.workers} workers; beside them "
            f"{', '.join(self.baselines)}",
            "as many as the search's part of the hours holds",
            {
                "budget.trials": self.trials,
                "budget.hours": round(search / 3600, 4),
                "baselines": list(self.baselines),
                "controller.initial": max(2, min(10, self.trials // 3)),
            },
            units.duration(search),
        )
        return seen, count


def _proxy(frame: _Frame, crops: float, seconds: float, full: int) -> _Proxy:
    """As long as a part of full training, and longer where very many would fit."""
    batch, folds, workers = frame.recipe.batch_size, frame.folds, frame.there.workers
    validated = _looks(frame, "train" if folds > 1 else "val") / crops
    usual, least = (steps * batch * folds for steps in (USUAL_STEPS, FEWEST_STEPS))
    wanted = max(full // SHORTER, usual)

    def trials(total: float) -> float:
        return workers * seconds / (total / crops + validated) - 1  # a baseline is scored too

    if trials(wanted) > MOST_TRIALS:
        wanted = min(full, int((workers * seconds / (MOST_TRIALS + 1) - validated) * crops))
    while trials(wanted) < FEWEST_TRIALS and wanted > least:
        wanted = max(least, int(0.8 * wanted))
    epochs, images = _divided(wanted // folds, PROXY_EPOCHS if folds == 1 else 2, batch)
    total = epochs * images * folds
    number = max(2, int(trials(total)))
    rivals = (REFERENCE,)
    return _Proxy(epochs, images, number, total / crops + validated, rivals)


def _divided(crops: int, epochs: int, batch: int) -> tuple[int, int]:
    """Epochs, and crops of each: a whole number of batches, two at least."""
    steps = max(2, crops // batch)
    epochs = max(1, min(epochs, steps // 2))
    return epochs, steps // epochs * batch


def _looks(frame: _Frame, part: Split) -> float:
    """What seeing all images of a part costs, in crops of training."""
    return WHOLE * frame.seeing.pixels(frame.found, part) / frame.seeing.crop**2


def _width(frame: _Frame, crops: float, seconds: float) -> float:
    """The widest network that still sees every pixel often enough, by what its multiply-accumulates
    cost beside those of the narrowest."""
    narrow = frame.macs(WIDTHS[-1])
    for width in WIDTHS:
        if not frame.fits(width):
            continue
        pace = crops * (narrow / frame.macs(width)) ** 0.85
        if SPARE * seconds * pace >= _crops(frame, PASSES):
            return width
    return WIDTHS[-1]


def _crops(frame: _Frame, passes: float) -> int:
    """That show every training pixel so often, of large sets MANY for each time."""
    return int(passes * min(MANY, frame.seeing.pixels(frame.found) / frame.seeing.crop**2))


def _native_pixels(found: Fingerprint) -> int:
    return sum(
        height * width * images
        for part in found.parts.values()
        for (height, width), images in part.sizes.items()
    )


def _batch(there: Machine, found: Fingerprint, seeing: Seeing, head: str) -> int:
    """The device's usual one, halved until all workers' steps fit into memory."""
    batch = BATCH[there.device]
    reference, filters = catalog.load(REFERENCE), 64
    scale = Scale(WIDTHS[-1], 0.5, 1, filters, filters, head, found.channels)
    known = cost(reference, scale, len(found.classes), (seeing.crop, seeing.crop))
    while batch > 2 and known.training_bytes(batch) * there.workers > ROOM * there.memory:
        batch //= 2
    return batch


def _averaging(steps: int) -> float:
    return round(1 - 1 / max(2.0, AVERAGED * steps), 4)


def _scaled(section: str, scale: Scale) -> dict[str, object]:
    known: dict[str, object] = {
        f"{section}.scale.filters": scale.filters,
        f"{section}.scale.endpoint_filters": scale.endpoint_filters,
        f"{section}.scale.aspp_filters": scale.aspp_filters,
    }
    return known | ({f"{section}.scale.channels": scale.channels} if scale.channels != 3 else {})


def _batch_decision(frame: _Frame, full: Pace) -> Decision:
    batch = frame.recipe.batch_size
    usual = BATCH[frame.there.device]
    why = f"usual on a {'CPU' if frame.there.device == 'cpu' else 'GPU'}"
    if batch < usual:
        why = f"{usual} would fill more than {100 * ROOM:.0f} % of the memory"
    held = f"{full.memory / 2**30:.1f} GiB a training" if full.memory else ""
    keys = {f"{section}.recipe.batch_size": batch for section in ("proxy", "promotion")}
    return Decision("batch", str(batch), why, keys, held)


def _width_decision(frame: _Frame, width: float, passes: float) -> Decision:
    why = f"the widest that sees every pixel {PASSES} times in its part of the hours"
    if passes < PASSES * SPARE:
        why = f"the narrowest: it sees every pixel {passes:.0f} times, where {PASSES} are wanted"
    macs = frame.macs(width)
    values = _scaled("promotion", frame.scale(width))
    costs = f"{units.giga(macs)}MACs a crop"
    return Decision("width", f"{width:g} of SpineNet's filters", why, values, costs)


def _full_decision(frame: _Frame, epochs: int, images: int, seconds: float, top: int) -> Decision:
    batch = frame.recipe.batch_size
    values = {
        "promotion.top": top,
        "promotion.epochs": epochs,
        "promotion.images": images,
        "promotion.evaluate_every": max(1, epochs // VALIDATIONS),
        "promotion.recipe.averaging": _averaging(epochs * images // batch),
    }
    who = "the best" if top == 1 else "each of the two best"
    return Decision(
        "a full training sees",
        f"{epochs * images:,} crops in {epochs} epochs; {who} gets one",
        f"{100 * PROMOTED:.0f} % of the hours: full training decides most of the score",
        values,
        units.duration(seconds),
    )


def _limit(frame: _Frame, width: float) -> Decision:
    macs = HEAVIER * frame.macs(width)
    return Decision(
        "limit",
        f"{units.giga(int(macs))}MACs a crop",
        f"{HEAVIER:g} times {REFERENCE}'s: heavier ones would not be trained within the hours",
        {"constraints.macs": int(float(f"{macs:.3g}"))},
    )
