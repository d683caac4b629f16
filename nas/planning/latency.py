"""A budget of latency: what of it the rival takes, and what candidates may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from nas.planning.decision import Decision
from nas.planning.frame import HEAVIER, WIDTHS, Frame, reference, scale_at
from nas.planning.seeing import Seeing
from proxy_tasks.datasets.traits import Fingerprint
from results import units
from results.latency.measure import Subject
from results.latency.sample import of_space
from search_space.encoders import EncoderSpec
from search_space.genes import SearchSpace
from search_space.latency import LatencyModel
from search_space.nodes import Size
from search_space.scales import DEEPLABV3, DEEPLABV3_PLUS, FPN, Scale

LIGHTER = (DEEPLABV3_PLUS, DEEPLABV3, FPN)
"""Heads, each lighter than the one before."""


@dataclass(frozen=True)
class Budget:
    """``ms`` that one image may take as it is seen, by what ``model`` predicts of the exported
    network."""

    ms: float
    model: LatencyModel

    def rival(self, frame: Frame, width: float) -> float:
        """Milliseconds of the network that candidates are about as large as."""
        return self._taken(frame.found, frame.seeing, frame.start, frame.scale(width))

    def head(
        self, found: Fingerprint, seen: Seeing, start: EncoderSpec | None, wanted: str
    ) -> str | None:
        """The wanted head, or the first lighter one, with which the rival fits at the narrowest
        width; None where it never does."""
        heads = LIGHTER[LIGHTER.index(wanted) :]
        scales = {head: scale_at(WIDTHS[-1], head, found.channels) for head in heads}
        fitting = (h for h, s in scales.items() if self._taken(found, seen, start, s) <= self.ms)
        return next(fitting, None)

    def _taken(
        self, found: Fingerprint, seen: Seeing, start: EncoderSpec | None, scale: Scale
    ) -> float:
        crop, size = (seen.crop, seen.crop), usual_size(found, seen)
        return self.model.of(reference(start), scale, len(found.classes), size, crop).ms

    def widths(self, frame: Frame) -> tuple[float, ...]:
        """Those at which the rival leaves candidates some room; where there is none, at which it
        fits; where there is none, the narrowest."""
        taken = {width: self.rival(frame, width) for width in WIDTHS}
        roomy = tuple(width for width in WIDTHS if HEAVIER * taken[width] <= self.ms)
        tight = tuple(width for width in WIDTHS if taken[width] <= self.ms)
        return roomy or tight[-1:] or WIDTHS[-1:]

    def decision(self, frame: Frame, width: float) -> Decision:
        """What it is, and what the rival takes of it."""
        height, across = usual_size(frame.found, frame.seeing)
        rival, measured = self.rival(frame, width), self.model.table.measured
        threads = units.counted(measured.threads, "thread")
        why = (
            f"predicted for the exported network from {len(self.model.table.rows):,} operators"
            f" measured on {measured.device} in {measured.runtime}, {threads};"
            f" {frame.rival} takes {units.three_digits(rival)} ms"
        )
        values = {
            "constraints.latency": f"{self.ms:f}".rstrip("0").rstrip(".") + "ms",
            "constraints.latency_size": [height, across],
        }
        shown = f"{self.ms:g} ms for a usual image, seen at {height}x{across}"
        return Decision("latency", shown, why, values)

    def warning(self, frame: Frame, width: float) -> str | None:
        """Where the rival does not fit."""
        if (rival := self.rival(frame, width)) <= self.ms:
            return None
        return (
            f"{frame.rival} takes {units.three_digits(rival)} ms at width {width:g}, the narrowest,"
            f" with images as coarse as may be: more than {self.ms:g} ms, so that it is no rival at"
            " an equal budget, and few candidates fit: give more --latency"
        )


def usual_size(found: Fingerprint, seen: Seeing) -> Size:
    """(height, width) of the training image of middle size, as the network sees it."""
    sizes = sorted(found.parts["train"].sizes.elements(), key=lambda size: size[0] * size[1])
    height, width = sizes[len(sizes) // 2]
    factor = seen.short_side / min(height, width) if seen.short_side else seen.factor
    return max(1, round(height * factor)), max(1, round(width * factor))


def subjects(
    space: SearchSpace, found: Fingerprint, seen: Seeing, start: EncoderSpec | None
) -> Iterator[Subject]:
    """What a table is measured of: the rival and networks of the space at each width, the
    narrowest first, as they take least time; then more networks of the space."""
    key = "promotion.scale.head"
    head = next(each.values[key] for each in seen.decisions if key in each.values)
    classes, size = len(found.classes), usual_size(found, seen)
    scales = [scale_at(width, head, found.channels) for width in WIDTHS[::-1]]
    drawn = of_space(space, [scale for scale in scales for _ in range(2)], classes, size)
    for scale in scales:
        yield Subject(reference(start), scale, classes, size)
        yield from islice(drawn, 2)
    yield from drawn
