"""Residual branches are left out at the published rates, and only while training."""

from __future__ import annotations

import pytest
import torch

from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.blocks import BottleneckBlock, ResidualBlock
from proxy_tasks.networks.stochastic_depth import DropPath, drop_paths
from search_space import catalog
from search_space.scales import Scale

SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)


def test_whole_images_are_left_out_and_the_expectation_stays() -> None:
    torch.manual_seed(0)
    found = DropPath(0.25).train()(torch.ones(4000, 2, 3, 1))
    assert found.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (found.flatten(1).std(1) == 0).all()
    assert found.mean().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", ["spinenet-49", "deeplabv3-resnet-50-os16"])
def test_the_chance_grows_linearly_to_the_last_block_and_no_weight_is_added(name: str) -> None:
    torch.manual_seed(0)
    network = build_segmenter(catalog.load(name), SCALE, 11, (32, 48)).eval()
    image, names = torch.randn(1, 3, 32, 48), list(network.state_dict())
    before = network(image)
    drop_paths(network.backbone, 0.5)
    blocks = [m for m in network.modules() if isinstance(m, ResidualBlock | BottleneckBlock)]
    rates = [block.body[-1].rate for block in blocks]
    assert rates == pytest.approx([0.5 * (n + 1) / len(blocks) for n in range(len(blocks))])
    assert list(network.state_dict()) == names
    assert torch.equal(network(image), before)


def test_a_block_whose_branch_is_left_out_is_its_shortcut() -> None:
    block = ResidualBlock(4, 4)
    block.body.append(DropPath(0.999999))
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(block.train()(x), x.relu())
