"""Predictions in the files that a benchmark's own evaluation reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from nas.prediction.overlay import label_map
from proxy_tasks.datasets import cityscapes
from proxy_tasks.datasets.base import Colour, Pixels, Split


def submission(
    dataset: str, split: Split, image_name: str, labels_HW: Pixels, palette: Sequence[Colour]
) -> tuple[PurePosixPath, Image.Image]:
    """The file of one image, below the folder that is handed in, and its content.

    - cityscapes: label ids, not train ids, in CITY_NUMBER_NUMBER_pred.png (what
      cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py looks for);
    - voc: palette images in results/VOC2012/Segmentation/comp5_SPLIT_cls/ID.png (the development
      kit's; comp5 is the competition of those who train on VOC's own images alone);
    - every other: class indices, NAME.png.
    """
    if dataset == "cityscapes":
        name = f"{image_name.removesuffix('_leftImg8bit')}_pred.png"
        ids = np.array(cityscapes.LABEL_IDS, np.uint8)
        return PurePosixPath(name), Image.fromarray(ids[labels_HW])
    if dataset == "voc":
        folder = PurePosixPath("results/VOC2012/Segmentation") / f"comp5_{split}_cls"
        return folder / f"{image_name}.png", label_map(labels_HW, palette)
    return PurePosixPath(f"{image_name}.png"), Image.fromarray(labels_HW)
