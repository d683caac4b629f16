"""Validation scores whole images at the size of their labels, as torch would, in fp32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from proxy_tasks import device_split, precision, views
from proxy_tasks.augment import normalise
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.metrics import confusion, mean_iou
from proxy_tasks.networks import DeepLabV3, build
from proxy_tasks.sight import Sight
from proxy_tasks.validation import Evaluation, Validation
from search_space import catalog
from search_space.scales import Scale
from tests.support.arrays import Pair, packed
from tests.support.groups import in_threads

CPU = torch.device("cpu")
SIZES = ((48, 64), (48, 64), (72, 40), (48, 64), (31, 95))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def pairs(sizes: tuple[tuple[int, int], ...] = SIZES, channels: int = 3) -> list[Pair]:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, channels), np.uint8) for size in sizes]
    labels = [rng.integers(0, 4, size, np.uint8) for size in sizes]
    for part in labels:
        part[:5, 3:9] = IGNORE
    return list(zip(images, labels, strict=True))


def val(sight: Sight | None = None) -> DeviceSplit:
    return DeviceSplit(packed(pairs(), sight=sight, classes=tuple("abcd")).val, CPU)


@pytest.fixture(scope="module")
def network() -> DeepLabV3:
    torch.manual_seed(0)
    scale = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
    made = build(catalog.load("spinenet-49"), scale, 4, (32, 48))
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
    return made


def of(network: Any, split: DeviceSplit, batch: int = 2, **given: Any) -> Evaluation:
    known = Intensities((0.5,) * 4, (0.25,) * 4) if split.channels == 4 else NATURAL
    found = Validation(4, CPU, known)
    found.add(network, split, batch, **given)
    return found.result()


@torch.no_grad()
def by_torch(network: DeepLabV3, split: DeviceSplit) -> tuple[float, Tensor]:
    """Mean cross-entropy, and pixels by (target, prediction)."""
    network.eval()
    counts, losses = torch.zeros(4, 4, dtype=torch.int64), []
    for number in range(len(split)):
        labels = split.labels(number)[None].long()
        low = network.forward_low(normalise(split.image(number)[None]))
        logits = interpolate(low, labels.shape[1:], mode="bilinear")
        counts += confusion(logits.argmax(1), labels, 4)
        losses.append(cross_entropy(logits, labels, ignore_index=IGNORE, reduction="sum"))
    network.train()
    return float(sum(losses) / counts.sum()), counts


@pytest.mark.parametrize("sight", [None, Sight(factor=0.5), Sight(short_side=32)])
def test_it_is_torchs_interpolation_and_argmax_at_the_labels_own_size(
    network: DeepLabV3, sight: Sight | None
) -> None:
    split = val(sight)
    found, (loss, counts) = of(network.train(), split), by_torch(network, split)
    assert network.training  # left as it was
    assert found.loss == pytest.approx(loss, rel=1e-5)
    # Pixels whose two best classes are a rounding apart may fall either way.
    assert found.miou == pytest.approx(mean_iou(counts), abs=2e-3)


def test_images_come_in_batches_of_one_size(network: DeepLabV3) -> None:
    split = val()
    assert split.alike(range(5), 2) == [[0, 1], [3], [2], [4]]
    assert split.alike([4, 3, 0], 2) == [[4], [3, 0]]
    small, alone = of(network, split, batch=8), of(network, split, batch=1)
    assert small.loss == pytest.approx(alone.loss, rel=1e-5)


def test_images_of_one_size_with_labels_of_others_are_batches_of_their_own() -> None:
    split = val(Sight(stretch=(40, 40)))
    assert {tuple(split.image(number).shape) for number in range(5)} == {(40, 40, 3)}
    assert split.alike(range(5), 8) == [[0, 1, 3], [2], [4]]


def test_large_images_come_fewer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a batch of whole images needs the memory that one of crops does not."""
    monkeypatch.setattr(device_split, "LARGEST", 2 * 48 * 64)
    assert val().alike([0, 1, 3, 4], 8) == [[0, 1], [3], [4]]
    monkeypatch.setattr(device_split, "LARGEST", 10)
    assert val().alike([0, 1], 8) == [[0], [1]]


def test_only_the_images_named_count_and_each_call_adds(network: DeepLabV3) -> None:
    split, parts = val(), Validation(4, CPU)
    for numbers in ([4, 0], [2], [1, 3]):
        parts.add(network, split, 2, numbers)
    found, whole = parts.result(), of(network, split)
    assert found.class_iou == pytest.approx(whole.class_iou, abs=2e-3)
    assert found.loss == pytest.approx(whole.loss, rel=1e-5)
    assert parts.result() == found  # telling it changes nothing
    assert of(network, split, numbers=[2]).loss != pytest.approx(found.loss, rel=1e-4)


