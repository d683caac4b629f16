"""From the block spec of an architecture to the network that it describes."""

from __future__ import annotations

from torch import Tensor, nn

from proxy_tasks.networks.blocks import (
    DOWNSAMPLE,
    Encoder,
    conv_bn_relu,
    max_pool,
    stacked_blocks,
)
from proxy_tasks.networks.resample import Resample
from search_space.architecture import Architecture
from search_space.scales import Scale
from search_space.shapes import block_channels, level_size

STEM = -1
"""Where the stem's convolution stands among the block ids: block 0 reads it, and nobody else."""


class MergeBlock(nn.Module):
    """One block behind the stem: its resampled parents summed, ReLU, the block itself.

    ``absorbed`` blocks already have the right shape and are added as they are. Parents are
    kept by rising id, so that the order in which a spec names them changes nothing.
    """

    def __init__(self, architecture: Architecture, index: int, scale: Scale) -> None:
        super().__init__()
        block = architecture.all_blocks[index]
        filters = scale.level_filters(block.level)
        channels = block_channels(block.type, filters)
        self.level = block.level
        self.parents = tuple(sorted(block.inputs))
        self.absorbed = architecture.absorbed.get(index, ())
        self.resamples = nn.ModuleList(
            _connection(architecture, parent, index, scale) for parent in self.parents
        )
        self.relu = nn.ReLU(inplace=True)
        self.body = stacked_blocks(
            block.type, channels, filters, dilation=block.dilation, repeats=scale.repeats
        )

    def forward(self, features: dict[int, Tensor], size: tuple[int, int]) -> Tensor:
        """``features``: block id -> map, at least of all it reads; ``size`` of its level's map."""
        parts = [
            resample(features[parent], size)
            for parent, resample in zip(self.parents, self.resamples, strict=True)
        ]
        total = parts[0] + parts[1]
        for index in self.absorbed:
            total = total + features[index]
        return self.body(self.relu(total))


class ScalePermutedBackbone(Encoder):
    """The live blocks of an architecture (SpineNet, arXiv 1912.05027), at a scale.

    Blocks that reach no output level are not built. ``alpha``, ``filters`` and ``repeats`` of
    the scale apply here.
    """

    def __init__(self, architecture: Architecture, scale: Scale) -> None:
        super().__init__()
        filters = scale.level_filters(2)
        self.stem = nn.Sequential(conv_bn_relu(3, filters, 7, stride=DOWNSAMPLE), max_pool())
        alive = sorted(architecture.alive)
        self.blocks = nn.ModuleDict(
            {str(index): _built(architecture, index, scale) for index in alive}
        )
        self.out_channels = {
            level: _channels(architecture, index, scale)
            for level, index in architecture.output_blocks.items()
        }
        self.output_blocks = dict(architecture.output_blocks)
        self.released = _released(architecture)

    def forward(self, x_B3HW: Tensor) -> dict[int, Tensor]:
        """Images -> level -> map of ``out_channels[level]`` channels, finest level first."""
        image_size = (x_B3HW.shape[2], x_B3HW.shape[3])
        features = {STEM: self.stem(x_B3HW)}
        for name, block in self.blocks.items():
            index = int(name)
            if isinstance(block, MergeBlock):
                features[index] = block(features, level_size(image_size, block.level))
            else:
                features[index] = block(features[index - 1])
            for done in self.released[index]:
                del features[done]
        return {level: features[index] for level, index in self.output_blocks.items()}


def _built(architecture: Architecture, index: int, scale: Scale) -> nn.Module:
    if index >= len(architecture.stem):
        return MergeBlock(architecture, index, scale)
    block = architecture.all_blocks[index]
    filters = scale.level_filters(block.level)
    in_channels = _channels(architecture, index - 1, scale) if index else filters
    return stacked_blocks(
        block.type, in_channels, filters, dilation=block.dilation, repeats=scale.repeats
    )


def _connection(architecture: Architecture, parent: int, child: int, scale: Scale) -> Resample:
    source, target = architecture.all_blocks[parent], architecture.all_blocks[child]
    return Resample(
        in_channels=_channels(architecture, parent, scale),
        in_filters=scale.level_filters(source.level),
        in_level=source.level,
        out_channels=_channels(architecture, child, scale),
        out_level=target.level,
        alpha=scale.alpha,
    )


def _channels(architecture: Architecture, index: int, scale: Scale) -> int:
    block = architecture.all_blocks[index]
    return block_channels(block.type, scale.level_filters(block.level))


def _released(architecture: Architecture) -> dict[int, tuple[int, ...]]:
    """For each live block the maps that nobody needs after it: memory is freed as it runs."""
    alive = sorted(architecture.alive)
    last_reader = {index: index for index in alive}
    for index in alive:
        for read in (*architecture.parents[index], *architecture.absorbed.get(index, ())):
            last_reader[read] = index
    kept = set(architecture.output_blocks.values())
    released = {
        index: tuple(read for read in alive if last_reader[read] == index and read not in kept)
        for index in alive
    }
    return {**released, 0: (STEM, *released[0])}
