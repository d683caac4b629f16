"""What is exported: a network of ours, with everything that its file says about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets.base import Colour, distinct_palette
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.labelling import Labeller
from proxy_tasks.networks import Segmenter, build_segmenter
from proxy_tasks.room import check_room
from proxy_tasks.running import running
from proxy_tasks.sight import OWN, Sight
from results.export.ending import NetworkSpec
from results.export.fresh_process import Picture
from search_space.backbone import Backbone, scale_of, seen_size
from search_space.errors import UserError
from search_space.heads import HEADS, segmenting
from search_space.scales import Scale

Size = tuple[int, int]
_CHECKED_PIXELS = 256
_OF_WEIGHTS = {"promoted_miou", "epoch", "proxy_folds"}
"""Scores of a full training (nas.runs.promotion_records.Promotion.scores)."""
_OF_BUILD = {"macs", "parameters"}
"""Scores that hang on the scale and the size."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to export. It is built, and its weights are read, when a format first asks.

    Attributes:
        size: (height, width) in pixels of the crops that the network was trained on; it sets the
            head's atrous rates.
        name: of the trial, the promotion or the catalogue's entry.
        weights: as a full training keeps them (see proxy_tasks.checkpoint); without these and
            ``state`` they are random.
        palette: of weights that have none; by default distinct colours.
        sight: how large images are to be seen where there are no weights, which say it.
        provenance: run, trial, controller, scores: kept in the files.
        state: weights by our names, out of a file that does not say what network they are of.

    Raises, when it is built:
        UserError: if the weights cannot be read or belong to another network, or the network
            labels no pixels.
    """

    backbone: Backbone
    scale: Scale
    classes: tuple[str, ...]
    size: Size
    name: str = ""
    weights: Path | None = None
    palette: tuple[Colour, ...] = ()
    sight: Sight = OWN
    provenance: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Tensor] | None = None

    @property
    def trained(self) -> bool:
        """False where the weights are random."""
        return self.weights is not None or self.state is not None

    @cached_property
    def network(self) -> Segmenter:
        """On the CPU and in eval mode."""
        if self._kept is not None:
            return self._kept.network()
        wanted = (self.backbone, self.scale, len(self.classes), self.size)
        check_room(*wanted)
        network = build_segmenter(*wanted)
        if self.state is not None:
            network.load_state_dict(self.state)
        return network.eval()

    @cached_property
    def spec(self) -> NetworkSpec:
        """What a file says of the network."""
        kept, stride = self._kept, 2 ** min(self.network.backbone.out_channels)
        head = HEADS[segmenting(self.backbone, self.scale)]
        palette = (kept.palette if kept else ()) or self.palette
        return NetworkSpec(
            self.backbone,
            scale_of(self.backbone, self.scale),
            self.classes,
            head.rates(seen_size(self.backbone, self.size), stride),
            self.size,
            kept.sight if kept else self.sight,
            kept.intensities if kept else _usual(self.scale.channels),
            tuple(palette or distinct_palette(len(self.classes))),
            _plain(self.provenance if self.trained else self._without_weights()),
        )

    def _without_weights(self) -> dict[str, Any]:
        """The provenance, less what it says of trained weights, and of a network that was built
        otherwise: beside random weights it would be taken for theirs."""
        told = {name: said for name, said in self.provenance.items() if name != "weights_sha256"}
        scores = told.pop("scores", None)
        if not isinstance(scores, Mapping):
            return told
        parameters = sum(each.numel() for each in self.network.parameters())
        as_built = scores.get("parameters") == parameters
        left_out = _OF_WEIGHTS if as_built else _OF_WEIGHTS | _OF_BUILD
        kept = {name: score for name, score in scores.items() if name not in left_out}
        return {**told, "scores": kept} if kept else told

    @property
    def checked_sizes(self) -> list[Size]:
        """(height, width) of images to compare at: small, as the network is the same at every
        size; the last has odd sides."""
        height, width = (min(side, _CHECKED_PIXELS) for side in self.size)
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

    @cached_property
    def _kept(self) -> Weights | None:
        """The weights. Those of another dilation would fit without a word, so what the file says of
        its network has to agree."""
        if self.weights is None:
            return None
        kept = Weights.open(self.weights)
        pairs = {
            "backbone": (kept.backbone, self.backbone),
            "scale": (kept.scale, self.scale),
            "image size": (kept.size, self.size),
            "list of classes": (kept.classes, self.classes),
        }
        for name, (theirs, ours) in pairs.items():
            if theirs != ours:
                raise UserError(
                    f"{self.weights}: the weights were trained with another {name}: {theirs}"
                )
        return kept


def _usual(channels: int) -> Intensities:
    """Of images of 8 bits of which nothing is known."""
    return (
        NATURAL
        if channels == NATURAL.channels
        else Intensities((0.5,) * channels, (0.25,) * channels)
    )


def _plain(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it, so that it can stand as a literal in Python and in YAML. NaN is None."""
    text = json.dumps(dict(provenance), default=str)
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain
