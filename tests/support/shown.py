"""What a pack says of its images, for tests that save weights without one."""

from __future__ import annotations

from dataclasses import dataclass

from proxy_tasks.datasets.base import Colour, distinct_palette
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.sight import Sight


@dataclass(frozen=True)
class Shown:
    """As PackedData, as far as the header of weights is concerned."""

    classes: tuple[str, ...]
    sight: Sight
    intensities: Intensities = NATURAL
    colours: tuple[Colour, ...] = ()

    @property
    def palette(self) -> tuple[Colour, ...]:
        return self.colours or distinct_palette(len(self.classes))
