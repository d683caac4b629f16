import pytest
import torch

from proxy_tasks.augment import MEAN, STD, Augment, normalise
from proxy_tasks.datasets.base import IGNORE

OFF = Augment(scale=(1, 1), flip=0, colour=0)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(number: int = 8, height: int = 48, width: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Blocks of 8x8 pixels whose colour tells their class, of 8."""
    classes = torch.randint(0, 8, (number, height // 8, width // 8), generator=seeded(9))
    labels = classes.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return colours()[labels], labels.to(torch.uint8)


def colours() -> torch.Tensor:
    bits = torch.arange(8)[:, None] >> torch.arange(3) & 1
    return (bits * 200 + 20).to(torch.uint8)


def classes_of(x_B3HW: torch.Tensor) -> torch.Tensor:
    """The class whose colour is nearest."""
    wanted = normalise(colours()[None, None])[0, :, 0].T
    return torch.cdist(x_B3HW.permute(0, 2, 3, 1).flatten(1, 2), wanted).argmin(2)


def away_from_edges(y_BHW: torch.Tensor) -> torch.Tensor:
    """Where the 3x3 pixels around have one label, not void."""
    around = y_BHW[:, None].float()
    high = torch.nn.functional.max_pool2d(around, 3, 1, 1)
    low = -torch.nn.functional.max_pool2d(-around, 3, 1, 1)
    return ((high == low) & (high != IGNORE))[:, 0]


def test_normalise_centres_and_scales_each_colour():
    images = torch.randint(0, 256, (2, 5, 7, 3), dtype=torch.uint8)
    x = normalise(images)
    wanted = (images.double() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    assert (x.shape, x.dtype) == ((2, 3, 5, 7), torch.float32)
    assert x.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(x.permute(0, 2, 3, 1).double(), wanted, atol=1e-5, rtol=0)


def test_with_everything_off_it_only_normalises():
    images = torch.randint(0, 256, (3, 24, 40, 3), dtype=torch.uint8)
    labels = torch.randint(0, 11, (3, 24, 40), dtype=torch.uint8)
    x, y = OFF(images, labels, seeded())
    torch.testing.assert_close(x, normalise(images), atol=1e-3, rtol=0)
    assert torch.equal(y, labels.long())


def test_shapes_and_layout():
    x, y = Augment()(*batch(), seeded())
    assert (x.shape, x.dtype) == ((8, 3, 48, 64), torch.float32)
    assert (y.shape, y.dtype) == ((8, 48, 64), torch.int64)
    assert x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("seed", range(4))
def test_labels_stay_with_their_pixels(seed):
    x, y = Augment(scale=(0.6, 1.8), flip=0.5, colour=0)(*batch(), seeded(seed))
    sure = away_from_edges(y)
    assert sure.float().mean() > 0.25
    assert torch.equal(classes_of(x).view_as(y)[sure], y[sure])


def test_labels_stay_sharp():
    y = Augment(scale=(0.6, 1.8))(*batch(), seeded())[1]
    assert set(y.unique().tolist()) <= {*range(8), IGNORE}


def test_outside_is_void_and_has_the_mean_colour():
    images, labels = batch()
    x, y = Augment(scale=(0.5, 0.5), flip=0, colour=0)(images, labels, seeded())
    assert ((y == IGNORE).flatten(1).sum(1) == 48 * 64 * 3 // 4).all()
    void = away_from_edges(torch.where(y == IGNORE, 1, IGNORE))
    assert x.permute(0, 2, 3, 1)[void].abs().max() < 1e-5


def test_void_in_the_labels_stays_void():
    images, labels = batch()
    labels[:, :, :32] = IGNORE
    y = OFF(images, labels, seeded())[1]
    assert (y[:, :, :32] == IGNORE).all()


def test_a_flip_turns_both():
    images, labels = batch()
    x, y = Augment(scale=(1, 1), flip=1, colour=0)(images, labels, seeded())
    torch.testing.assert_close(x, normalise(images).flip(3), atol=1e-3, rtol=0)
    assert torch.equal(y, labels.long().flip(2))


def test_about_half_are_flipped():
    images, labels = batch(200, 16, 16)
    y = Augment(scale=(1, 1))(images, labels, seeded())[1]
    flipped = (y == labels.long().flip(2)).flatten(1).all(1)
    assert 70 < flipped.sum() < 130
    assert ((y == labels.long()).flatten(1).all(1) | flipped).all()


def test_zooming_in_shows_a_window_of_the_image():
    """At factor 2 every 8x8 block covers 16x16 pixels, and nothing is void."""
    images, labels = batch()
    y = Augment(scale=(2, 2), flip=0)(images, labels, seeded())[1]
    changes = (y[:, :, 1:] != y[:, :, :-1]).any(1).nonzero()
    assert (y != IGNORE).all()
    for image in range(len(y)):
        columns = changes[changes[:, 0] == image, 1]
        assert (columns.diff() % 16 == 0).all()


def test_windows_fall_anywhere():
    ramp = torch.arange(64, dtype=torch.uint8).expand(400, 48, 64)
    y = Augment(scale=(2, 2), flip=0)(ramp[..., None].repeat(1, 1, 1, 3), ramp, seeded())[1]
    left = y[:, 0, 0]
    assert left.min() <= 1
    assert left.max() >= 31
    assert left.float().mean() == pytest.approx(16, abs=2)


def test_colours_change_by_image_within_bounds_and_labels_do_not():
    images, labels = torch.full((64, 4, 4, 3), 120, dtype=torch.uint8), batch(64, 8, 8)[1]
    x, y = Augment(scale=(1, 1), flip=0, colour=0.2)(images, labels[:, :4, :4], seeded())
    shift = (x - normalise(images)) * torch.tensor(STD)[:, None, None]
    assert shift.std(0).min() > 0.02
    assert shift.abs().max() < 0.2 * (sum(MEAN) / 3) + 0.2 * 0.1
    assert torch.allclose(shift, shift[:, :, :1, :1].expand_as(shift), atol=1e-3)
    assert torch.equal(y, labels[:, :4, :4].long())


def test_saturation_leaves_greys_alone_and_spreads_colours():
    augment = Augment(colour=0.5)
    none = torch.tensor([[0.5, 0.5, 1.0]], dtype=torch.float64)
    mixing, shift = augment._tint(none)
    plain = mixing[0] * (255 * torch.tensor(STD, dtype=torch.float64)[:, None])
    torch.testing.assert_close(plain.sum(1), torch.ones(3, dtype=torch.float64))
    assert (plain.diagonal() > 1).all()
    assert shift.abs().max() == 0


def test_the_same_draws_give_the_same_batch_and_others_do_not():
    first, again = (Augment()(*batch(), seeded(4)) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], Augment()(*batch(), seeded(5))[1])


def test_the_number_of_draws_does_not_depend_on_size_or_settings():
    """So that candidates at any fidelity stay in step."""
    states = []
    for augment, size in ((Augment(), (48, 64)), (OFF, (16, 24))):
        generator = seeded(1)
        augment(*batch(8, *size), generator)
        states.append(generator.get_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("bad", [{"scale": (0, 1)}, {"scale": (2, 1)}, {"flip": 2}, {"colour": 1}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Augment(**bad)
