import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.networks.resample import Resample, up_sampled
from search_space.shapes import level_size


def connection(in_level: int, out_level: int, alpha: float = 0.5) -> Resample:
    """From a bottleneck block of 8 filters (32 channels) to 24 channels."""
    return Resample(
        in_channels=32,
        in_filters=8,
        in_level=in_level,
        out_channels=24,
        out_level=out_level,
        alpha=alpha,
    )


def with_statistics(network: Resample) -> Resample:
    """In eval mode, with batch norms that are no identity."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.mark.parametrize("in_level", range(2, 8))
@pytest.mark.parametrize("out_level", range(2, 8))
@pytest.mark.parametrize("image", [(97, 131), (33, 47), (64, 64)])
def test_a_parent_reaches_the_size_of_every_level(
    in_level: int, out_level: int, image: tuple[int, int]
) -> None:
    x = torch.randn(2, 32, *level_size(image, in_level))
    size = level_size(image, out_level)
    network = connection(in_level, out_level)
    assert up_sampled(network(x), network.levels_up, size).shape == (2, 24, *size)


@pytest.mark.parametrize(("alpha", "filters"), [(0.5, 4), (1.0, 8), (0.01, 1)])
def test_alpha_counts_the_filters_before_the_expansion(alpha: float, filters: int) -> None:
    assert connection(3, 4, alpha).squeeze[0].out_channels == filters


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_one_strided_convolution_then_max_pools_go_down(levels: int) -> None:
    first, *others = connection(2, 2 + levels).down
    assert [type(m) for m in first] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert first[0].stride == (2, 2)
    assert [(type(m), m.stride) for m in others] == [(nn.MaxPool2d, 2)] * (levels - 1)


def literal(network: Resample, x: Tensor, size: tuple[int, int]) -> Tensor:
    """The published order: 1x1, up-sampling, 1x1."""
    return network.expand(F.interpolate(network.squeeze(x), size=size, mode="nearest"))


def test_the_last_convolution_before_up_sampling_is_the_published_function() -> None:
    network = with_statistics(connection(5, 2))
    x = torch.randn(2, 32, 4, 5)
    ours = up_sampled(network(x), 3, (25, 33))
    torch.testing.assert_close(ours, literal(network, x, (25, 33)))


def test_no_multiply_adds_are_spent_on_up_sampled_pixels() -> None:
    network, seen = connection(5, 2), []
    network.expand.register_forward_hook(lambda _m, _i, output: seen.append(output.shape[2:]))
    up_sampled(network(torch.randn(2, 32, 4, 5)), 3, (25, 33))
    assert seen == [(4, 5)]


@pytest.mark.parametrize("out_level", [2, 3, 4])
def test_the_result_is_not_rectified_before_the_sum(out_level: int) -> None:
    x = torch.randn(2, 32, 8, 8)
    assert connection(3, out_level)(x).min() < 0
