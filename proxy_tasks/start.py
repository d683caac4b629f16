"""What a training starts from: weights of a file, an encoder's pretrained ones, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from proxy_tasks.fitting import fit, load
from proxy_tasks.intensities import Intensities, as_trained_on
from proxy_tasks.networks import Segmenter
from proxy_tasks.networks.encoder_backbone import EncoderBackbone
from proxy_tasks.networks.freezable import Freezable
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.pretrained import load_pretrained
from proxy_tasks.recipe import Recipe
from proxy_tasks.weights_file import Known, WeightsFile
from search_space.backbone import Backbone, encoder_of


@dataclass(frozen=True)
class Start:
    """``weights``: a file that has them for the whole network, or for its backbone (see
    proxy_tasks.fitting). Without it a network on an encoder starts from the encoder's, if the
    recipe says so: those on the ``encoder`` of that name from ``encoder_weights``, others from what
    is installed."""

    weights: Path | None = None
    encoder: str = ""
    encoder_weights: Path | None = None

    def begin(self, network: Segmenter, backbone: Backbone, recipe: Recipe) -> None:
        """Bring a network on this backbone to where its training starts from; what is pretrained
        of the backbone learns as the recipe's ``encoder_rate`` says.

        Raises:
            UserError: where there are no such weights, or they are of another network.
        """
        known: Freezable
        if self.weights is not None:
            found = fit(network, backbone, WeightsFile.open(self.weights))
            load(network, found)
            known = _encoder(network) if found.encoder else network.backbone
        elif recipe.pretrained and (spec := encoder_of(backbone)):
            known, own = _encoder(network), spec.name == self.encoder
            load_pretrained(known, spec, self.encoder_weights if own else None)
        else:
            return
        _hold_back(known, recipe)

    def intensities(self, backbone: Backbone, measured: Intensities) -> Intensities:
        """How the weights expect images; where there are none, or of other channels, as
        ``measured`` of the data. UserError for a file that does not say it."""
        if self.weights is not None:
            known = Known.of(self.weights).intensities
            if known.channels == measured.channels:
                return replace(known, top=measured.top)
        return as_trained_on(encoder_of(backbone), measured)


USUAL = Start()
"""Without a file."""


def as_if_begun(network: Segmenter, backbone: Backbone, recipe: Recipe) -> None:
    """Let the parts of a network learn that would learn without a file, from random weights: for
    measuring how long a training takes."""
    if recipe.pretrained and encoder_of(backbone):
        _hold_back(_encoder(network), recipe)


def _hold_back(known: Freezable, recipe: Recipe) -> None:
    """Let what is pretrained learn slowly, or not at all."""
    known.pretrained = True
    if not recipe.encoder_rate:
        known.freeze()


def _encoder(network: Segmenter) -> LevelEncoder:
    assert isinstance(network.backbone, EncoderBackbone)
    return network.backbone.encoder
