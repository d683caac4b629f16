"""A teacher says of each pixel of a crop what it says of that pixel in the whole image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import interpolate

from proxy_tasks.augment import Augment
from proxy_tasks.crops import Crops
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import damaged, open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.datasets.soft_packing import pack_soft
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.sight import Sight
from proxy_tasks.soft_labels import STRIDE, SoftLabels, places
from proxy_tasks.upsampling import Band
from search_space.errors import UserError
from tests.support.arrays import Arrays, Pair
from tests.support.taught import Colours

CPU = torch.device("cpu")
CLASSES = 4
SIZES = ((48, 64), (64, 48), (40, 52), (33, 47))
"""The last are no multiples of STRIDE."""
STILL = Augment(scale=(1, 1), flip=0, colour=0)


def pairs() -> list[Pair]:
    """Smooth pictures, all labelled, so that a label that is void tells what is beyond the edge."""
    rng, found = np.random.default_rng(0), []
    for height, width in SIZES:
        coarse = torch.from_numpy(rng.integers(0, 256, (1, 3, 5, 6))).float()
        image = interpolate(coarse, (height, width), mode="bilinear")[0].permute(1, 2, 0)
        labels = rng.integers(0, CLASSES, (height, width), dtype=np.uint8)
        found.append((image.numpy().astype(np.uint8), labels))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return pack(dataset(), Sight(factor=1), tmp_path_factory.mktemp("cache"))


def dataset() -> Arrays:
    return Arrays(pairs(), pairs(), tuple("abcd"))


@pytest.fixture(scope="module")
def labels(data: Path) -> SoftLabels:
    return SoftLabels.open(pack_soft(dataset(), data, Colours(CLASSES), "colours"), CPU)


@pytest.fixture(scope="module")
def train(data: Path) -> DeviceSplit:
    return DeviceSplit(open_packed(data).train, CPU)


def whole(labels: SoftLabels, number: int) -> Tensor:
    """log p of each pixel of an image, (K, H, W), by torch's own interpolation."""
    low_Khw = labels.image(number).float().transpose(0, 1)
    large = torch.Size(STRIDE * side for side in low_Khw.shape[1:])
    up = interpolate(low_Khw[None], SIZES[number], mode="bilinear", align_corners=False)[0]
    assert large >= torch.Size(SIZES[number])
    return up


def seen(
    crops: Crops, labels: SoftLabels, index: Tensor, draws: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Of each crop: log p (B, K, H, W), which pixels are shown, and their labels."""
    said = crops.taught(labels, index, draws)
    rows = [
        said.up(Band(slice(0, len(index)), slice(row, row + 1), slice(0), torch.empty(0)))
        for row in range(size[0])
    ]
    _, y_BHW = crops(index, draws)
    return torch.cat(rows, 1).transpose(1, 2), said.shown_BHW, y_BHW


def test_what_is_kept_is_what_the_teacher_said_to_a_thousandth(labels: SoftLabels) -> None:
    for number, (image, _) in enumerate(pairs()):
        said = Colours(CLASSES).log_probabilities(image, places(SIZES[number]))
        kept = labels.image(number).float().transpose(0, 1)
        assert kept.shape[1:] == places(SIZES[number])
        assert np.abs(np.exp(kept.numpy()) - np.exp(said)).max() < 1e-3


def test_a_whole_image_is_up_sampled_as_a_networks_logits_are(
    train: DeviceSplit, labels: SoftLabels
) -> None:
    for number, size in enumerate(SIZES):
        crops = Crops(train, size, STILL)
        draws = torch.full((1, 7), 0.5, dtype=torch.float64)
        found, shown, _ = seen(crops, labels, torch.tensor([number]), draws, size)
        assert shown.all()
        torch.testing.assert_close(found[0], whole(labels, number), atol=1e-5, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    place=st.tuples(st.integers(0, 16), st.integers(0, 16)),
    number=st.integers(0, 1),
    mirrored=st.booleans(),
    upside_down=st.booleans(),
    turned=st.booleans(),
)
def test_crops_mirrors_and_turns_are_exact(
    train: DeviceSplit,
    labels: SoftLabels,
    place: tuple[int, int],
    number: int,
    mirrored: bool,
    upside_down: bool,
    turned: bool,
) -> None:
    size, (height, width) = (32, 32), SIZES[number]
    top, left = (min(at, side - 32) for at, side in zip(place, (height, width), strict=True))
    augment = Augment((1, 1), flip=0.5, colour=0.2, upside_down=0.5, turn=0.5)
    draws = torch.full((1, 12), 0.5, dtype=torch.float64)
    draws[0, 1], draws[0, 2] = top / (height - 32), left / (width - 32)
    for column, happens in ((3, mirrored), (10, upside_down), (11, turned)):
        draws[0, column] = 0.1 if happens else 0.9
    found, shown, _ = seen(Crops(train, size, augment), labels, torch.tensor([number]), draws, size)
    expected = whole(labels, number)[:, top : top + 32, left : left + 32]
    expected = expected.flip(2) if mirrored else expected
    expected = expected.flip(1) if upside_down else expected
    expected = expected.transpose(1, 2) if turned else expected
    assert shown.all()
    torch.testing.assert_close(found[0], expected, atol=1e-5, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_whatever_is_drawn_each_pixel_gets_what_is_said_of_the_place_it_shows(
    train: DeviceSplit, labels: SoftLabels, seed: int
) -> None:
    """The picture's own colours say where a crop looks: what Colours says of the crop itself is,
    up to interpolation, what it said of the image."""
    size = (32, 32)
    augment = Augment((0.5, 2), 0.5, 0.0, upside_down=0.5, turn=0.5, rare=0.5)
    crops = Crops(train, size, augment)
    index = torch.arange(len(SIZES))
    draws = augment.draw(len(index), torch.Generator().manual_seed(seed))
    found, shown, y_BHW = seen(crops, labels, index, draws, size)
    assert torch.equal(shown, y_BHW != IGNORE)  # all of these images is labelled
    x_BCHW, _ = crops(index, draws)
    std, mean = (torch.tensor(each)[:, None, None] for each in ((0.229, 0.224, 0.225), MEAN))
    for crop in range(len(index)):
        pixels = (255 * (x_BCHW[crop] * std + mean)).permute(1, 2, 0).numpy()
        said = Colours(CLASSES).log_probabilities(pixels, size)
        off = (np.exp(said) - found[crop].softmax(0).numpy())[:, shown[crop].numpy()]
        assert np.abs(off).mean() < 0.03


MEAN = (0.485, 0.456, 0.406)


def test_what_is_there_is_taken_and_what_is_damaged_is_made_again(data: Path) -> None:
    asked: list[int] = []

    class Counting(Colours):
        def log_probabilities(self, image_HWC: np.ndarray, size: tuple[int, int]) -> np.ndarray:
            asked.append(1)
            return super().log_probabilities(image_HWC, size)

    first = pack_soft(dataset(), data, Counting(CLASSES), "counting")
    before = (first / "soft-train.npy").read_bytes()
    assert pack_soft(dataset(), data, Counting(CLASSES), "counting") == first
    assert len(asked) == len(SIZES)
    (first / "soft-train.npy").write_bytes(before[:200] + bytes(50) + before[250:])
    assert damaged(first)
    assert pack_soft(dataset(), data, Counting(CLASSES), "counting") == first
    assert (first / "soft-train.npy").read_bytes() == before
    assert pack_soft(dataset(), data, Counting(CLASSES), "another") != first
    with pytest.raises(UserError, match="no soft labels in "):
        SoftLabels.open(data / "none", CPU)
