"""From images to label maps: sights, scales, mirror images and windows, against the same written
out with torch and Pillow."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from proxy_tasks import views as views_module
from proxy_tasks.augment import normalise
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.labelling import Labeller, label_map, shown
from proxy_tasks.running import running
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.views import Views
from search_space.errors import UserError

K = 5
STRETCHED = Sight(stretch=(16, 24))


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


def labeller(views: Views | None = None, sight: Sight = OWN, net: Net | None = None) -> Labeller:
    return Labeller(running(net or Net()), sight, NATURAL, views or Views())


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (30, 46, 3), np.uint8)


def scores(found: Labeller, image: np.ndarray, size: tuple[int, int] | None = None) -> Tensor:
    """(K, H, W)."""
    return torch.from_numpy(np.concatenate([each for _, each in found.bands(image, size)], 1))


def logits(
    image: np.ndarray,
    seen: tuple[int, int],
    mirrored: bool = False,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """(K, H, W) as torch and Pillow have it."""
    resized = np.array(Image.fromarray(image).resize(seen[::-1], Image.Resampling.BILINEAR))
    if mirrored:
        resized = resized[:, ::-1].copy()
    with torch.no_grad():
        low = Net().forward_low(normalise(torch.from_numpy(resized)[None]))
    low = low.flip(3) if mirrored else low
    return interpolate(low, size or image.shape[:2], mode="bilinear")[0]


def test_logits_are_brought_to_the_images_own_size(image) -> None:
    found = labeller(sight=STRETCHED)
    expected = logits(image, (16, 24))
    torch.testing.assert_close(scores(found, image), expected)
    labels = found.predict(image)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, expected.argmax(0).numpy())
    assert len(np.unique(labels)) > 2


@pytest.mark.parametrize(
    ("sight", "seen"),
    [
        (OWN, (30, 46)),
        (Sight(factor=0.5), (15, 23)),
        (Sight(short_side=60), (60, 92)),
        (Sight(cover=(20, 20)), (20, 31)),
        (STRETCHED, (16, 24)),
    ],
)
def test_an_image_is_seen_as_the_sight_says_and_a_tall_one_too(sight, seen, image) -> None:
    net = Net()
    found = labeller(sight=sight, net=net)
    assert found.predict(image).shape == (30, 46)
    assert found.predict(image.transpose(1, 0, 2)).shape == (46, 30)
    tall = seen if sight.stretch else seen[::-1]
    assert [shape[2:] for shape in net.seen] == [seen, tall]
    assert shown(image, sight, NATURAL).shape[2:] == seen


def test_another_size_of_the_label_map_changes_nothing_of_what_is_seen(image) -> None:
    net = Net()
    found = labeller(sight=Sight(factor=0.5), net=net)
    expected = logits(image, (15, 23), size=(61, 90))
    torch.testing.assert_close(scores(found, image, (61, 90)), expected)
    assert {shape[2:] for shape in net.seen} == {(15, 23)}
    small = shown(image, Sight(factor=0.5), NATURAL)
    low = running(net)(small)[0]
    assert np.array_equal(label_map(low, (61, 90)), found.predict(image, (61, 90)))


def test_scales_and_mirror_images_are_averaged_as_probabilities(image) -> None:
    found = labeller(Views(scales=(0.5, 1.0, 1.75), flip=True), STRETCHED)
    sizes = [(8, 12), (16, 24), (28, 42)]
    views = [logits(image, size, mirror).softmax(0) for size in sizes for mirror in (False, True)]
    torch.testing.assert_close(scores(found, image), torch.stack(views).mean(0))


@pytest.mark.parametrize(
    ("window", "stride"),
    [((8, 8), None), ((7, 11), (3, 5)), ((30, 46), None), ((100, 9), (1, 9)), ((1, 1), None)],
)
def test_windows_show_every_pixel_and_each_counts_once(image, window, stride) -> None:
    net = Net(stride=1)  # what it says of a pixel does not depend on the window
    whole = scores(labeller(net=net), image).softmax(0)
    found = scores(labeller(Views(window=window, stride=stride), net=net), image)
    torch.testing.assert_close(found.softmax(0) if window == (30, 46) else found, whole)
    assert all(shape[2] <= window[0] and shape[3] <= window[1] for shape in net.seen[1:])


def test_overlapping_windows_are_averaged(image) -> None:
    found = labeller(Views(window=(30, 32), stride=(30, 14)))
    left, right = (
        logits(image[:, part], (30, 32)).softmax(0) for part in (slice(0, 32), slice(14, 46))
    )
    expected = torch.zeros(K, 30, 46)
    expected[:, :, :32] += left
    expected[:, :, 14:] += right
    expected[:, :, 14:32] /= 2
    torch.testing.assert_close(scores(found, image), expected)


def test_windows_of_a_resized_image_give_each_pixel_to_those_that_show_its_middle(image) -> None:
    """Twice as large: of a window of 16 pixels there, 8 pixels are here."""
    net = Net()
    views = Views(scales=(2.0,), window=(60, 48), stride=(60, 44))
    seen = np.array(Image.fromarray(image).resize((92, 60), Image.Resampling.BILINEAR))
    expected = torch.zeros(K, 30, 46)
    for first, last in ((0, 48), (44, 92)):
        part = seen[:, first:last]
        expected[:, :, first // 2 : last // 2] += logits(part, (60, 48), size=(30, 24)).softmax(0)
    expected[:, :, 22:24] /= 2
    torch.testing.assert_close(scores(labeller(views, net=net), image), expected)
    assert {shape[2:] for shape in net.seen} == {(60, 48)}


def test_a_large_image_is_seen_through_windows_without_being_asked(image, monkeypatch) -> None:
    monkeypatch.setattr(views_module, "LARGEST", 30 * 46 - 1)
    monkeypatch.setattr(views_module, "WINDOW", (20, 24))
    net = Net()
    found = scores(labeller(net=net), image)
    torch.testing.assert_close(found, scores(labeller(Views(window=(20, 24))), image))
    assert {shape[2:] for shape in net.seen} == {(20, 24)}
    monkeypatch.setattr(views_module, "LARGEST", 30 * 46)
    torch.testing.assert_close(scores(labeller(), image), logits(image, (30, 46)))


def test_memory_does_not_grow_with_the_classes_of_a_large_image(monkeypatch) -> None:
    """The scores of all pixels would be 346 MB."""
    monkeypatch.setattr(views_module, "LARGEST", 10**6)
    monkeypatch.setattr(views_module, "WINDOW", (300, 300))

    def run(x_BCHW: np.ndarray) -> np.ndarray:
        return np.zeros((1, 60, x_BCHW.shape[2] // 32, x_BCHW.shape[3] // 32), np.float32)

    tracemalloc.start()
    Labeller(run, OWN, NATURAL).predict(np.zeros((1200, 1200, 3), np.uint8))
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()


def test_bands_change_nothing(image, monkeypatch) -> None:
    views = Views(window=(9, 20), flip=True)
    whole = scores(labeller(views), image)
    monkeypatch.setattr("proxy_tasks.labelling.BAND_PIXELS", 1)
    monkeypatch.setattr("proxy_tasks.labelling.BAND_ROWS", 1)
    assert torch.equal(scores(labeller(views), image), whole)


def test_the_last_window_ends_at_the_edge() -> None:
    rows, columns = Views(window=(4, 5), stride=(3, 5)).grid((8, 5))
    assert [(each.start, each.stop) for each in rows] == [(0, 4), (3, 7), (4, 8)]
    assert [(each.start, each.stop) for each in columns] == [(0, 5)]


def test_images_of_pillow_are_taken_for_what_they_show(image) -> None:
    found = labeller()
    photo = Image.fromarray(image)
    assert np.array_equal(found.predict(photo), found.predict(image))
    grey = photo.convert("L")
    expected = found.predict(np.asarray(grey.convert("RGB")))
    for same in (grey, np.asarray(grey), np.asarray(grey)[..., None], grey.convert("P")):
        assert np.array_equal(found.predict(same), expected)
    assert np.array_equal(found.predict(photo.convert("RGBA")), found.predict(image))


def test_what_the_network_was_not_trained_on_is_refused_with_what_it_takes(image) -> None:
    deep = Labeller(lambda x: x, OWN, Intensities((0.1,) * 4, (0.2,) * 4, 65535))
    values = np.random.default_rng(0).integers(0, 65536, (5, 6, 4), np.uint16)
    assert np.array_equal(deep.predict(values), values.argmax(2))
    with pytest.raises(
        UserError, match=r"\(height, width, 4\) of uint16, but this is \(30, 46, 3\)"
    ):
        deep.predict(image)
    with pytest.raises(UserError, match="of uint8"):
        labeller().predict(image.astype(np.uint16))
    with pytest.raises(UserError, match=r"\(0, 4, 3\)"):
        labeller().predict(image[:0, :4])


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


@pytest.mark.parametrize(
    ("sight", "words"),
    [
        (OWN, "at its own size"),
        (Sight(factor=0.5), "at 0.5 of its size"),
        (Sight(short_side=512), "with its short side at 512 pixels"),
        (Sight(cover=(96, 128)), "just large enough to cover 96x128"),
        (Sight(stretch=(96, 128)), "at 96x128, whatever its shape"),
    ],
)
def test_a_sight_is_said_and_kept_by_its_one_rule(sight, words) -> None:
    assert str(sight) == words
    assert len(sight.to_dict()) == 1
    assert Sight.from_dict(sight.to_dict()) == sight
