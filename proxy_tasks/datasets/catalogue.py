"""What data sets there are, what each needs, and what may be said of it. Loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """``takes`` lists the options of `open_dataset` that it has a use for; ``layout``, the files
    under ``root``; ``classes`` is how many, None where the user says."""

    summary: str
    classes: int | None
    takes: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()


CATALOGUE = {
    "scenes": Entry("procedural street scenes, embedded: nothing to download", 11),
    "folder": Entry(
        "your own images and label maps",
        None,
        ("root", "classes", "ignore", "values", "split"),
        (
            "classes.txt",
            "{train,val}/images/NAME.jpg",
            "{train,val}/labels/NAME.png",
            "or, with split: images/NAME.jpg, labels/NAME.png",
        ),
    ),
    "camvid": Entry(
        "CamVid in the 11 classes of SegNet's split",
        11,
        ("root", "ignore"),
        (
            "{train,val}/NAME.png",
            "{trainannot,valannot}/NAME.png",
            "or {train,val}/images/NAME.png, {train,val}/labels/NAME.png",
        ),
    ),
    "cityscapes": Entry(
        "Cityscapes, fine annotations",
        19,
        ("root",),
        (
            "leftImg8bit/{train,val}/CITY/NAME_leftImg8bit.png",
            "gtFine/{train,val}/CITY/NAME_gtFine_labelIds.png",
            "or NAME_gtFine_labelTrainIds.png",
        ),
    ),
    "voc": Entry(
        "PASCAL VOC 2012, with SBD's annotations where split.train is train_aug",
        21,
        ("root", "split"),
        (
            "JPEGImages/NAME.jpg",
            "SegmentationClass/NAME.png",
            "ImageSets/Segmentation/{train,val}.txt",
            "with SBD: SegmentationClassAug/NAME.png, ImageSets/Segmentation/train_aug.txt",
        ),
    ),
}
