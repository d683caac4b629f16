"""Predictions under the names and with the values that a benchmark's own kit expects."""

from __future__ import annotations

import numpy as np

from nas.prediction.submission import submission
from proxy_tasks.datasets import cityscapes, voc

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_cityscapes_gets_label_ids() -> None:
    name = "lindau_000000_000019_leftImg8bit"
    path, image = submission("cityscapes", "val", name, LABELS, cityscapes.PALETTE)
    assert str(path) == "lindau_000000_000019_pred.png"
    assert image.mode == "L"
    assert np.asarray(image).ravel().tolist() == list(cityscapes.LABEL_IDS[:12])


def test_voc_gets_palette_images_where_its_kit_looks_for_them() -> None:
    path, image = submission("voc", "val", "2007_000033", LABELS, voc.PALETTE)
    assert str(path) == "results/VOC2012/Segmentation/comp5_val_cls/2007_000033.png"
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image), LABELS)
    assert image.convert("RGB").getpixel((1, 0)) == (128, 0, 0)  # aeroplane


def test_others_get_class_indices() -> None:
    path, image = submission("camvid", "val", "0016E5_07959", LABELS, voc.PALETTE)
    assert (str(path), image.mode) == ("0016E5_07959.png", "L")
    assert np.array_equal(np.asarray(image), LABELS)
