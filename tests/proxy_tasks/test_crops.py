"""Crops show the right pixels at the right place, whatever the sizes of the images are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from proxy_tasks.augment import MEAN, STD, Augment, normalise
from proxy_tasks.crops import Crops
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.intensities import Intensities
from search_space.errors import UserError
from tests.support.arrays import split_of

OFF = Augment(scale=(1, 1), flip=0, colour=0)
CLASSES = tuple(map(str, range(64)))


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(number: int = 8, height: int = 48, width: int = 64) -> tuple[Tensor, Tensor]:
    """Blocks of 8x8 pixels whose colour tells their class, of 8."""
    classes = torch.randint(0, 8, (number, height // 8, width // 8), generator=seeded(9))
    labels = classes.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return colours()[labels], labels.to(torch.uint8)


def colours() -> Tensor:
    bits = torch.arange(8)[:, None] >> torch.arange(3) & 1
    return (bits * 200 + 20).to(torch.uint8)


def ragged() -> tuple[list[Tensor], list[Tensor]]:
    """Landscape, portrait, one smaller than the crops, one lower but wider."""
    sizes = ((48, 64), (80, 40), (24, 32), (16, 96))
    pairs = [batch(1, *size) for size in sizes]
    return [image[0] for image, _ in pairs], [labels[0] for _, labels in pairs]


def cropped(
    images: Any, labels: Any, augment: Augment, seed: int = 0, size: Any = None, times: int = 1
) -> tuple[Tensor, Tensor]:
    """Crops of every image, by default as large as the images are."""
    split = split_of(images, labels, classes=CLASSES)
    crops = Crops(split, size or tuple(labels[0].shape), augment)
    index = torch.arange(len(split)).repeat(times)
    return crops(index, augment.draw(len(index), seeded(seed)))


def classes_of(x_B3HW: Tensor) -> Tensor:
    """The class whose colour is nearest."""
    wanted = normalise(colours()[None, None])[0, :, 0].T
    return torch.cdist(x_B3HW.permute(0, 2, 3, 1).flatten(1, 2), wanted).argmin(2)


def away_from_edges(y_BHW: Tensor) -> Tensor:
    """Where the 3x3 pixels around have one label, not void."""
    around = y_BHW[:, None].float()
    high = torch.nn.functional.max_pool2d(around, 3, 1, 1)
    low = -torch.nn.functional.max_pool2d(-around, 3, 1, 1)
    return ((high == low) & (high != IGNORE))[:, 0]


def test_with_everything_off_a_whole_image_is_only_normalised() -> None:
    images = torch.randint(0, 256, (3, 24, 40, 3), dtype=torch.uint8)
    labels = torch.randint(0, 11, (3, 24, 40), dtype=torch.uint8)
    x, y = cropped(images, labels, OFF)
    torch.testing.assert_close(x, normalise(images), atol=1e-3, rtol=0)
    assert torch.equal(y, labels.long())


def test_shapes_and_layout() -> None:
    x, y = cropped(*ragged(), Augment(), size=(32, 48))
    assert (x.shape, x.dtype) == ((4, 3, 32, 48), torch.float32)
    assert (y.shape, y.dtype) == ((4, 32, 48), torch.int64)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_a_whole_image_becomes_what_thumbnails_became() -> None:
    """Worked out once by the code of the release that stretched all images to one size."""
    pixels = (torch.arange(2 * 6 * 8 * 3) * 37 % 251).to(torch.uint8).view(2, 6, 8, 3)
    labels = (torch.arange(2 * 6 * 8) * 7 // 3 % 5).to(torch.uint8).view(2, 6, 8)
    table = [[0.9, 0.7, 0.2, 0.8, 0.1, 0.9, 0.6], [0.1, 0.3, 0.6, 0.2, 0.7, 0.4, 0.05]]
    crops = Crops(split_of(pixels, labels), (6, 8), Augment())
    x, y = crops(torch.arange(2), torch.tensor(table, dtype=torch.float64))
    text = [
        "".join("." if v == IGNORE else str(v) for v in row) for row in y.flatten(0, 1).tolist()
    ]
    assert text == [
        *("31330300", "24224144", "24224144", "13003022", "42441411", "30330200"),
        *(".131442.", ".420230.", ".313114.", ".242003.", ".424220.", "........"),
    ]
    row = [
        [[-1.0876, 0.283, 1.2182, -0.117], [-0.1743, -0.714, -1.5112, -0.6022],
         [0.8726, 0.3353, -0.4584, 0.4466]],
        [[-0.6137, -0.0542, -0.0089, 0.3286], [-0.0156, 0.5564, 0.6028, 0.9478],
         [0.6671, 1.1319, -0.3321, -0.0598]],
    ]  # fmt: skip
    torch.testing.assert_close(x[:, :, 3, 2:6], torch.tensor(row), atol=2e-4, rtol=0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("more", [{}, {"upside_down": 0.5, "turn": 0.5, "rare": 0.5}])
def test_labels_stay_with_their_pixels(seed: int, more: dict[str, float]) -> None:
    augment = Augment(scale=(0.6, 1.8), flip=0.5, colour=0, **more)
    x, y = cropped(*ragged(), augment, seed, (40, 40), times=3)
    sure = away_from_edges(y)
    assert sure.float().mean() > 0.2
    assert torch.equal(classes_of(x).view_as(y)[sure], y[sure])


def test_a_crop_is_a_part_of_its_own_image() -> None:
    """Of images whose pixels tell where they stand, at places between pixels none."""
    rows, columns = torch.meshgrid(torch.arange(30), torch.arange(50), indexing="ij")
    images = [torch.stack([rows * 5, columns * 5, rows * 0 + number], 2) for number in (3, 7)]
    labels = [(columns + number) % 60 for number in (3, 7)]
    pairs = [part.to(torch.uint8) for part in images], [part.to(torch.uint8) for part in labels]
    crops = Crops(split_of(*pairs, classes=CLASSES), (10, 20), OFF)
    table = torch.zeros(3, 7, dtype=torch.float64)
    table[:, 1], table[:, 2] = torch.tensor([0, 0.5, 1]), torch.tensor([0.1, 0, 1])
    x, y = crops(torch.tensor([1, 0, 1]), table)
    for crop, (number, top, left) in enumerate([(1, 0, 3), (0, 10, 0), (1, 20, 30)]):
        part = slice(top, top + 10), slice(left, left + 20)
        assert torch.equal(y[crop], pairs[1][number][part].long())
        expected = normalise(pairs[0][number][part][None])[0]
        torch.testing.assert_close(x[crop], expected, atol=1e-3, rtol=0)


def test_labels_stay_sharp() -> None:
    y = cropped(*batch(), Augment(scale=(0.6, 1.8)))[1]
    assert set(y.unique().tolist()) <= {*range(8), IGNORE}


def test_beyond_a_small_image_is_void_and_has_the_mean_colour() -> None:
    images, labels = batch(6, 16, 24)
    x, y = cropped(images, labels, OFF, size=(32, 64))
    assert ((y != IGNORE).flatten(1).sum(1) == 16 * 24).all()
    void = away_from_edges(torch.where(y == IGNORE, 1, IGNORE))
    assert x.permute(0, 2, 3, 1)[void].abs().max() < 1e-5
    tops = {int((row != IGNORE).any(1).nonzero()[0]) for row in y}
    assert len(tops) > 3  # it lies anywhere


def test_outside_is_void_where_the_image_is_made_smaller() -> None:
    x, y = cropped(*batch(), Augment(scale=(0.5, 0.5), flip=0, colour=0))
    assert ((y == IGNORE).flatten(1).sum(1) == 48 * 64 * 3 // 4).all()
    void = away_from_edges(torch.where(y == IGNORE, 1, IGNORE))
    assert x.permute(0, 2, 3, 1)[void].abs().max() < 1e-5


def test_void_in_the_labels_stays_void() -> None:
    images, labels = batch()
    labels[:, :, :32] = IGNORE
    y = cropped(images, labels, OFF)[1]
    assert (y[:, :, :32] == IGNORE).all()


@pytest.mark.parametrize(
    ("changes", "turned"),
    [
        ({"flip": 1}, lambda x: x.flip(-1)),
        ({"upside_down": 1}, lambda x: x.flip(-2)),
        ({"turn": 1}, lambda x: x.transpose(-1, -2)),
        ({"flip": 1, "upside_down": 1, "turn": 1}, lambda x: x.flip(-1, -2).transpose(-1, -2)),
    ],
)
def test_mirroring_turns_pixels_and_labels(changes: dict[str, float], turned: Any) -> None:
    images, labels = batch(4, 32, 32)
    x, y = cropped(images, labels, Augment(**{"scale": (1, 1), "flip": 0, "colour": 0, **changes}))
    torch.testing.assert_close(x, turned(normalise(images)), atol=1e-3, rtol=0)
    assert torch.equal(y, turned(labels.long()))


@pytest.mark.parametrize(
    ("name", "turned"),
    [
        ("flip", lambda y: y.flip(2)),
        ("upside_down", lambda y: y.flip(1)),
        ("turn", lambda y: y.transpose(1, 2)),
    ],
)
def test_about_half_are_mirrored(name: str, turned: Any) -> None:
    images, labels = batch(200, 16, 16)
    y = cropped(images, labels, Augment(**{"scale": (1, 1), "flip": 0, name: 0.5}))[1]
    other = turned(labels.long())
    mirrored = (y == other).flatten(1).all(1)
    unsymmetrical = (labels != other).flatten(1).any(1)
    assert 0.35 < mirrored[unsymmetrical].float().mean() < 0.65
    assert ((y == labels.long()).flatten(1).all(1) | mirrored).all()


def test_crops_that_are_not_square_cannot_be_turned() -> None:
    with pytest.raises(UserError, match="only square crops can be turned, not 32x48"):
        Crops(split_of(*batch()), (32, 48), Augment(turn=0.5))


def test_zooming_in_shows_a_window_of_the_image() -> None:
    """At factor 2 every 8x8 block covers 16x16 pixels, and nothing is void."""
    y = cropped(*batch(), Augment(scale=(2, 2), flip=0))[1]
    changes = (y[:, :, 1:] != y[:, :, :-1]).any(1).nonzero()
    assert (y != IGNORE).all()
    for image in range(len(y)):
        columns = changes[changes[:, 0] == image, 1]
        assert (columns.diff() % 16 == 0).all()


def test_windows_fall_anywhere() -> None:
    ramp = torch.arange(64, dtype=torch.uint8).expand(1, 8, 64)
    images = ramp[..., None].repeat(1, 1, 1, 3)
    augment = Augment(scale=(2, 2), flip=0)
    left = cropped(images, ramp, augment, times=400)[1][:, 0, 0]
    assert left.min() <= 1
    assert left.max() >= 31
    assert left.float().mean() == pytest.approx(16, abs=2)


def test_colours_change_by_image_within_bounds_and_labels_do_not() -> None:
    images, labels = torch.full((64, 4, 4, 3), 120, dtype=torch.uint8), batch(64, 8, 8)[1]
    x, y = cropped(images, labels[:, :4, :4], Augment(scale=(1, 1), flip=0, colour=0.2))
    shift = (x - normalise(images)) * torch.tensor(STD)[:, None, None]
    assert shift.std(0).min() > 0.02
    assert shift.abs().max() < 0.2 * (sum(MEAN) / 3) + 0.2 * 0.1
    assert torch.allclose(shift, shift[:, :, :1, :1].expand_as(shift), atol=1e-3)
    assert torch.equal(y, labels[:, :4, :4].long())


def test_the_same_draws_give_the_same_batch_and_others_do_not() -> None:
    first, again = (cropped(*batch(), Augment(), 4) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], cropped(*batch(), Augment(), 5)[1])


def test_a_crop_does_not_depend_on_those_beside_it() -> None:
    split, augment = split_of(*ragged(), classes=CLASSES), Augment(rare=0.3)
    crops, draws = Crops(split, (32, 48), augment), augment.draw(4, seeded())
    x, y = crops(torch.arange(4), draws)
    for number in range(4):
        alone, labels = crops(torch.tensor([number]), draws[number : number + 1])
        assert torch.equal(alone[0], x[number])
        assert torch.equal(labels[0], y[number])


def test_five_channels_of_16_bits_are_seen_as_they_are() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 65536, (2, 20, 30, 5), np.uint16)
    labels = rng.integers(0, 3, (2, 20, 30), np.uint8)
    known = Intensities((0.5, 0.4, 0.6, 0.5, 0.5), (0.3, 0.2, 0.3, 0.3, 0.1), 65535)
    crops = Crops(split_of(images, labels), (20, 30), OFF, known)
    x, y = crops(torch.arange(2), OFF.draw(2, seeded()))
    assert x.shape == (2, 5, 20, 30)
    torch.testing.assert_close(x, normalise(torch.from_numpy(images), known), atol=1e-3, rtol=0)
    assert torch.equal(y, torch.from_numpy(labels).long())


def dots(number: int = 6) -> tuple[list[Tensor], list[Tensor]]:
    """Images of class 0 with one pixel of class 1 + number % 3 each, near the border or not."""
    images, labels = [], []
    for index in range(number):
        marks = torch.zeros(60 + index, 90 - index, dtype=torch.uint8)
        marks[(0, 30, 59)[index % 3], (89 - index, 40, 0, 7)[index % 4]] = 1 + index % 3
        labels.append(marks)
        images.append(marks[..., None].repeat(1, 1, 3))
    return images, labels


@pytest.mark.parametrize("scale", [(0.4, 0.9), (1, 1), (0.75, 1.5)])
@pytest.mark.parametrize("size", [(24, 32), (80, 80)])
def test_a_crop_that_is_placed_on_a_class_shows_it(
    scale: tuple[float, float], size: tuple[int, int]
) -> None:
    """Even where it is a single pixel, and the crop leaves pixels out."""
    augment = Augment(scale=scale, rare=1)
    y = cropped(*dots(), augment, size=size, times=50)[1]
    drawn = augment.draw(300, seeded())[:, 8]
    for labels, wanted in zip(y, (drawn * 4).int().tolist(), strict=True):
        assert (labels == wanted).any()
    if max(size) < 60:
        assert (y != IGNORE).flatten(1).all(1).float().mean() > 0.3


def test_classes_are_drawn_alike_and_their_pixels_too() -> None:
    images, labels = dots()
    labels[0][:, :] = 3
    y = cropped(images, labels, Augment(scale=(1, 1), rare=1), size=(8, 8), times=200)[1]
    there = Counter(label for crop in y for label in crop.unique().tolist())
    for label in (1, 2):  # single pixels in a sea of others, each in a quarter of the crops
        assert there[label] / len(y) == pytest.approx(0.25, abs=0.05)


def test_a_share_of_the_crops_is_placed_and_the_others_stay_as_they_were() -> None:
    split = split_of(*dots(), classes=CLASSES)
    index, augment = torch.arange(6).repeat(50), Augment(rare=0.4)
    table = augment.draw(300, seeded())
    y = Crops(split, (16, 16), augment)(index, table)[1]
    plain = Crops(split, (16, 16), Augment())(index, table[:, :7])[1]
    placed = table[:, 7] < 0.4
    assert 0.3 < placed.float().mean() < 0.5
    assert torch.equal(y[~placed], plain[~placed])
    assert not torch.equal(y[placed], plain[placed])


def test_no_crop_is_placed_on_an_image_that_is_not_chosen() -> None:
    images = [torch.full((20, 20, 3), 40 * number, dtype=torch.uint8) for number in range(4)]
    labels = [torch.full((20, 20), number % 2, dtype=torch.uint8) for number in range(4)]
    augment = Augment(scale=(1, 1), colour=0, rare=1)
    crops = Crops(split_of(images, labels), (8, 8), augment, chosen=np.array([1, 2]))
    x, _ = crops(torch.ones(100, dtype=torch.int64), augment.draw(100, seeded()))
    values = ((x[:, 0, 4, 4] * STD[0] + MEAN[0]) * 255).round().unique().tolist()
    assert values == [40, 80]


def test_where_no_image_that_is_chosen_has_a_class_crops_fall_anywhere() -> None:
    images, labels = batch(2)
    labels[1] = IGNORE
    augment = Augment(rare=1)
    crops = Crops(split_of(images, labels), (16, 16), augment, chosen=np.array([1]))
    _, y = crops(torch.ones(3, dtype=torch.int64), augment.draw(3, seeded()))
    assert (y == IGNORE).all()
