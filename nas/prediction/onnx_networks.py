"""Segmentation networks in ONNX files: exports of this platform, and any other's.

A network takes images (batch, channels, height, width), float32, and puts out logits or
probabilities (batch, classes, height, width) of any size. What an export of ours says of itself, in
its metadata, counts; of another's, images are normalised with ImageNet's mean and spread, and seen
at the height and width that the network is fixed to, or as they are where these are open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from proxy_tasks.checkpoint import classes_of
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.labelling import Array, Labeller
from proxy_tasks.sight import OWN, Sight
from search_space.errors import UserError

ONNX = ".onnx"
"""What its files end with."""

_LOW = "low_logits"
"""The output of our exports that has the network's own size."""
_NEAR = 1e-3
"""By how much probabilities may miss 1 in sum."""


@dataclass(frozen=True)
class OnnxNetwork:
    """``classes`` are None where the file has no names; ``count`` is their number."""

    session: Any
    path: Path
    classes: tuple[str, ...] | None
    count: int
    sight: Sight
    intensities: Intensities

    def labeller(self, channels: Sequence[int]) -> Labeller:
        """Of these channels of what the network puts out."""
        return Labeller(lambda x: self._logits(x)[:, list(channels)], self.sight, self.intensities)

    def _logits(self, x_BCHW: Array) -> Array:
        """UserError for images of a size that the network does not take."""
        name, output = self.session.get_inputs()[0].name, _output(self.session)
        try:
            found: Array = self.session.run([output], {name: np.ascontiguousarray(x_BCHW)})[0]
        except Exception as error:  # ONNX Runtime has its own for each of its faults
            raise UserError(
                f"{self.path}: cannot label an image of {x_BCHW.shape[2]}x{x_BCHW.shape[3]} pixels"
                f" ({_line(error)}): export it with open height and width"
            ) from error
        likely = found.min() >= 0 and np.abs(found.sum(1) - 1).max() < _NEAR
        return np.log(np.maximum(found, np.float32(1e-12))) if likely else found


def open_onnx(path: Path, device: torch.device) -> OnnxNetwork:
    """UserError without ONNX Runtime, and for a file that is damaged or no segmentation network."""
    if find_spec("onnxruntime") is None:
        raise UserError(
            f"{path}: an ONNX network needs ONNX Runtime: pip install 'spinenet-seg-nas[export]'"
        )
    import onnxruntime

    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    there = onnxruntime.get_available_providers()
    providers = [name for name in wanted if name in there] + ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(path, providers=providers)
    except Exception as error:
        raise UserError(f"{path}: damaged, or no ONNX network ({_line(error)})") from error
    shape = _image_shape(session, path)
    told = session.get_modelmeta().custom_metadata_map
    try:
        known = {name: json.loads(told[name]) for name in _TOLD if name in told}
        classes = classes_of(known["classes"]) if "classes" in known else None
        sight, intensities = _seeing(known, shape)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: what it says of itself is damaged ({_line(error)})") from error
    return OnnxNetwork(session, path, classes, _count(session, path, shape), sight, intensities)


_TOLD = ("classes", "sight", "mean", "std", "top")


def _seeing(known: Mapping[str, Any], shape: Sequence[Any]) -> tuple[Sight, Intensities]:
    """How it is shown images. ValueError or TypeError for what is none."""
    _, channels, height, width = shape
    fixed = isinstance(height, int) and isinstance(width, int)
    usual = Sight(stretch=(height, width)) if fixed else OWN
    sight = Sight.from_dict(known["sight"]) if "sight" in known else usual
    if "mean" in known:
        mean, std = tuple(known["mean"]), tuple(known["std"])
        return sight, Intensities(mean, std, known.get("top", 255))
    if channels in (3, None) or isinstance(channels, str):
        return sight, NATURAL
    return sight, Intensities((0.5,) * channels, (0.25,) * channels)


def _image_shape(session: Any, path: Path) -> Sequence[Any]:
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
        shapes = ", ".join(f"{each.type} {each.shape}" for each in inputs)
        raise UserError(
            f"{path}: takes {shapes}: give a network of images (batch, channels, height, width),"
            " float32"
        )
    shape: Sequence[Any] = inputs[0].shape
    return shape


def _output(session: Any) -> str:
    names = [each.name for each in session.get_outputs()]
    return _LOW if _LOW in names else str(names[0])


def _count(session: Any, path: Path, shape: Sequence[Any]) -> int:
    """Of classes. UserError where its output is no map of them."""
    by_name = {each.name: each for each in session.get_outputs()}
    output = by_name[_output(session)]
    if len(output.shape) != 4 or not isinstance(output.shape[1], int):
        raise UserError(
            f"{path}: puts out {output.name} {output.shape}: give a network whose first output is"
            " (batch, classes, height, width), logits or probabilities"
        )
    return int(output.shape[1])


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
