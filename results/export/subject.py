"""What is exported: a network of ours with all that its file will say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy_tasks.checkpoint import Weights
from proxy_tasks.networks import DeepLabV3, build_segmenter
from results.export.ending import NetworkSpec
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import Scale
from search_space.shapes import aspp_rates

Colour = tuple[float, float, float]
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Subject:
    """``network`` is on the CPU and in eval mode; ``trained`` is False where its weights are
    random."""

    network: DeepLabV3
    spec: NetworkSpec
    trained: bool

    @property
    def checked_sizes(self) -> list[Size]:
        """(height, width) of images to compare at: small, as the network is the same at every
        size; the last has odd sides."""
        height, width = (min(side, _CHECKED_PIXELS) for side in self.spec.size)
        return [(height, width), (height * 3 // 4 | 1, width // 2 | 1)]


_CHECKED_PIXELS = 256


def prepare(
    backbone: Backbone,
    scale: Scale,
    classes: tuple[str, ...],
    size: Size,
    *,
    mean: Colour,
    std: Colour,
    weights: Path | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Subject:
    """Build the network and read its weights.

    Args:
        size: (height, width) in pixels that the network was trained at; it sets ASPP's rates.
        mean, std: per channel of RGB values in [0, 1], as in training.
        weights: as a full training keeps them (see proxy_tasks.checkpoint); None leaves the
            weights random.
        provenance: run, trial, controller, scores: kept in the files.

    Raises:
        UserError: if the weights cannot be read or belong to another network, or the network
            labels no pixels.
    """
    if weights is None:
        network = build_segmenter(backbone, scale, len(classes), size).eval()
    else:
        network = _trained(weights, backbone, scale, classes, size)
    rates = aspp_rates(size, 2**network.finest)
    spec = NetworkSpec(backbone, scale, classes, rates, size, mean, std, _plain(provenance))
    return Subject(network, spec, weights is not None)


def _plain(provenance: Mapping[str, Any] | None) -> dict[str, Any]:
    """As JSON has it, so that it can stand as a literal in Python and in YAML. NaN is None."""
    text = json.dumps(provenance or {}, default=str)
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain


def _trained(
    weights: Path, backbone: Backbone, scale: Scale, classes: tuple[str, ...], size: tuple[int, int]
) -> DeepLabV3:
    """Our network with these weights. Weights of another dilation would fit without a word, so
    what the file says of its network has to agree."""
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
    return kept.network()
