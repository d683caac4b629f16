"""What a network can be built from: a searched architecture or a baseline."""

from __future__ import annotations

from dataclasses import replace

from search_space.architecture import NETWORK_ATTRIBUTES, OF_SCALE, Architecture
from search_space.encoders import EncoderSpec
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.shapes import zoomed

Backbone = Architecture | DilatedResNet


def head_of(backbone: Backbone, scale: Scale) -> str:
    """The head that reads a backbone: its own where it has one, else the scale's."""
    return scale.head if backbone.head == OF_SCALE else backbone.head


def scale_of(backbone: Backbone, scale: Scale) -> Scale:
    """The scale with what the backbone itself decides of its head: of a network that is built."""
    width = backbone.head_width if isinstance(backbone, Architecture) else 1.0
    separable = isinstance(backbone, Architecture) and backbone.head_separable
    return replace(
        scale,
        head=head_of(backbone, scale),
        head_separable=separable or scale.head_separable,
        endpoint_filters=max(1, round(width * scale.endpoint_filters)),
        aspp_filters=max(1, round(width * scale.aspp_filters)),
    )


def bare(backbone: Backbone) -> Backbone:
    """Without what is decided of the head and of how images are seen: weights of a backbone are the
    same with it and without."""
    if isinstance(backbone, DilatedResNet):
        return backbone
    return replace(backbone, **{each.name: each.default for each in NETWORK_ATTRIBUTES})


def zoom_of(backbone: Backbone) -> float:
    """To which part of their sides it shrinks images."""
    return backbone.zoom if isinstance(backbone, Architecture) else 1.0


def seen_size(backbone: Backbone, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) in pixels to which a backbone shrinks images of this size."""
    return zoomed(size, zoom_of(backbone))


def encoder_of(backbone: Backbone) -> EncoderSpec | None:
    """The encoder that it stands on; None where it is trained from scratch."""
    return backbone.encoder_spec if isinstance(backbone, Architecture) else None
