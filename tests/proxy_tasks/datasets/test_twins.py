"""Which images stand in two parts of a data set."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from proxy_tasks.datasets.traits import Twin
from proxy_tasks.datasets.twins import Sketched, sketch, twins
from tests.support.pictures import noise


def photograph(seed: int, depth: type = np.uint8) -> np.ndarray:
    """Smooth noise of all scales, with the contrast of a photograph: (192, 256, 3)."""
    coarse = [Image.fromarray(noise(seed, n, shape=(n, n))) for n in (3, 6, 12, 24, 192)]
    layers = [np.asarray(each.resize((256, 192), Image.Resampling.BICUBIC)) for each in coarse]
    mixed = np.average(layers, 0, [1, 1, 0.5, 0.3, 0.1])
    return (mixed * (257 if depth == np.uint16 else 1)).astype(depth)


def saved(image: np.ndarray, quality: int) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def found(train=(), val=(), test=(), folds=()):
    parts = {"train": train, "val": val, "test": test}
    return twins(
        [
            Sketched(
                part,
                f"{part}{place}",
                sketch(image),
                folds[place] if folds and part == "train" else None,
            )
            for part, images in parts.items()
            for place, image in enumerate(images)
        ]
    )


IMAGES = [photograph(seed) for seed in range(12)]


def test_other_images_are_no_twins():
    assert found(IMAGES[:6], IMAGES[6:9], IMAGES[9:]) == ()
    assert found() == found(IMAGES[:1]) == ()


def test_the_same_image_is_found_in_val_and_test():
    pairs = found(IMAGES[:4], [IMAGES[5], IMAGES[2]], [IMAGES[5], IMAGES[6], IMAGES[0]])
    assert pairs == (
        Twin("val", "val1", "train", "train2", True),
        Twin("test", "test0", "val", "val0", True),
        Twin("test", "test2", "train", "train0", True),
    )


def test_parts_of_their_own_may_hold_an_image_twice():
    assert found([IMAGES[0], IMAGES[0]], [IMAGES[1], IMAGES[1]]) == ()


def test_twins_in_different_folds_are_found():
    twice = [IMAGES[0], IMAGES[1], IMAGES[0]]
    assert found(twice, folds=[0, 1, 0]) == ()
    assert found(twice, folds=[0, 0, 1]) == (Twin("train", "train2", "train", "train0", True),)
    tested = found([IMAGES[0], IMAGES[1]], test=[IMAGES[1]], folds=[0, 1])
    assert tested == (Twin("test", "test0", "train", "train1", True),)


@pytest.mark.parametrize("number", range(6))
def test_an_image_saved_again_or_made_smaller_is_a_near_twin(number):
    image = IMAGES[number]
    small = np.asarray(Image.fromarray(image).resize((128, 96), Image.Resampling.BILINEAR))
    deep = image.astype(np.uint16) * 257
    for other in (saved(image, 70), saved(small, 90), deep):
        assert found(IMAGES, [other]) == (Twin("val", "val0", "train", f"train{number}", False),)


@pytest.mark.parametrize("change", ["mirror", "shift", "patch"])
def test_an_image_of_much_the_same_is_none(change):
    image = IMAGES[0].copy()
    if change == "mirror":
        image = image[:, ::-1]
    elif change == "shift":
        image = np.roll(image, 24, 1)
    else:
        image[40:120, 60:160] = 255 - image[40:120, 60:160]
    assert found(IMAGES, [np.ascontiguousarray(image)]) == ()


def test_empty_images_are_alike_only_where_they_are_equal():
    dark, light = (np.full((20, 30, 3), value, np.uint8) for value in (0, 9))
    assert found([dark], [light]) == ()
    assert [twin.exact for twin in found([dark], [dark.copy()])] == [True]
    assert found([dark], [dark.reshape(30, 20, 3)]) == ()


@pytest.mark.parametrize("shape", [(64, 72), (320, 36)])
def test_a_thumbnail_has_the_mean_of_each_cell(shape):
    image = noise(*shape, shape=shape, channels=5)
    cells = image.reshape(32, shape[0] // 32, 36, shape[1] // 36, 5).mean((1, 3, 4))
    expected = (cells - cells.mean()) / cells.std()
    assert np.allclose(sketch(image).thumbnail, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (33, 37)])
def test_an_image_of_any_size_has_a_sketch(shape):
    made = sketch(noise(*shape, shape=shape))
    assert (made.thumbnail.shape, made.bits.shape) == ((32, 36), (64,))
    assert np.isfinite(made.thumbnail).all()


def test_the_hash_is_of_what_grows_to_the_right():
    ramp = np.tile(np.arange(0, 216, 3, dtype=np.uint8), (64, 1))[..., None].repeat(3, 2)
    assert sketch(ramp).bits.all()
    assert not sketch(np.ascontiguousarray(ramp[:, ::-1])).bits.any()
    halves = np.concatenate([ramp, ramp[:, ::-1]])
    assert sketch(halves).bits.reshape(8, 8).all(1).tolist() == [True] * 4 + [False] * 4


def test_a_blurred_image_is_still_near():
    blurred = np.asarray(Image.fromarray(IMAGES[3]).filter(ImageFilter.GaussianBlur(1)))
    assert [twin.other for twin in found(IMAGES, [blurred])] == ["train3"]
