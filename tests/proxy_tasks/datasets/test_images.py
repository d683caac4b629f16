"""Image files of any bands and bits, and what a header says of them."""

import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.faults import Fault, Faults
from proxy_tasks.datasets.images import (
    colours_in,
    histogram,
    read_colours,
    read_header,
    read_image,
    read_values,
    turn,
)
from tests.support import trees

BANDS_LAST: dict[str, Any] = {"photometric": "minisblack", "planarconfig": "contig"}
BANDS_FIRST: dict[str, Any] = {"photometric": "minisblack", "planarconfig": "separate"}
MARKED = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
UNMARKED = {"photometric": "rgb", "extrasamples": ["unspecified"]}


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def agrees(path: Path, expected: np.ndarray) -> None:
    """That file and header say what is expected."""
    image, header = read_image(path), read_header(path)
    assert image.dtype == expected.dtype
    assert np.array_equal(image, expected)
    assert header.turned_size == expected.shape[:2]
    assert (header.channels, header.depth) == (expected.shape[2], 8 * expected.dtype.itemsize)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("stored", "options", "seen"),
    [
        ((8, 12, 5), BANDS_LAST, [0, 1, 2, 3, 4]),
        ((8, 12, 5), {"photometric": "minisblack"}, [0, 1, 2, 3, 4]),
        ((8, 12, 3), {"photometric": "rgb", "compression": "lzw"}, [0, 1, 2]),
        ((8, 12, 3), {"photometric": "rgb", "tile": (16, 16), "compression": "zlib"}, [0, 1, 2]),
        ((8, 12, 4), MARKED, [0, 1, 2]),
        ((8, 12, 4), UNMARKED, [0, 1, 2, 3]),
        ((8, 12, 4), BANDS_LAST, [0, 1, 2, 3]),
        ((8, 12, 2), BANDS_LAST, [0, 1]),
        ((8, 12, 2), {**BANDS_LAST, "extrasamples": ["unassalpha"]}, [0, 0, 0]),
        ((8, 12), {}, [0, 0, 0]),
    ],
)
def test_bands_of_a_tiff_are_kept_but_for_alpha(tmp_path, dtype, stored, options, seen):
    pixels = noise(*stored, dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    agrees(tmp_path / "a.tif", np.atleast_3d(pixels)[:, :, seen])


@pytest.mark.parametrize("options", [BANDS_FIRST, {"photometric": "minisblack"}])
def test_bands_that_are_stored_one_by_one_come_last(tmp_path, options):
    pixels = noise(6, 8, 12)
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    agrees(tmp_path / "a.tif", np.moveaxis(pixels, 0, 2))


@pytest.mark.parametrize(
    ("bands", "seen"), [((), [0, 0, 0]), ((2,), [0, 0, 0]), ((3,), [0, 1, 2]), ((4,), [0, 1, 2])]
)
def test_a_png_of_sixteen_bits_is_read_to_its_last_bit(tmp_path, bands, seen):
    pixels = noise(8, 12, *bands, dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    agrees(tmp_path / "a.png", np.atleast_3d(pixels)[:, :, seen])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_what_has_no_bands_of_its_own_is_seen_as_colours(tmp_path, mode):
    Image.new(mode, (12, 8)).save(tmp_path / "a.tif")
    agrees(tmp_path / "a.tif", np.asarray(Image.new(mode, (12, 8)).convert("RGB")))


@pytest.mark.parametrize(
    ("stored", "options", "line"),
    [
        (noise(8, 12).astype(np.float32), {}, "has float32 values: save it with 8 or 16 bits"),
        (noise(8, 12).astype(np.int16), {}, "has int16 values"),
        (noise(7, 8, 12), {"imagej": True, "metadata": {"axes": "ZYX"}}, "holds several pictures"),
    ],
)
def test_a_tiff_that_is_no_image_is_refused_with_what_it_is(tmp_path, stored, options, line):
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    for read in (read_image, read_header):
        with pytest.raises(Fault, match=line):
            read(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_exif_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = noise(8, 12, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    agrees(tmp_path / "a.png", shown)
    assert np.array_equal(turn(pixels, orientation), shown)
    bands = noise(8, 12, 6)
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "a.tif", bands, **BANDS_LAST, extratags=[tag])
    agrees(tmp_path / "a.tif", turn(bands, orientation))
    assert read_header(tmp_path / "a.tif").size == (8, 12)


def test_a_large_image_is_read_without_a_warning(tmp_path):
    Image.new("1", (20_000, 10_000)).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_header(tmp_path / "a.png").size == (10_000, 20_000)
        assert read_values(tmp_path / "a.png").shape == (10_000, 20_000)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_label_maps_keep_their_values(tmp_path, dtype):
    values = (noise(8, 12) % 7).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, compression="lzw")
    assert np.array_equal(read_values(tmp_path / "a.tif"), values)
    assert colours_in(tmp_path / "a.tif") is None


def test_colours_of_more_than_8_bits_are_no_label_colours(tmp_path):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(noise(8, 12, 3, dtype=np.uint16)))
    with pytest.raises(Fault, match="has no colours of 8 bits"):
        read_colours(tmp_path / "a.png")


def test_colours_are_counted_also_where_there_are_many(tmp_path):
    many = np.arange(90 * 90, dtype=np.uint32).reshape(90, 90)
    rgb = np.stack([many >> 16, many >> 8 & 255, many & 255], axis=2).astype(np.uint8)
    for pixels in (rgb[:2, :2], rgb):
        Image.fromarray(pixels).save(tmp_path / "a.png")
        found = colours_in(tmp_path / "a.png")
        assert found is not None
        assert not found[1]
        assert found[0] == dict.fromkeys(many[: len(pixels), : len(pixels)].ravel().tolist(), 1)


def test_values_are_counted_over_all_rows():
    values = noise(3000, 3000)
    assert np.array_equal(histogram(values), np.bincount(values.ravel(), minlength=256))


@pytest.mark.parametrize("odd", [noise(8, 12, 5), noise(8, 12, dtype=np.uint16)])
@pytest.mark.parametrize("name", ["0", "x.v2"])
def test_images_of_one_set_have_the_kind_of_most(tmp_path, odd, name):
    root = trees.folder(tmp_path)
    (root / f"train/images/{name}.png").unlink()
    tifffile.imwrite(root / f"train/images/{name}.tif", odd, photometric="minisblack")
    data: Any = open_dataset("folder", root=root, strict=False)
    assert (data.channels, data.depth) == (3, 8)
    (line,) = [str(fault) for fault in data.first_look()]
    assert f"{name}.tif has" in line
    assert "but most images have 3 channels of 8 bits" in line
    with pytest.raises(Faults, match="but most images have"):
        data.load("train", data.count("train") - 1 if name != "0" else 0)
