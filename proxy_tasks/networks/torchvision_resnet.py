"""The names that torchvision gives to the layers of a ResNet, and ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

CLASSIFIER = "fc."
"""What the names of ImageNet's classifier begin with."""
_BLOCK = re.compile(r"(?:backbone\.)?layer([1-4])\.(\d+)\.")


def blocks_of(keys: Iterable[str]) -> list[int]:
    """How many blocks each of the four layers of a state dict has."""
    blocks = {(int(found[1]), found[2]) for key in keys if (found := _BLOCK.match(key))}
    layers = [layer for layer, _ in blocks]
    return [layers.count(layer) for layer in range(1, 5)]


def resnet_modules(
    blocks: Sequence[int], stages: Sequence[str], convolutions: int = 3
) -> Iterator[tuple[str, str]]:
    """torchvision's name of each module with weights, and ours.

    Args:
        blocks: of each layer.
        stages: our names of the layers.
        convolutions: of a block, 3 of a bottleneck block, 2 of a residual one.
    """
    yield "conv1", "stem.0.0"
    yield "bn1", "stem.0.1"
    for layer, (count, stage) in enumerate(zip(blocks, stages, strict=True), 1):
        for block in range(count):
            theirs, ours = f"layer{layer}.{block}", f"{stage}.{block}"
            for part in range(convolutions):
                yield f"{theirs}.conv{part + 1}", f"{ours}.body.{part}.0"
                yield f"{theirs}.bn{part + 1}", f"{ours}.body.{part}.1"
        for part in range(2):
            yield f"layer{layer}.0.downsample.{part}", f"{stage}.0.shortcut.{part}"
