"""What brings pixel values about zero mean and unit spread. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_space.encoders import EncoderSpec
from search_space.encoders.resnet import IMAGENET_MEAN, IMAGENET_STD
from search_space.errors import UserError

MEAN, STD = IMAGENET_MEAN, IMAGENET_STD
"""Of the colours of natural images, on a scale of 0 to 1: the usual figures, from ImageNet."""


@dataclass(frozen=True)
class Intensities:
    """``mean`` and ``std`` of each channel, as shares of ``top``, the value of full brightness:
    255 of 8-bit files, 65535 of 16-bit ones.

    Raises:
        UserError: for no channel, other numbers of means and spreads, or a spread that is not
            positive.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    top: int = 255

    def __post_init__(self) -> None:
        if not self.mean or len(self.mean) != len(self.std):
            raise UserError(f"intensities: {len(self.mean)} means and {len(self.std)} spreads")
        if not (all(value > 0 for value in self.std) and self.top > 0):
            raise UserError(f"intensities: spreads and top must be positive: {self.std} {self.top}")

    @property
    def channels(self) -> int:
        return len(self.mean)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Intensities:
        """Of asdict's plain types. KeyError or TypeError for anything else."""
        return cls(tuple(values["mean"]), tuple(values["std"]), values["top"])


def as_trained_on(spec: EncoderSpec | None, measured: Intensities) -> Intensities:
    """How an encoder's weights expect images, whatever was ``measured`` of these; images of other
    channels than its weights saw, or for no encoder, as measured."""
    if spec is None or len(spec.mean) != measured.channels:
        return measured
    return Intensities(spec.mean, spec.std, measured.top)


NATURAL = Intensities(MEAN, STD)
"""Of photographs of 8 bits a channel: what pretrained weights expect too."""
