"""Files of weights to start from: our own, and state dicts of torchvision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from proxy_tasks.checkpoint import Weights, scale_of, size_of
from proxy_tasks.intensities import NATURAL, Intensities
from search_space.architecture_file import from_dict
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import Scale

SUFFIX = ".safetensors"
"""What our own files end with; everything else is torch's."""
_CONFIG = "config.json"
"""Beside the weights of a Hugging Face export: it says what network they are of."""
_FIRST = ("backbone.conv1.weight", "conv1.weight")
"""The first layer of torchvision's DeepLabv3 and of its ResNet."""
_WRAPPED = ("model", "state_dict")
"""Where training scripts put the state dict of a network."""


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """``tensors`` have the names that the file gives them. ``backbone`` is the one that they were
    trained in; None for a state dict of torchvision, which does not say it."""

    path: Path
    tensors: Mapping[str, Tensor]
    backbone: Backbone | None

    @classmethod
    def open(cls, path: Path) -> WeightsFile:
        """Read it whole.

        Raises:
            UserError: for a file that is missing or damaged, or is neither ours nor torchvision's.
        """
        known = Known.of(path)
        tensors = _torchvision(path) if known.backbone is None else _tensors(path)
        return cls(path, tensors, known.backbone)


@dataclass(frozen=True)
class Known:
    """What a file says of its network: the ``backbone`` and the ``scale`` that it is built at, None
    where it does not say it; how images were normalised in its training; and the ``size`` of those
    that it was trained on."""

    backbone: Backbone | None
    intensities: Intensities
    scale: Scale | None = None
    size: tuple[int, int] = (1, 1)

    @classmethod
    def of(cls, path: Path) -> Known:
        """Without reading the tensors. UserError for a file of ours that does not say it."""
        if not path.is_file():
            raise UserError(f"{path}: no such file: give torchvision's .pth or a {SUFFIX} of ours")
        if path.suffix != SUFFIX:
            return cls(None, NATURAL)
        config = path.with_name(_CONFIG)
        if config.is_file() and not says_its_network(path):
            return _configured(config)
        kept = Weights.open(path)
        return cls(kept.backbone, kept.intensities, kept.scale, kept.size)


def _configured(config: Path) -> Known:
    """Of a Hugging Face export."""
    try:
        values = json.loads(config.read_text("utf-8"))
        mean, std = tuple(values["image_mean"]), tuple(values["image_std"])
        intensities = Intensities(mean, std, values.get("image_top") or 255)
        known = Known(from_dict(values["backbone"]), intensities)
        if "scale" not in values:  # which says no more than what the weights are of
            return known
        return replace(known, scale=scale_of(values["scale"]), size=size_of(values["image_size"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{config}: does not say what its weights are of ({error})") from error


def says_its_network(path: Path) -> bool:
    """Whether the header says what network it is of; of a damaged file Weights tells more."""
    try:
        with safe_open(path, framework="pt") as file:
            return "spinenet-seg" in (file.metadata() or {})
    except Exception:  # safetensors raises a bare Exception subclass of its own
        return True


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except Exception as error:  # as above
        raise UserError(f"{path}: damaged, or no weights file ({error})") from error


def any_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by the names that it gives them. UserError for a file that is damaged
    or holds anything else."""
    return _tensors(path) if path.suffix == SUFFIX else state_dict(path)


def state_dict(path: Path) -> dict[str, Tensor]:
    """That of a file of torch. UserError for a file that is damaged or holds anything else."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling other bytes may raise anything
        # Not torch's own words, which advise to run whatever the file holds.
        raise UserError(f"{path}: damaged, or more than a state dict's tensors") from error
    if (state := _unwrapped(kept)) is None:
        raise UserError(f"{path}: not a state dict: tensors by name are all that it may hold")
    return state


def _torchvision(path: Path) -> dict[str, Tensor]:
    """The state dict of a network of torchvision. UserError for any other."""
    state = state_dict(path)
    if not any(first in state for first in _FIRST):
        raise UserError(
            f"{path}: not a state dict of torchvision's ResNet or of its DeepLabv3 on one, which"
            f" has {_FIRST[1]} or {_FIRST[0]}; weights of ours end with {SUFFIX}"
        )
    return state


def _unwrapped(kept: Any) -> dict[str, Tensor] | None:
    """The tensors by name; None where there is anything else."""
    if isinstance(kept, Mapping):
        kept = next((kept[name] for name in _WRAPPED if isinstance(kept.get(name), Mapping)), kept)
        if kept and all(isinstance(value, Tensor) for value in kept.values()):
            return {str(name): value for name, value in kept.items()}
    return None
