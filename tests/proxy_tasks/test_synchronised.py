"""Layers of a group do to a batch in parts what torch's do to the whole."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from proxy_tasks.emphasis import Emphasis
from proxy_tasks.loss import upsampled_cross_entropy, weighted_cross_entropy
from proxy_tasks.networks.synchronised import SharedDropout, SynchronisedBatchNorm, synchronise
from proxy_tasks.processes import Group
from tests.support.groups import in_threads


def passed(
    norm: nn.Module, x_BCHW: Tensor, grad_BCHW: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Output, and the gradients of the input, the weights and the biases."""
    x_BCHW = x_BCHW.clone().requires_grad_()
    y_BCHW = norm(x_BCHW)
    y_BCHW.backward(grad_BCHW)
    assert x_BCHW.grad is not None
    return y_BCHW.detach(), x_BCHW.grad, norm.weight.grad, norm.bias.grad


@pytest.mark.parametrize("offset", [0.0, 300.0])
@pytest.mark.parametrize("shape", [(4, 5, 6, 7), (4, 5, 1, 1)], ids=["maps", "one value an image"])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_synchronised_batch_norm_is_that_of_the_whole_batch(
    layout: torch.memory_format, shape: tuple[int, ...], offset: float
) -> None:
    torch.manual_seed(0)
    whole = nn.BatchNorm2d(5, momentum=0.3)
    nn.init.normal_(whole.weight)
    nn.init.normal_(whole.bias)
    x, grad = (torch.randn(shape).contiguous(memory_format=layout) for _ in range(2))
    x += offset
    parts = [copy.deepcopy(whole) for _ in range(2)]

    def work(group: Group) -> tuple[nn.Module, tuple[Tensor, Tensor, Tensor, Tensor]]:
        norm = SynchronisedBatchNorm(parts[group.rank], group)
        return norm, passed(norm, group.share(x), group.share(grad))

    (one, first), (_, second) = in_threads(work)
    y, grad_x, grad_weight, grad_bias = passed(whole, x, grad)
    close = {"rtol": 1e-4, "atol": 1e-5 if offset == 0 else 1e-3}
    torch.testing.assert_close(torch.cat([first[0], second[0]]), y, **close)
    torch.testing.assert_close(torch.cat([first[1], second[1]]), grad_x, **close)
    torch.testing.assert_close(first[2] + second[2], grad_weight, **close)
    torch.testing.assert_close(first[3] + second[3], grad_bias, **close)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(one.state_dict()[name], value)


def test_in_evaluation_nothing_is_exchanged() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5)).eval()
    x, names = torch.randn(2, 3, 4, 4), list(network.state_dict())
    before = network(x)
    synchronise(network, Group(0, 2))  # there is no second process to answer
    assert torch.equal(network(x), before)
    assert list(network.state_dict()) == names


def test_each_process_drops_its_part_of_one_mask() -> None:
    x = torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last)
    torch.manual_seed(3)
    whole = nn.functional.dropout(x, 0.4)
    for rank in range(2):
        group = Group(rank, 2)
        torch.manual_seed(3)
        found = SharedDropout(0.4, group).train()(group.share(x))
        torch.testing.assert_close(found, group.share(whole))


@pytest.mark.parametrize(
    "emphasis",
    [None, Emphasis(torch.tensor([1.0, 5.0, 0.5])), Emphasis(None, 0.3, 0.2), Emphasis(None, 1, 1)],
    ids=["plain", "class weights", "hard pixels", "all hard"],
)
def test_shares_of_a_loss_add_up_to_the_mean_over_all_pixels(emphasis: Emphasis | None) -> None:
    torch.manual_seed(0)
    low, labels = torch.randn(4, 3, 4, 5), torch.randint(3, (4, 15, 18))
    labels[0, 2:] = 255  # one process has far fewer labelled pixels
    low.requires_grad_()
    mean = upsampled_cross_entropy(low, labels, emphasis=emphasis)
    (expected,) = torch.autograd.grad(mean, low)

    def work(group: Group) -> tuple[Tensor, Tensor]:
        part = group.share(low.detach()).requires_grad_()
        loss, _ = weighted_cross_entropy(part, group.share(labels), emphasis=emphasis, group=group)
        return loss.detach(), torch.autograd.grad(loss, part)[0]

    losses, gradients = zip(*in_threads(work), strict=True)
    torch.testing.assert_close(sum(losses), mean.detach())
    torch.testing.assert_close(torch.cat(gradients), expected)
