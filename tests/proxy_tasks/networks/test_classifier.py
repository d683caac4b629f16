"""SpineNet as it was published: an ImageNet classifier (arXiv 1912.05027)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate

from proxy_tasks.networks import build, build_segmenter
from search_space.architecture import Architecture
from search_space.errors import UserError
from search_space.scales import CLASSIFIER, Scale

Draw = Callable[[int], Architecture]


@pytest.fixture
def classifying(small: Scale) -> Scale:
    return replace(small, head=CLASSIFIER)


def test_logits_are_those_of_the_mean_of_the_up_sampled_endpoints(
    random_architecture: Draw, classifying: Scale
) -> None:
    network = build(random_architecture(0), classifying, 7, (96, 96)).eval()
    x = torch.randn(2, 3, 96, 96)
    maps = [network.endpoints[str(i)](m) for i, m in network.backbone(x).items()]
    mean = torch.stack([interpolate(m, size=(12, 12)) for m in maps]).mean(0)
    expected = network.classifier(mean.mean((2, 3)))
    assert expected.shape == (2, 7)
    torch.testing.assert_close(network(x), expected)


def test_a_classifier_scale_labels_no_pixels(random_architecture: Draw, classifying: Scale) -> None:
    with pytest.raises(
        UserError, match=r"labels no pixels: write one of deeplabv3, deeplabv3\+, fpn$"
    ):
        build_segmenter(random_architecture(0), classifying, 7, (96, 96))


def test_a_classifier_has_no_auxiliary_head(random_architecture: Draw, classifying: Scale) -> None:
    with pytest.raises(UserError, match="auxiliary: a classifier"):
        build(random_architecture(0), classifying, 7, (96, 96), auxiliary=True)
