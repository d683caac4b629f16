"""What data sets there are, what each needs, and what may be said of it. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any


@dataclass(frozen=True)
class Entry:
    """``opens`` names what makes the data set, as ``module:callable`` of this package: of ``root``
    and, by name, of the options that it takes; of ``train``, ``val``, ``size`` and ``seed`` where
    it lies in no files. ``takes`` lists the options of `open_dataset` that it has a use for;
    ``layout``, the files under ``root``; ``classes`` is how many, None where the user says."""

    summary: str
    classes: int | None
    opens: str
    takes: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()

    @property
    def make(self) -> Callable[..., Any]:
        """What ``opens`` names. Imports it."""
        return resolve_name(f"{__package__}.{self.opens}")  # type: ignore[no-any-return]


_DRAWN = ("root", "classes", "values", "split", "overlap", "uncovered", "exif")

CATALOGUE = {
    "scenes": Entry("procedural street scenes, embedded: nothing to download", 11, "scenes:Scenes"),
    "folder": Entry(
        "your own images and label maps",
        None,
        "folder:Folder",
        ("root", "classes", "ignore", "values", "split", "images", "labels", "exif"),
        (
            "classes.txt",
            "{train,val,test}/images/NAME.jpg",
            "{train,val,test}/labels/NAME.png, or masks/NAME_mask.tif and such",
            "or, with split: images/NAME.jpg, labels/NAME.png, also in one folder per scene",
            "or, with images and labels: wherever these patterns say",
        ),
    ),
    "coco": Entry(
        "instances as COCO, Roboflow, Label Studio and others export them",
        None,
        "annotations.coco:open_coco",
        _DRAWN,
        (
            "annotations.json, or annotations/instances_{train,val}.json",
            "images beside, or in images/",
            "or {train,valid,test}/_annotations.coco.json with the images beside",
        ),
    ),
    "labelme": Entry(
        "label files of Labelme",
        None,
        "annotations.labelme:open_labelme",
        _DRAWN,
        ("NAME.json, NAME.jpg", "labels.txt, optional: the labels in order"),
    ),
    "cvat": Entry(
        "CVAT's exports 'CVAT for images 1.1' and 'Segmentation mask 1.1'",
        None,
        "annotations.cvat:open_cvat",
        _DRAWN,
        (
            "annotations.xml, images/NAME.jpg",
            "or labelmap.txt, JPEGImages/NAME.jpg, SegmentationClass/NAME.png,",
            "   ImageSets/Segmentation/*.txt",
        ),
    ),
    "yolo": Entry(
        "polygons as Ultralytics YOLO reads them",
        None,
        "annotations.yolo:open_yolo",
        _DRAWN,
        (
            "data.yaml",
            "images/{train,val}/NAME.jpg, labels/{train,val}/NAME.txt",
            "or {train,valid}/images/NAME.jpg, {train,valid}/labels/NAME.txt",
        ),
    ),
    "camvid": Entry(
        "CamVid in the 11 classes of SegNet's split",
        11,
        "camvid:CamVid",
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
        "cityscapes:Cityscapes",
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
        "voc:Voc",
        ("root", "split"),
        (
            "JPEGImages/NAME.jpg",
            "SegmentationClass/NAME.png",
            "ImageSets/Segmentation/{train,val}.txt",
            "with SBD: SegmentationClassAug/NAME.png, ImageSets/Segmentation/train_aug.txt",
        ),
    ),
}
