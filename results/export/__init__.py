"""The formats that a network is exported in: one file each, and the one table of them.

A format is registered in FORMATS: its name, the Exporter that writes it, and what it is.
``exporter.exporter`` opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["FORMATS", "Format"]


class Format(NamedTuple):
    """``place``: module and name of the Exporter, which is imported where it is asked for, as most
    need torch; ``says`` what the format is, in one line."""

    place: str
    says: str


FORMATS: Mapping[str, Format] = {
    "spec": Format("spec.SPEC", "the block spec, which this platform reads"),
    "python": Format("standalone.PYTHON", "the network as one file of code, with its weights"),
    "onnx": Format("onnx_model.ONNX", "a graph for ONNX Runtime, any batch and image size"),
    "torch-export": Format("torch_program.PROGRAM", "a graph for PyTorch, without source code"),
    "huggingface": Format("huggingface.HUGGINGFACE", "a folder as Hugging Face's hub has them"),
    "timm": Format("timm_backbone.TIMM", "the backbone alone, as timm's features_only gives it"),
    "mmseg": Format("mmseg.MMSEG", "backbone and neck with a config for mmsegmentation"),
    "diagram": Format("diagram.DIAGRAM", "the block diagram"),
    "tf-vision": Format("tf_vision.PLAIN", "a block-spec list for the TensorFlow Model Garden"),
    "tf-vision-dilated": Format("tf_vision.DILATED", "the same with dilations, a fifth element"),
}
"""By the name that ``nas export --format`` takes."""
