"""Maps of a frozen encoder, kept on disk for the networks that stand on the same encoder.

All candidates of a search see the same crops (common random numbers), and none of them changes the
encoder: what it makes of a batch is computed by the first of them and read by the others. A batch
is known by its pixels, so flips, scale jitter and colour need no thought, and the maps are those
that would be computed: in bf16 or fp32, as the encoder gave them, to the last bit.
Shapes: B images, C channels, H x W pixels of the map.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from proxy_tasks.datasets.cache import FEATURES
from proxy_tasks.networks.encoder_backbone import EncoderBackbone
from search_space.files import replacing

LARGEST = 8 << 30
"""Bytes of all maps in one folder; what comes later is computed each time."""
ROOM = 0.1
"""Part of the disk that is left free."""


class Frozen(Protocol):
    """What is needed of an encoder, see LevelEncoder."""

    def __call__(self, x_BCHW: Tensor, /) -> Any: ...

    def depends(self) -> dict[int, Mapping[str, Tensor]]: ...


_known: WeakKeyDictionary[Frozen, dict[str, str]] = WeakKeyDictionary()
_current: ContextVar[FrozenFeatures | None] = ContextVar("frozen features", default=None)


@dataclass(frozen=True)
class FrozenFeatures:
    """The maps in ``folder``, which may be removed at any time, up to ``largest`` bytes of them."""

    folder: Path
    largest: int = LARGEST

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Inside, ``maps`` of this context's frozen encoders are read here and kept here."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def maps(self, encoder: Frozen, x_BCHW: Tensor) -> dict[int, Tensor]:
        """What ``encoder`` makes of a batch: level -> map."""
        weights = _weights(encoder)
        file = self.folder / f"{_name(weights, x_BCHW)}.safetensors"
        if (kept := _read(file, weights, x_BCHW.device)) is not None:
            return kept
        maps: dict[int, Tensor] = encoder(x_BCHW)
        self._keep(file, maps, weights)
        return maps

    def _keep(self, file: Path, maps: dict[int, Tensor], weights: dict[str, str]) -> None:
        """A full disk costs the time to compute them again, and nothing else."""
        held = {str(level): x.movedim(1, -1).contiguous() for level, x in maps.items()}
        with suppress(OSError, SafetensorError):
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._has_room(sum(x.nbytes for x in held.values())):
                with replacing(file) as draft:
                    save_file(held, draft, weights | {"digest": _digest(held)})

    def _has_room(self, nbytes: int) -> bool:
        there = sum(each.stat().st_size for each in self.folder.glob("*.safetensors"))
        disk = shutil.disk_usage(self.folder)
        return there + nbytes <= self.largest and nbytes <= disk.free - ROOM * disk.total


def features_of(pack: Path) -> Path:
    """The folder for what is made of a pack's images, beside it."""
    return pack.with_name(pack.name + FEATURES)


def kept_maps(encoder: Frozen, x_BCHW: Tensor) -> dict[int, Tensor]:
    """What a frozen encoder makes of a batch: inside ``FrozenFeatures.kept`` read from there."""
    features = _current.get()
    maps: dict[int, Tensor] = features.maps(encoder, x_BCHW) if features else encoder(x_BCHW)
    return maps


class TrainedEncoderBackbone(EncoderBackbone):
    """As it is trained here; an export is the plain one."""

    def maps(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Those of a frozen encoder from where they are kept, inside ``FrozenFeatures.kept``."""
        if not self.encoder.frozen:
            return super().maps(x_BCHW)
        return kept_maps(self.encoder, x_BCHW)


def _read(file: Path, weights: dict[str, str], device: torch.device) -> dict[int, Tensor] | None:
    """None where they are not kept, not all of them, or damaged."""
    with suppress(OSError, SafetensorError, KeyError):
        with safe_open(file, "pt") as kept:
            held = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118
            known = kept.metadata()
        if known["digest"] == _digest(held) and weights.items() <= known.items():
            # Copied, as what a file begins anywhere is summed in another order than what torch lays
            # out itself.
            return {int(level): held[level].clone().movedim(-1, 1).to(device) for level in weights}
    return None


def _weights(encoder: Frozen) -> dict[str, str]:
    """Level -> digest of all weights that its map depends on. A frozen encoder's stay as they are;
    a copy whose batch norms are folded has others."""
    if encoder not in _known:
        found, before = {}, ""
        for level, tensors in encoder.depends().items():
            found[str(level)] = before = _digest(tensors, before)
        _known[encoder] = found
    return _known[encoder]


def _name(weights: dict[str, str], x_BCHW: Tensor) -> str:
    """Of a batch and all that its finest map depends on; devices and precisions round
    differently."""
    device = x_BCHW.device.type
    precise = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device)
    setting = (next(iter(weights.values())), device, precise, torch.__version__)
    return _digest({"x": x_BCHW.movedim(1, -1).contiguous()}, repr(setting))


def _digest(tensors: Mapping[str, Tensor], setting: str = "") -> str:
    """Of names, shapes and values."""
    found = hashlib.blake2b(setting.encode(), digest_size=16)
    for name in sorted(tensors):
        x = tensors[name].cpu()
        found.update(f"{name} {tuple(x.shape)} {x.dtype};".encode())
        found.update(x.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()
