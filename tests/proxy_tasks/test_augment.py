"""Normalisation, and the random numbers that decide what becomes of a crop."""

from __future__ import annotations

import pytest
import torch

from proxy_tasks.augment import MEAN, STD, Augment, Draws, normalise, tint
from proxy_tasks.intensities import NATURAL, Intensities


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_normalise_centres_and_scales_each_colour() -> None:
    images = torch.randint(0, 256, (2, 5, 7, 3), dtype=torch.uint8)
    x = normalise(images)
    wanted = (images.double() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    assert (x.shape, x.dtype) == ((2, 3, 5, 7), torch.float32)
    assert x.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(x.permute(0, 2, 3, 1).double(), wanted, atol=1e-5, rtol=0)


def test_normalise_takes_16_bits_and_any_number_of_channels() -> None:
    known = Intensities((0.2, 0.4, 0.6, 0.1, 0.5), (0.1, 0.2, 0.1, 0.3, 0.25), 65535)
    images = torch.randint(0, 65536, (2, 4, 6, 5), dtype=torch.int32).to(torch.uint16)
    wanted = (images.double() / 65535 - torch.tensor(known.mean)) / torch.tensor(known.std)
    found = normalise(images, known).permute(0, 2, 3, 1).double()
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_what_is_switched_off_draws_no_numbers() -> None:
    """So that recipes without it, and candidates of any size, stay in step."""
    plain = torch.rand(8, 7, generator=seeded(1), dtype=torch.float64)
    for augment in (Augment(), Augment(scale=(1, 1), flip=0, colour=0)):
        generator = seeded(1)
        assert torch.equal(augment.draw(8, generator), plain)
        after = generator.get_state()
    assert not torch.equal(after, seeded(1).get_state())


@pytest.mark.parametrize("changes", [{"rare": 0.1}, {"turn": 1}, {"upside_down": 0.5}])
def test_what_is_switched_on_comes_behind_the_numbers_of_the_rest(
    changes: dict[str, float],
) -> None:
    table = Augment(**changes).draw(8, seeded(1))
    assert table.shape == (8, 12)
    assert torch.equal(table[:, :7], Augment().draw(8, seeded(1)))


def test_draws_without_more_are_below_no_chance() -> None:
    drawn = Draws.of(Augment().draw(3, seeded()))
    for part in (drawn.rare_B, drawn.turn_B, drawn.upside_down_B):
        assert part.tolist() == [1, 1, 1]


def test_saturation_leaves_greys_alone_and_spreads_colours() -> None:
    mixing, shift = tint(torch.tensor([[0.5, 0.5, 1.0]], dtype=torch.float64), 0.5, NATURAL)
    plain = mixing[0] * (255 * torch.tensor(STD, dtype=torch.float64)[:, None])
    torch.testing.assert_close(plain.sum(1), torch.ones(3, dtype=torch.float64))
    assert (plain.diagonal() > 1).all()
    assert shift.abs().max() == 0


def test_bands_that_are_no_colours_have_no_saturation() -> None:
    known = Intensities((0.5,) * 5, (0.25,) * 5, 65535)
    mixing, _ = tint(torch.tensor([[0.5, 0.5, 1.0]], dtype=torch.float64), 0.5, known)
    expected = torch.eye(5, dtype=torch.float64) / (65535 * 0.25)
    torch.testing.assert_close(mixing[0], expected)


@pytest.mark.parametrize(
    "bad",
    [
        {"scale": (0, 1)},
        {"scale": (2, 1)},
        {"flip": 2},
        {"colour": 1},
        {"rare": -0.1},
        {"turn": 2},
        {"upside_down": 1.5},
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Augment(**bad)  # type: ignore[arg-type]
