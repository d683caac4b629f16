"""Networks whose maps a backbone learns: a pretrained encoder, or a network of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from proxy_tasks.checkpoint import Weights
from proxy_tasks.encoder_weights import found
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import build_backbone, channels_last
from proxy_tasks.networks.encoders import encoder_network
from proxy_tasks.networks.pretrained import load_pretrained
from proxy_tasks.room import check_room
from proxy_tasks.weights_file import WeightsFile
from search_space.encoders import ENCODERS, encoder
from search_space.errors import UserError

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
        inside = (path / name for name in ("best.safetensors", "weights.safetensors"))
        file = next((each for each in inside if each.is_file()), path)
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
        assert self.file is not None
        known = Weights.open(self.file)
        check_room(known.backbone, known.scale, 1, known.size)
        with torch.device("meta"):
            return dict(build_backbone(known.backbone, known.scale).out_channels)

    def channels(self) -> int:
        """Of an image."""
        if self.encoder:
            return len(encoder(self.encoder).mean)
        assert self.file is not None
        return Weights.open(self.file).scale.channels

    def open(self, device: torch.device) -> Features:
        """The network, frozen, on a device. UserError for weights that are another's."""
        if self.encoder:
            spec = encoder(self.encoder)
            network = encoder_network(spec, 3, max(spec.channels))
            load_pretrained(network, spec, self.file)
            return Features(_frozen(network, device), Intensities(spec.mean, spec.std))
        assert self.file is not None
        known, kept = Weights.open(self.file), WeightsFile.open(self.file)
        check_room(known.backbone, known.scale, 1, known.size)
        backbone = build_backbone(known.backbone, known.scale)
        state = {
            name.removeprefix(_BACKBONE): value
            for name, value in kept.tensors.items()
            if name.startswith(_BACKBONE)
        }
        try:
            backbone.load_state_dict(state)
        except RuntimeError as error:
            raise UserError(f"{self.file}: the weights do not fit the network they name") from error
        return Features(_frozen(backbone, device), known.intensities)


@dataclass(frozen=True, eq=False)
class Features:
    """``network``: images, normalised by ``intensities`` -> level -> map."""

    network: nn.Module
    intensities: Intensities

    @torch.no_grad()
    def __call__(self, x_BCHW: Tensor, given: Intensities) -> dict[int, Tensor]:
        """Level -> map of images that are normalised by the ``given`` intensities."""
        scale_C = torch.tensor(given.std) / torch.tensor(self.intensities.std)
        mean_C = torch.tensor(given.mean) - torch.tensor(self.intensities.mean)
        shift_C = mean_C / torch.tensor(self.intensities.std)
        scale, shift = (row.to(x_BCHW.device)[:, None, None] for row in (scale_C, shift_C))
        maps: dict[int, Tensor] = self.network(torch.addcmul(shift, x_BCHW, scale))
        return maps


def _frozen(network: nn.Module, device: torch.device) -> nn.Module:
    return channels_last(network.to(device)).requires_grad_(False).eval()
