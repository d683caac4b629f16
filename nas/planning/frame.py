"""What is known before the hours are planned, and the arithmetic on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nas.parts.baselines import ENCODER
from nas.planning.machine import REFERENCE, Machine, Setting
from nas.planning.seeing import Seeing
from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.traits import Fingerprint
from proxy_tasks.networks.frozen_features import LARGEST
from proxy_tasks.recipe import Recipe
from search_space import catalog
from search_space.architecture import Architecture, features
from search_space.backbone import Backbone
from search_space.cost import cost
from search_space.encoders import ENCODERS, EncoderSpec
from search_space.scales import Scale

WIDTHS = (1.0, 0.8, 0.65, 0.5, 0.375, 0.25)
"""Multipliers of SpineNet's filters, the widest first."""
PASSES, FINE_TUNED_PASSES = 100, 30
"""How often a full training should see every pixel, from scratch and from pretrained weights:
on data sets of CamVid's size, published networks take 200 epochs and more from scratch, narrower
ones need fewer. Networks are made narrower to reach it."""
MANY = 1000
"""A pass counts as at most this many crops: large data sets need not be seen a hundred times."""
BATCH = {"cpu": 8, "cuda": 16}
AVERAGED = 0.05
"""Part of a training's steps that the average of the weights reaches back."""
WHOLE = 0.7
"""Cost of predicting a pixel of a whole image, relative to training on it: a forward pass is a
third of a step, but it is in single precision, where training uses half."""
PROXY_STEPS = 100
"""Steps of a usual proxy in each fold: with fewer, all networks know only the most frequent
classes."""
READ = (3, 4, 5)
"""Levels that a head reads of an encoder, as far as it has them."""
HEAVIER = 1.25
"""Candidates may have this many times the reference's multiply-accumulates, or its latency."""
ROOM = 0.7
"""Part of the memory that trainings may fill."""


@dataclass(frozen=True)
class Frame:
    """What is known before anything is measured. ``start``: the encoder whose weights a training
    starts from."""

    found: Fingerprint
    seeing: Seeing
    there: Machine
    recipe: Recipe
    head: str
    start: EncoderSpec | None
    folds: int
    workers: int
    """Full trainings side by side."""
    threads: int

    @property
    def size(self) -> tuple[int, int]:
        return self.seeing.crop, self.seeing.crop

    def scale(self, width: float) -> Scale:
        """Endpoints and ASPP are as wide as the rest."""
        return scale_at(width, self.head, self.found.channels)

    def macs(self, width: float) -> int:
        return cost(self.reference, self.scale(width), len(self.found.classes), self.size).macs

    @property
    def rival(self) -> str:
        """The name of the network that is timed, and scored for comparison: candidates are about
        as large."""
        return name_of(self.start) if self.start else REFERENCE

    @property
    def reference(self) -> Backbone:
        return reference(self.start)

    @property
    def passes(self) -> int:
        """How often a full training should see every pixel."""
        return PASSES if not self.start else FINE_TUNED_PASSES

    def crops(self, passes: float) -> int:
        """Crops that show every training pixel ``passes`` times; for large data sets, MANY for
        each pass."""
        whole = self.seeing.pixels(self.found) / self.seeing.crop**2
        return int(passes * min(MANY, whole))

    def looks(self, part: Split) -> float:
        """Cost of predicting all images of a part, in crops of training."""
        return WHOLE * self.seeing.pixels(self.found, part) / self.seeing.crop**2

    def fits(self, width: float) -> bool:
        """Whether full trainings side by side fit into the memory."""
        classes = len(self.found.classes)
        known = cost(self.reference, self.scale(width), classes, self.size)
        step = known.training_bytes(self.recipe.batch_size)
        return step * self.workers <= ROOM * self.there.memory

    def full(self, width: float) -> Setting:
        classes = len(self.found.classes)
        return Setting(
            self.reference,
            self.scale(width),
            classes,
            self.size,
            self.recipe,
            self.workers,
            self.threads,
        )

    def short(self, width: float) -> Setting:
        """The setting of a proxy, which leaves an encoder as it is and finds its maps kept."""
        one = replace(self.full(width), workers=self.there.workers, threads=1)
        if not self.start:
            return one
        frozen = replace(self.recipe, encoder_rate=0.0)
        return replace(one, recipe=frozen, again=self._maps() <= LARGEST)

    def final(self, width: float) -> Setting:
        """The setting of a finalist: full training's, on each worker."""
        return replace(self.full(width), workers=self.there.workers, threads=1)

    def _maps(self) -> float:
        """Bytes, in single precision, of the encoder's maps of all that proxies see."""
        assert self.start is not None
        levels = self.start.channels
        values = sum(channels / 4**level for level, channels in levels.items())
        crops = PROXY_STEPS * self.recipe.batch_size * self.folds * self.seeing.crop**2
        part: Split = "train" if self.folds > 1 else "val"
        return 4 * values * (crops + self.seeing.pixels(self.found, part))


def scale_at(width: float, head: str, channels: int) -> Scale:
    """A scale of the plan's: endpoints and ASPP are as wide as the rest."""
    filters = max(32, round(256 * width / 16) * 16)
    return Scale(
        filters=width,
        endpoint_filters=filters,
        aspp_filters=filters,
        head=head,
        channels=channels,
    )


def name_of(start: EncoderSpec) -> str:
    """What baselines call the encoder alone: as the catalogue does, or that of the run."""
    return start.name if start.name in ENCODERS else ENCODER


def reference(start: EncoderSpec | None) -> Backbone:
    """The network that candidates are about as large as."""
    if start is None:
        return catalog.load(REFERENCE)
    levels = tuple(level for level in READ if level in start.channels)
    return Architecture(features(start), (), levels)


def divided(crops: int, epochs: int, batch: int) -> tuple[int, int]:
    """Epochs, and the crops of each: a whole number of batches, at least two."""
    steps = max(2, crops // batch)
    epochs = max(1, min(epochs, steps // 2))
    return epochs, steps // epochs * batch


def usual_batch(
    there: Machine, found: Fingerprint, seeing: Seeing, head: str, start: EncoderSpec | None
) -> int:
    """The device's usual one, halved until all workers' steps fit into memory."""
    batch = BATCH[there.device]
    filters = 64
    scale = Scale(WIDTHS[-1], 0.5, 1, filters, filters, head, found.channels)
    known = cost(reference(start), scale, len(found.classes), (seeing.crop, seeing.crop))
    while batch > 2 and known.training_bytes(batch) * there.workers > ROOM * there.memory:
        batch //= 2
    return batch


def averaging(steps: int) -> float:
    """Decay of the average of the weights."""
    return round(1 - 1 / max(2.0, AVERAGED * steps), 4)


def scaled(section: str, scale: Scale) -> dict[str, object]:
    """The values of a config."""
    known: dict[str, object] = {
        f"{section}.scale.filters": scale.filters,
        f"{section}.scale.endpoint_filters": scale.endpoint_filters,
        f"{section}.scale.aspp_filters": scale.aspp_filters,
    }
    if scale.head_separable:
        known[f"{section}.scale.head_separable"] = True
    if scale.stem_filters is not None:
        known[f"{section}.scale.stem_filters"] = scale.stem_filters
    return known | ({f"{section}.scale.channels": scale.channels} if scale.channels != 3 else {})
