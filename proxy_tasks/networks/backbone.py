"""From the block spec of an architecture to the network that it describes."""

from __future__ import annotations

from torch import Tensor, nn

from proxy_tasks.networks.blocks import (
    DOWNSAMPLE,
    LOW_LEVEL,
    Encoder,
    conv_bn_relu,
    max_pool,
    stacked_blocks,
)
from proxy_tasks.networks.resample import Resample, shrunk, up_sampled
from search_space.architecture import Architecture, Block
from search_space.canonical_form import canonical_form
from search_space.scales import Scale
from search_space.shapes import block_filters, block_repeats, level_size, map_channels

STEM_MAP = -1
"""Where the stem's convolution stands among the block ids: block 0 reads it, and nobody else."""


class MergeBlock(nn.Module):
    """One block behind the stem: its resampled parents summed, ReLU, the block itself.

    ``absorbed`` blocks already have the right shape and are added as they are. Connections are
    called by the place of their parent's id among both, and made and summed in canonical order:
    which ids a spec gives its blocks, and the order in which it names parents, change nothing.
    """

    def __init__(self, architecture: Architecture, index: int, scale: Scale) -> None:
        super().__init__()
        block = architecture.all_blocks[index]
        self.level = block.level
        place = canonical_form(architecture).order.index
        self.parents = tuple(sorted(block.inputs, key=place))
        self.absorbed = tuple(sorted(architecture.absorbed.get(index, ()), key=place))
        resamples = [_connection(architecture, parent, index, scale) for parent in self.parents]
        self.levels_up = tuple(resample.levels_up for resample in resamples)
        names = [str(sorted(block.inputs).index(parent)) for parent in self.parents]
        self.resamples = nn.ModuleDict(dict(zip(names, resamples, strict=True)))
        self.body = _body(block, map_channels(block, scale), scale)

    def forward(self, features: dict[int, Tensor], size: tuple[int, int]) -> Tensor:
        """``features``: block id -> map, at least of all it reads; ``size`` of its level's map."""
        first, second = (
            resample(features[parent])
            for parent, resample in zip(self.parents, self.resamples.values(), strict=True)
        )
        # By level, not by shape: what a tracer records then holds for every image size.
        up_first, up_second = self.levels_up
        if up_first == up_second:  # what is summed first is up-sampled once
            total = up_sampled(first.add_(second), up_first, size)
        else:
            total = up_sampled(first, up_first, size).add_(up_sampled(second, up_second, size))
        for index in self.absorbed:
            total.add_(features[index])
        return self.body(total.relu_())


class ScalePermutedBackbone(Encoder):
    """The live blocks of an architecture (SpineNet, arXiv 1912.05027), at a scale.

    Blocks that reach no output level are not built; the others are, and run, in canonical order, so
    that specs of one network draw the same weights and add up in the same order. ``alpha``,
    ``filters``, ``repeats`` and ``stem_filters`` of the scale apply here. The low-level map is that
    of the last live stem block.
    """

    def __init__(self, architecture: Architecture, scale: Scale) -> None:
        super().__init__()
        self.zoom = architecture.zoom
        self.stem = nn.Sequential(
            conv_bn_relu(scale.channels, scale.first_filters, 7, stride=DOWNSAMPLE), max_pool()
        )
        order = canonical_form(architecture).order
        self.blocks = nn.ModuleDict(
            {str(index): _built(architecture, index, scale) for index in order}
        )
        self.out_channels = {
            level: _channels(architecture, index, scale)
            for level, index in architecture.output_blocks.items()
        }
        self.output_blocks = dict(architecture.output_blocks)
        self.low_block = max(index for index in order if index < len(architecture.stem))
        self.low_channels = _channels(architecture, self.low_block, scale)
        self.released = _released(architecture)

    def forward(self, x_B3HW: Tensor) -> dict[int, Tensor]:
        """Images -> level -> map of ``out_channels[level]`` channels, finest level first; then
        what is in ``extras``."""
        x_B3HW = shrunk(x_B3HW, self.zoom)
        image_size = (x_B3HW.shape[2], x_B3HW.shape[3])
        features = {STEM_MAP: self.stem(x_B3HW)}
        extras = {}
        for name, block in self.blocks.items():
            index = int(name)
            if isinstance(block, MergeBlock):
                features[index] = block(features, level_size(image_size, block.level))
            else:
                features[index] = block(features[index - 1])
            if index == self.low_block and LOW_LEVEL in self.extras:
                extras[LOW_LEVEL] = features[index]
            for done in self.released[index]:
                del features[done]
        outputs = {level: features[index] for level, index in self.output_blocks.items()}
        return outputs | extras


def _built(architecture: Architecture, index: int, scale: Scale) -> nn.Module:
    if index >= len(architecture.stem):
        return MergeBlock(architecture, index, scale)
    block = architecture.all_blocks[index]
    before = _channels(architecture, index - 1, scale) if index else scale.first_filters
    return _body(block, before, scale)


def _body(block: Block, in_channels: int, scale: Scale) -> nn.Module:
    """All of a block behind the connections to it."""
    return stacked_blocks(
        block.type,
        in_channels,
        block_filters(block, scale),
        dilation=block.dilation,
        repeats=block_repeats(block, scale),
        separable=block.separable,
    )


def _connection(architecture: Architecture, parent: int, child: int, scale: Scale) -> Resample:
    source, target = architecture.all_blocks[parent], architecture.all_blocks[child]
    return Resample(
        in_channels=_channels(architecture, parent, scale),
        in_filters=block_filters(source, scale),
        in_level=source.level,
        out_channels=_channels(architecture, child, scale),
        out_level=target.level,
        alpha=scale.alpha,
    )


def _channels(architecture: Architecture, index: int, scale: Scale) -> int:
    return map_channels(architecture.all_blocks[index], scale)


def _released(architecture: Architecture) -> dict[int, tuple[int, ...]]:
    """For each live block the maps that nobody needs after it: memory is freed as it runs."""
    order = canonical_form(architecture).order
    last_reader = {index: index for index in order}
    for index in order:
        last_reader.update(dict.fromkeys(architecture.reads[index], index))
    kept = set(architecture.output_blocks.values())
    released = {
        index: tuple(read for read in order if last_reader[read] == index and read not in kept)
        for index in order
    }
    return {**released, 0: (STEM_MAP, *released[0])}
