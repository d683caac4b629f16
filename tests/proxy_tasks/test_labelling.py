"""Scales, mirror images and windows, against the same written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from proxy_tasks.augment import normalise
from proxy_tasks.labelling import Labeller
from proxy_tasks.views import Views
from search_space.errors import UserError

CPU = torch.device("cpu")
K = 5


class Net(nn.Module):
    """Logits of patches of ``stride`` pixels, from those pixels alone."""

    def __init__(self, stride: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, K, stride, stride)
        self.seen: list[tuple[int, ...]] = []

    def forward_low(self, x_B3HW: Tensor) -> Tensor:
        self.seen.append(tuple(x_B3HW.shape))
        return 3 * self.conv(x_B3HW)


def labeller(views: Views, network: nn.Module | None = None, channels=None) -> Labeller:
    return Labeller(network or Net(), views, CPU, channels)  # type: ignore[arg-type]


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (30, 46, 3), np.uint8)


def probabilities(image: np.ndarray, size: tuple[int, int], mirrored: bool = False) -> Tensor:
    """(K, H, W) as torch and Pillow have it."""
    seen = np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
    if mirrored:
        seen = seen[:, ::-1].copy()
    with torch.no_grad():
        logits = Net().forward_low(normalise(torch.from_numpy(seen)[None]))
    logits = logits.flip(3) if mirrored else logits
    return interpolate(logits, image.shape[:2], mode="bilinear").softmax(1)[0]


def test_logits_are_brought_to_the_images_own_size(image) -> None:
    found = labeller(Views(size=(16, 24)))
    expected = probabilities(image, (16, 24))
    torch.testing.assert_close(found.probabilities(image).transpose(0, 1), expected)
    assert np.array_equal(found.labels(image), expected.argmax(0).numpy())
    assert found.labels(image).dtype == np.uint8


def test_scales_and_mirror_images_are_averaged_as_probabilities(image) -> None:
    found = labeller(Views(size=(16, 24), scales=(0.5, 1.0, 1.75), flip=True))
    sizes = [(8, 12), (16, 24), (28, 42)]
    views = [probabilities(image, size, mirror) for size in sizes for mirror in (False, True)]
    torch.testing.assert_close(
        found.probabilities(image).transpose(0, 1), torch.stack(views).mean(0)
    )


@pytest.mark.parametrize(
    ("window", "stride"),
    [((8, 8), None), ((7, 11), (3, 5)), ((30, 46), None), ((100, 9), (1, 9)), ((1, 1), None)],
)
def test_windows_show_every_pixel_and_each_counts_once(image, window, stride) -> None:
    network = Net(stride=1)  # what it says of a pixel does not depend on the window
    whole = labeller(Views(), network).probabilities(image)
    found = labeller(Views(window=window, stride=stride), network).probabilities(image)
    torch.testing.assert_close(found, whole)
    assert all(shape[2] <= window[0] and shape[3] <= window[1] for shape in network.seen[1:])


def test_overlapping_windows_are_averaged(image) -> None:
    found = labeller(Views(window=(30, 32), stride=(30, 14)))
    left, right = (
        probabilities(image[:, part], (30, 32)) for part in (slice(0, 32), slice(14, 46))
    )
    expected = torch.zeros(K, 30, 46)
    expected[:, :, :32] += left
    expected[:, :, 14:] += right
    expected[:, :, 14:32] /= 2
    torch.testing.assert_close(found.probabilities(image).transpose(0, 1), expected)


def test_windows_of_an_enlarged_image_are_brought_back_to_its_size(image) -> None:
    network = Net()
    found = labeller(Views(window=(16, 16), scales=(2.0,)), network).probabilities(image)
    assert found.shape == (30, K, 46)
    assert {shape[2:] for shape in network.seen} == {(16, 16)}
    torch.testing.assert_close(found.sum(1), torch.ones(30, 46))


def test_the_last_window_ends_at_the_edge() -> None:
    found = list(Views(window=(4, 5), stride=(3, 5)).windows((8, 5)))
    rows = [(rows.start, rows.stop) for rows, _ in found]
    assert rows == [(0, 4), (3, 7), (4, 8)]
    assert {(columns.start, columns.stop) for _, columns in found} == {(0, 5)}


def test_only_the_channels_asked_for_are_chosen_from(image) -> None:
    found = labeller(Views(), channels=(3, 1)).labels(image)
    logits = probabilities(image, image.shape[:2])[[3, 1]]
    assert np.array_equal(found, logits.argmax(0).numpy())
    assert set(np.unique(found)) == {0, 1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scales": ()}, "--scales none"),
        ({"scales": (1.0, 0.0)}, "--scales 1.0 0.0: must be above 0"),
        ({"scales": (float("nan"),)}, "--scales nan"),
        ({"stride": (4, 4)}, "give --window too"),
        ({"window": (8, 8), "stride": (8, 9)}, "--stride 8x9: must be at most the window, 8x8"),
    ],
)
def test_views_that_show_no_image_or_not_all_of_it_are_refused(values, message) -> None:
    with pytest.raises(UserError, match=message):
        Views(**values)
