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


_DRAWN = ("root", "classes", "values", "split", "overlap", "uncovered", "exif")

CATALOGUE = {
    "scenes": Entry("procedural street scenes, embedded: nothing to download", 11),
    "folder": Entry(
        "your own images and label maps",
        None,
        ("root", "classes", "ignore", "values", "split", "images", "labels", "exif"),
        (
            "classes.txt",
            "{train,val,test}/images/NAME.jpg",
            "{train,val,test}/labels/NAME.png, or masks/NAME_mask.tif and such",
            "or, with split: images/NAME.jpg, labels/NAME.png, also in a folder a scene",
            "or, with images and labels: wherever these patterns say",
        ),
    ),
    "coco": Entry(
        "instances as COCO, Roboflow, Label Studio and others export them",
        None,
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
        _DRAWN,
        ("NAME.json, NAME.jpg", "labels.txt, optional: the labels in order"),
    ),
    "cvat": Entry(
        "CVAT's exports 'CVAT for images 1.1' and 'Segmentation mask 1.1'",
        None,
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
