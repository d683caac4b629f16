"""State dicts by the names and shapes that torchvision 0.28 gives them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from search_space.encoders import ResNet, encoder
from search_space.scales import Scale

Shapes = dict[str, tuple[int, ...]]
TINY = (1, 2, 2, 2)
NARROW = Scale(filters=0.125, aspp_filters=16)


def conv_bn(conv: str, bn: str, out: int, *kernel: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{conv}.weight", (out, *kernel)
    for name in ("weight", "bias", "running_mean", "running_var"):
        yield f"{bn}.{name}", (out,)
    yield f"{bn}.num_batches_tracked", ()


def torchvision_shapes(
    stages: tuple[int, ...], width: int = 64, aspp: int = 256, classes: int = 21
) -> Shapes:
    """The state dict of torchvision.models.segmentation.deeplabv3_resnet50 and its kin."""
    shapes = dict(conv_bn("backbone.conv1", "backbone.bn1", width, 3, 7, 7))
    before = width
    for layer, blocks in enumerate(stages, 1):
        inner, outer = width * 2 ** (layer - 1), width * 2 ** (layer + 1)
        for block in range(blocks):
            at = f"backbone.layer{layer}.{block}"
            shapes |= conv_bn(f"{at}.conv1", f"{at}.bn1", inner, before, 1, 1)
            shapes |= conv_bn(f"{at}.conv2", f"{at}.bn2", inner, inner, 3, 3)
            shapes |= conv_bn(f"{at}.conv3", f"{at}.bn3", outer, inner, 1, 1)
            if block == 0:
                down = f"{at}.downsample"
                shapes |= conv_bn(f"{down}.0", f"{down}.1", outer, before, 1, 1)
            before = outer
    for branch, side in enumerate((1, 3, 3, 3)):
        at = f"classifier.0.convs.{branch}"
        shapes |= conv_bn(f"{at}.0", f"{at}.1", aspp, before, side, side)
    at = "classifier.0.convs.4"  # behind the pooling, which is number 0
    shapes |= conv_bn(f"{at}.1", f"{at}.2", aspp, before, 1, 1)
    shapes |= conv_bn("classifier.0.project.0", "classifier.0.project.1", aspp, 5 * aspp, 1, 1)
    shapes |= conv_bn("classifier.1", "classifier.2", aspp, aspp, 3, 3)
    shapes |= {"classifier.4.weight": (classes, aspp, 1, 1), "classifier.4.bias": (classes,)}
    half = before // 2
    shapes |= conv_bn("aux_classifier.0", "aux_classifier.1", half // 4, half, 3, 3)
    shapes["aux_classifier.4.weight"] = (classes, half // 4, 1, 1)
    return shapes | {"aux_classifier.4.bias": (classes,)}


def drawn(shapes: Shapes) -> dict[str, Tensor]:
    """Kernels around zero, so that no map drowns the others; norms positive."""
    state = {}
    for name, shape in shapes.items():
        state[name] = torch.randn(shape) if len(shape) == 4 else 0.5 + torch.rand(shape)
    return {n: torch.tensor(7) if n.endswith("tracked") else v for n, v in state.items()}


def tiny_state() -> dict[str, Tensor]:
    return drawn(torchvision_shapes(TINY, width=8, aspp=16, classes=5))


def imagenet_state() -> dict[str, Tensor]:
    """Of the ResNet in it alone, as it classifies ImageNet."""
    state = {
        k.removeprefix("backbone."): v for k, v in tiny_state().items() if k.startswith("backbone.")
    }
    return state | {"fc.weight": torch.rand(1000, 256), "fc.bias": torch.rand(1000)}


def torchvision_state(name: str) -> dict[str, Tensor]:
    """Random weights under torchvision's names, written down as its layers are made."""
    spec = encoder(name)
    assert isinstance(spec, ResNet)
    state: dict[str, Tensor] = {}

    def layer(conv: str, norm: str, out: int, before: int, kernel: int) -> None:
        state[f"{conv}.weight"] = torch.randn(out, before, kernel, kernel) / (before**0.5 * kernel)
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{part}"] = 0.5 + torch.rand(out)
        state[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    layer("conv1", "bn1", 64, 3, 7)
    before, deep = 64, spec.block == "bottleneck"
    for stage, blocks in enumerate(spec.blocks):
        width = 64 * 2**stage
        outer = 4 * width if deep else width
        for block in range(blocks):
            at = f"layer{stage + 1}.{block}"
            shapes = [(width, before, 1), (width, width, 3), (outer, width, 1)]
            for part, shape in enumerate(
                shapes if deep else [(width, before, 3), (width, width, 3)]
            ):
                layer(f"{at}.conv{part + 1}", f"{at}.bn{part + 1}", *shape)
            if block == 0 and (stage or deep):
                layer(f"{at}.downsample.0", f"{at}.downsample.1", outer, before, 1)
            before = outer
    return state | {"fc.weight": torch.rand(1000, before), "fc.bias": torch.rand(1000)}