def test_what_was_added_can_be_kept(network: DeepLabV3) -> None:
    split, begun, resumed = val(), Validation(4, CPU), Validation(4, CPU)
    begun.add(network, split, 2, [0, 1])
    resumed.load_state_dict({name: part.clone() for name, part in begun.state_dict().items()})
    for one in (begun, resumed):
        one.add(network, split, 2, [2])
    assert begun.result() == resumed.result()


def test_processes_share_the_images_and_all_know_the_whole(network: DeepLabV3) -> None:
    split, whole = val(), of(network, val())

    def work(group: Any) -> Evaluation:
        found = Validation(4, CPU)
        found.add(network.eval(), split, 2, [0, 1, 2], group)
        found.add(network, split, 2, [3, 4], group)
        return found.result()

    first, second, third = in_threads(work, 3)
    network.train()
    assert first == second == third
    assert first.loss == pytest.approx(whole.loss, rel=1e-5)
    assert first.class_iou == pytest.approx(whole.class_iou, abs=2e-3)


class Recorded(nn.Module):
    """Wherever it looks, the logits of a pixel are its own values; keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Tensor] = []
        self.place = nn.Parameter(torch.zeros(1))  # says on which device it is

    def __deepcopy__(self, _: object) -> Recorded:
        return self

    def forward_low(self, x_BCHW: Tensor) -> Tensor:
        self.shown.append(x_BCHW)
        return 20 * x_BCHW[:, :4]

    forward = forward_low


@pytest.fixture
def four() -> DeviceSplit:
    """Images whose brightest band is the class."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, (40, 56), np.uint8)
    image = (np.eye(4, dtype=np.uint8)[labels] * 200).astype(np.uint8)
    return DeviceSplit(packed([(image, labels)], classes=tuple("abcd")).val, CPU)


def test_a_large_image_is_seen_through_windows(
    four: DeviceSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (views, device_split):
        monkeypatch.setattr(module, "LARGEST", 40 * 56 - 1)
    monkeypatch.setattr(views, "WINDOW", (16, 24))
    network = Recorded()
    found = of(network, four)
    assert {tuple(part.shape[2:]) for part in network.shown} == {(16, 24)}
    assert len(network.shown) == 4 * 3
    assert found.class_iou == (1, 1, 1, 1)
    assert found.loss < 1e-3


def test_an_image_far_larger_than_a_crop_is_seen_through_windows_of_its_size(
    four: DeviceSplit,
) -> None:
    """Of 40x56 pixels, so crops of 27x38 are small enough for one look, and those of 26x38 not."""
    for window, looks in (((27, 38), 1), ((26, 38), 2 * 2), ((16, 24), 4 * 3)):
        known = Intensities((0.5,) * 4, (0.25,) * 4)
        network, found = Recorded(), Validation(4, CPU, known, window)
        found.add(network, four, 2)
        assert len(network.shown) == looks
        assert found.result().class_iou == (1, 1, 1, 1)


def test_what_windows_say_is_averaged_as_probabilities(
    four: DeviceSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two windows is sure and right, the other knows nothing: 5/8 for the right class."""
    for module in (views, device_split):
        monkeypatch.setattr(module, "LARGEST", 100)
    twice = [slice(0, 40), slice(0, 40)], [slice(0, 56)]
    monkeypatch.setattr(views.Views, "grid", lambda *_: twice)

    class Half(Recorded):
        def forward_low(self, x_BCHW: Tensor) -> Tensor:
            logits = super().forward_low(x_BCHW)
            return 1e3 * logits if len(self.shown) == 1 else 0 * logits

    assert of(Half(), four).loss == pytest.approx(-np.log(5 / 8), rel=1e-5)


def test_it_computes_in_single_precision_where_training_would_not(
    network: DeepLabV3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is exported computes so, and one mIoU is told of it."""
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    kinds: set[torch.dtype] = set()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _m, _x, y: kinds.add(y.dtype))
    wide = pairs(((64, 96),))
    of(network, DeviceSplit(packed(wide, classes=tuple("abcd")).val, CPU))
    assert kinds == {torch.float32}


class Constant(nn.Module):
    """Logits that prefer one class everywhere."""

    def __init__(self, choice: int) -> None:
        super().__init__()
        self.choice = choice

    def forward_low(self, x_B3HW: Tensor) -> Tensor:
        logits = torch.zeros(len(x_B3HW), 3, 1, 1)
        logits[:, self.choice] = 100.0
        return logits


def test_void_is_left_out_and_means_are_over_pixels() -> None:
    rows = np.array([[255, 0], [1, 1]], np.uint8)
    split = DeviceSplit(packed([(np.zeros((2, 2, 3), np.uint8), rows)] * 3).val, CPU)
    found = Validation(3, CPU)
    found.add(Constant(1), split, 2)  # type: ignore[arg-type]
    told = found.result()
    assert told.class_iou == (0.0, pytest.approx(2 / 3), None)
    assert told.miou == pytest.approx(1 / 3)
    assert told.loss == pytest.approx(100 / 3, rel=1e-3)
