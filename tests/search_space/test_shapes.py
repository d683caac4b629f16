import pytest

from search_space.shapes import aspp_rates, block_channels, level_size


@pytest.mark.parametrize(
    ("size", "stride", "rates"),
    [
        ((513, 513), 16, (6, 12, 18)),
        ((513, 513), 8, (12, 24, 36)),
        ((513, 2000), 16, (6, 12, 18)),
        ((128, 128), 8, (3, 6, 9)),
        ((96, 128), 8, (2, 4, 6)),
        ((1, 1), 32, (1, 2, 3)),
    ],
)
def test_rates_keep_the_published_proportion_to_the_map(
    size: tuple[int, int], stride: int, rates: tuple[int, int, int]
) -> None:
    assert aspp_rates(size, stride) == rates


def test_a_level_halves_the_image_and_rounds_up() -> None:
    assert [level_size((97, 64), level) for level in (0, 1, 3, 7)] == [
        (97, 64), (49, 32), (13, 8), (1, 1),
    ]  # fmt: skip


def test_a_bottleneck_puts_out_four_times_its_filters() -> None:
    assert block_channels("bottleneck", 83) == 332
    assert block_channels("residual", 83) == 83
