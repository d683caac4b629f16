"""What ``nas pretrain`` makes of its settings: their bounds, its length, and what fits together."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.config.pretraining import PretrainingConfig, parse
from nas.parts import pretraining as parts
from proxy_tasks.datasets.image_folders import ImageFolders
from proxy_tasks.feature_teacher import FeatureTeacher
from search_space import catalog
from search_space.errors import UserError
from tests.support.picture_folders import classes

SPINENET = catalog.load("spinenet-49")
RESNET = catalog.load("deeplabv3-resnet-50-os16")


def test_a_setting_of_a_section_leaves_its_other_values():
    usual = PretrainingConfig(data=Path("x"))
    config = parse({"data": "x"}, ["recipe.flip=0", "scale.filters=0.5"])
    assert config.recipe.flip == 0
    assert config.recipe.batch_size == usual.recipe.batch_size == 32
    assert config.recipe.jitter == usual.recipe.jitter
    assert (config.scale.filters, config.scale.endpoint_filters) == (0.5, 256)


@pytest.mark.parametrize("name", ["S96", "49S"])
def test_any_scale_may_be_named(name):
    assert parse({"data": "x"}, [f"scale={name}"]).scale.filters in (1.0, 0.65)


@pytest.mark.parametrize(
    ("values", "settings", "said"),
    [
        ({"epochs": 2, "hours": 1.0}, [], "epochs and hours: give one of them"),
        ({"levels": [3]}, [], "levels and teacher_weights: are of a teacher"),
        ({"size": [8, 8]}, [], "size must be at least 32, not 8"),
        ({}, ["scale=S1"], "no scale is called 'S1'"),
        ({}, ["learning_rate=1"], "learning_rate"),
        ({}, ["recipe.flip=2"], "flip must be at least 0 and at most 1, not 2"),
        ({}, ["held_out=1"], "held_out"),
    ],
)
def test_a_wrong_setting_gets_one_line(values, settings, said):
    with pytest.raises(UserError, match=said) as told:
        parse({"data": "x", **values}, settings)
    assert "\n" not in str(told.value)


def test_of_hours_as_many_epochs_as_fit_and_fewer_crops_where_not_even_one_does():
    hour = parse({"data": "x", "hours": 1.0})  # nine tenths of it: 3240 seconds
    assert parts.fitting(hour, there=1000, rate=10.0) == (32, None)
    assert parts.fitting(hour, there=100_000, rate=10.0) == (1, 32_400)
    assert parts.fitting(hour, there=100_000, rate=0.001) == (1, 32)  # a batch at least


def test_a_teacher_without_a_common_level_or_of_other_images_is_refused():
    config = parse({"data": "x", "teacher": "efficientnet-lite0"})
    taught = FeatureTeacher.named("efficientnet-lite0", None)
    assert parts.levels(config, SPINENET, taught) == (3, 4, 5)
    grey = parse({"data": "x", "teacher": "efficientnet-lite0"}, ["scale.channels=4"])
    with pytest.raises(UserError, match="takes images of 3 channels, these have 4"):
        parts.levels(grey, SPINENET, taught)
    deep = parse({"data": "x", "teacher": "efficientnet-lite0"}, ["levels=[7]"])
    with pytest.raises(UserError, match="levels: 7 is not a level of both"):
        parts.levels(deep, SPINENET, taught)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "recipe.batch_size: 32 is more than the 3 crops of an epoch"),
        (["processes=3"], "nas pretrain: batch_size divided by accumulate is 32, which 3"),
        (["images=64", "processes=2", "engine=inline"], "processes: several need Ray"),
        (["images=64", "scale.channels=4"], "scale.channels: 4, but the images of x have 3"),
        (["recipe.dice=1"], r"nas pretrain: recipe\.dice"),
    ],
)
def test_what_could_not_be_trained_is_refused_before_images_are_read(tmp_path, settings, said):
    found = ImageFolders.open(classes(tmp_path, 2), None, True, 0.5)
    parts.check(parse({"data": "x"}, ["recipe.batch_size=2"]), SPINENET, found)
    with pytest.raises(UserError, match=said):
        parts.check(parse({"data": "x"}, settings), SPINENET, found)
