"""Networks whose maps others learn: a pretrained encoder, or a network of our own.

Shapes: B images, C channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from proxy_tasks.checkpoint import scale_of
from proxy_tasks.encoder_weights import found
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import build_backbone, channels_last
from proxy_tasks.networks.encoders import encoder_network
from proxy_tasks.networks.frozen_features import kept_maps
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.pretrained import load_pretrained
from proxy_tasks.room import check_room
from proxy_tasks.weights_file import Known, WeightsFile
from search_space.architecture_file import from_dict, to_dict
from search_space.backbone import Backbone
from search_space.encoders import ENCODERS, encoder
from search_space.errors import UserError
from search_space.scales import Scale

_BACKBONE = "backbone."


@dataclass(frozen=True)
class FeatureTeacher:
    """A pretrained ``encoder`` by name, its weights those of its package or of ``file``; or, with
    no name, the backbone of a ``file`` of ours. Picklable."""

    encoder: str = ""
    file: Path | None = None

    @classmethod
    def named(cls, source: str, weights: Path | None) -> FeatureTeacher:
        """Of an encoder's name, a file of ours, or a folder with one.

        Raises:
            UserError: where there is none, or ``weights`` are given for a file.
        """
        if source in ENCODERS:
            return cls(source, found(encoder(source), weights and weights.expanduser()))
        if weights is not None:
            raise UserError(f"teacher_weights: {source} is no encoder's name: leave them out")
        path = Path(source).expanduser()
        names = ("best.safetensors", "weights.safetensors", "model.safetensors")
        file = next((path / name for name in names if (path / name).is_file()), path)
        if not file.is_file():
            raise UserError(
                f"teacher: {source} is neither an encoder ({', '.join(ENCODERS)}) nor a"
                " .safetensors of ours nor a folder with one"
            )
        return cls("", file)

    def levels(self) -> Mapping[int, int]:
        """Level -> channels of the maps there are. UserError for a file that is none of ours."""
        if self.encoder:
            return encoder(self.encoder).channels
        backbone, scale = self._built_as()
        with torch.device("meta"):
            return dict(build_backbone(backbone, scale).out_channels)

    def channels(self) -> int:
        """Of an image."""
        if self.encoder:
            return len(encoder(self.encoder).mean)
        return self._built_as()[1].channels

    def intensities(self) -> Intensities:
        """How images were normalised in its training."""
        if self.encoder:
            spec = encoder(self.encoder)
            return Intensities(spec.mean, spec.std)
        assert self.file is not None
        return Known.of(self.file).intensities

    def described(self) -> dict[str, Any]:
        """Its network in plain types, as ``teacher_network`` takes it."""
        if self.encoder:
            return {"encoder": self.encoder}
        backbone, scale = self._built_as()
        return {"backbone": to_dict(backbone), "scale": asdict(scale)}

    def open(self, device: torch.device, levels: Sequence[int] = ()) -> Features:
        """The network, frozen, on a device; ``levels`` as ``teacher_network`` has them. UserError
        for weights that are another's."""
        network = teacher_network(self.described(), levels)
        if isinstance(network, LevelEncoder):
            load_pretrained(network, encoder(self.encoder), self.file)
        else:
            self._load(network)
        return Features(frozen(network, device), self.intensities())

    def _load(self, network: nn.Module) -> None:
        assert self.file is not None
        kept = WeightsFile.open(self.file).tensors
        state = {name: value for name, value in kept.items() if name.startswith(_BACKBONE)}
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise UserError(f"{self.file}: the weights do not fit the network they name") from error

    def _built_as(self) -> tuple[Backbone, Scale]:
        """UserError for a file that does not say it, or a network that this machine cannot hold."""
        assert self.file is not None
        known = Known.of(self.file)
        if known.backbone is None or known.scale is None:
            raise UserError(f"{self.file}: does not say what network it is of; give a file of ours")
        check_room(known.backbone, known.scale, 1, known.size)
        return known.backbone, known.scale


class _Backbone(nn.Module):
    """A backbone of ours by its output levels alone."""

    def __init__(self, backbone: Backbone, scale: Scale) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone, scale)

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Level -> map."""
        maps: dict[int, Tensor] = self.backbone(x_BCHW)
        return maps

    def depends(self) -> dict[int, Mapping[str, Tensor]]:
        """As LevelEncoder: all stands with the first."""
        first, *others = self.backbone.out_channels
        return {first: self.state_dict(), **{level: {} for level in others}}


TeacherNetwork = LevelEncoder | _Backbone


def teacher_network(described: Mapping[str, Any], levels: Sequence[int] = ()) -> TeacherNetwork:
    """As far as these levels need it (none: all of it), with random weights. UserError, KeyError or
    TypeError for what is no description."""
    if "encoder" in described:
        spec = encoder(described["encoder"])
        return encoder_network(spec, len(spec.mean), max(levels or spec.channels))
    return _Backbone(from_dict(described["backbone"]), scale_of(described["scale"]))


@dataclass(frozen=True, eq=False)
class Features:
    """``network``: images, normalised by ``intensities`` -> level -> map."""

    network: TeacherNetwork
    intensities: Intensities

    @torch.no_grad()
    def __call__(self, x_BCHW: Tensor, given: Intensities) -> dict[int, Tensor]:
        """Level -> map of images that are normalised by the ``given`` intensities. Where maps of
        frozen encoders are kept (see FrozenFeatures), these are too."""
        if (given.mean, given.std) == (self.intensities.mean, self.intensities.std):
            return kept_maps(self.network, x_BCHW)  # to the last bit what the student sees
        scale_C = torch.tensor(given.std) / torch.tensor(self.intensities.std)
        mean_C = torch.tensor(given.mean) - torch.tensor(self.intensities.mean)
        shift_C = mean_C / torch.tensor(self.intensities.std)
        scale, shift = (row.to(x_BCHW)[:, None, None] for row in (scale_C, shift_C))
        return kept_maps(self.network, torch.addcmul(shift, x_BCHW, scale))


def frozen(network: TeacherNetwork, device: torch.device) -> TeacherNetwork:
    """It learns nothing."""
    return channels_last(network.to(device)).requires_grad_(False).eval()
