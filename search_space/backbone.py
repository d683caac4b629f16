"""What a network can be built from: a searched architecture or a baseline."""

from __future__ import annotations

from search_space.architecture import Architecture
from search_space.encoders import EncoderSpec
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

Backbone = Architecture | DilatedResNet


def head_of(backbone: Backbone, scale: Scale) -> str:
    """The head that reads a backbone: a baseline's own, else the scale's."""
    return backbone.head if isinstance(backbone, DilatedResNet) else scale.head


def encoder_of(backbone: Backbone) -> EncoderSpec | None:
    """The encoder that it stands on; None where it is trained from scratch."""
    return backbone.encoder_spec if isinstance(backbone, Architecture) else None
