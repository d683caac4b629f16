"""What is exported: a network of ours with all that its file will say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets.base import Colour, distinct_palette
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.labelling import Labeller
from proxy_tasks.networks import Segmenter, build_segmenter
from proxy_tasks.running import running
from proxy_tasks.sight import OWN, Sight
from results.export.ending import NetworkSpec
from results.export.fresh_process import Picture
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import Scale
from search_space.shapes import aspp_rates

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Subject:
    """``network`` is on the CPU and in eval mode; ``trained`` is False where its weights are
    random."""

    network: Segmenter
    spec: NetworkSpec
    trained: bool

    @property
    def checked_sizes(self) -> list[Size]:
        """(height, width) of images to compare at: small, as the network is the same at every
        size; the last has odd sides."""
        height, width = (min(side, _CHECKED_PIXELS) for side in self.spec.size)
        return [(height, width), (height * 3 // 4 | 1, width // 2 | 1)]

    @cached_property
    def pictures(self) -> list[Picture]:
        """An image, and the label map that it has to get."""
        known, generator = self.spec.intensities, np.random.default_rng(0)
        height, width = self.checked_sizes[-1]
        image = generator.integers(0, known.top + 1, (height, width, known.channels))
        image_HWC = image.astype(np.uint8 if known.top < 256 else np.uint16)
        labeller = Labeller(running(self.network), self.spec.sight, known)
        return [(image_HWC, labeller.predict(image_HWC))]


_CHECKED_PIXELS = 256


def prepare(
    backbone: Backbone,
    scale: Scale,
    classes: tuple[str, ...],
    size: Size,
    *,
    palette: Sequence[Colour] = (),
    sight: Sight = OWN,
    weights: Path | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Subject:
    """Build the network and read its weights.

    Args:
        size: (height, width) in pixels of the crops that the network was trained on; it sets
            ASPP's rates.
        palette: of weights that have none; by default distinct colours.
        sight: how large images are to be seen where there are no weights, which say it.
        weights: as a full training keeps them (see proxy_tasks.checkpoint); None leaves the
            weights random.
        provenance: run, trial, controller, scores: kept in the files.

    Raises:
        UserError: if the weights cannot be read or belong to another network, or the network
            labels no pixels.
    """
    kept = None if weights is None else _kept(weights, backbone, scale, classes, size)
    if kept is None:
        network = build_segmenter(backbone, scale, len(classes), size).eval()
        intensities = _usual(scale.channels)
    else:
        network, sight, intensities = kept.network(), kept.sight, kept.intensities
        palette = kept.palette or palette
    spec = NetworkSpec(
        backbone,
        scale,
        classes,
        aspp_rates(size, 2**network.finest),
        size,
        sight,
        intensities,
        tuple(palette or distinct_palette(len(classes))),
        _plain(provenance),
    )
    return Subject(network, spec, kept is not None)


def _usual(channels: int) -> Intensities:
    """Of images of 8 bits of which nothing is known."""
    return (
        NATURAL
        if channels == NATURAL.channels
        else Intensities((0.5,) * channels, (0.25,) * channels)
    )


def _plain(provenance: Mapping[str, Any] | None) -> dict[str, Any]:
    """As JSON has it, so that it can stand as a literal in Python and in YAML. NaN is None."""
    text = json.dumps(provenance or {}, default=str)
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain


def _kept(
    weights: Path, backbone: Backbone, scale: Scale, classes: tuple[str, ...], size: tuple[int, int]
) -> Weights:
    """These weights. Those of another dilation would fit without a word, so what the file says of
    its network has to agree."""
    kept = Weights.open(weights)
    pairs = {
        "backbone": (kept.backbone, backbone),
        "scale": (kept.scale, scale),
        "image size": (kept.size, size),
        "list of classes": (kept.classes, classes),
    }
    for name, (theirs, ours) in pairs.items():
        if theirs != ours:
            raise UserError(f"{weights}: the weights were trained with another {name}: {theirs}")
    return kept
