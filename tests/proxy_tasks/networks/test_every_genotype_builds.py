"""Every genotype of a space has a network that runs, with maps of the sizes of their levels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy_tasks.networks import build
from proxy_tasks.networks.backbone import ScalePermutedBackbone
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import CLASSIFIER, DEEPLABV3, DEEPLABV3_PLUS, Scale
from search_space.shapes import level_size

SPACES = [
    ScalePermutedSpace(),
    ScalePermutedSpace(stages={2: 2, 7: 2}, output_levels=(2, 3, 4, 5, 6, 7), dilations=(1, 8)),
    ScalePermutedSpace(stages={2: 1, 4: 3}, output_levels=(3,), max_level=4, dilations=(1, 3)),
]
SIZE = (33, 70)
FIXTURE_ONLY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
"""One thread and one seed for all examples of a test is what is wanted; building takes time."""


@st.composite
def architectures(draw):
    space = draw(st.sampled_from(SPACES))
    return space.decode(tuple(draw(st.integers(0, gene.radix - 1)) for gene in space.genes))


@settings(max_examples=40, deadline=None, suppress_health_check=FIXTURE_ONLY)
@given(architecture=architectures(), alpha=st.sampled_from((0.5, 1.0)))
def test_every_genotype_decodes_to_a_backbone_that_gives_a_map_per_output_level(
    architecture, alpha
):
    scale = Scale(filters=0.03, alpha=alpha, endpoint_filters=4, aspp_filters=4)
    backbone = ScalePermutedBackbone(architecture, scale).eval()
    with torch.inference_mode():
        features = backbone(torch.rand(1, 3, *SIZE))
    assert tuple(features) == architecture.output_levels
    for level, x_BCHW in features.items():
        assert x_BCHW.shape == (1, backbone.out_channels[level], *level_size(SIZE, level))


@pytest.mark.parametrize("head", [DEEPLABV3, DEEPLABV3_PLUS, CLASSIFIER])
@settings(max_examples=15, deadline=None, suppress_health_check=FIXTURE_ONLY)
@given(architecture=architectures())
def test_every_genotype_builds_under_every_head(head, architecture):
    scale = Scale(filters=0.03, endpoint_filters=4, aspp_filters=4, head=head)
    network = build(architecture, scale, 3, SIZE).eval()
    with torch.inference_mode():
        logits = network(torch.rand(2, 3, *SIZE))
    assert logits.shape == ((2, 3) if head == CLASSIFIER else (2, 3, *SIZE))
    assert logits.isfinite().all()
