"""What a pretraining learns: its loss, its figures, and that several processes learn the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from proxy_tasks.augment import normalise
from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets.image_folders import ImageFolders
from proxy_tasks.datasets.packed import PackedData, open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import build_segmenter
from proxy_tasks.pretraining.features import FeatureMaps, common
from proxy_tasks.pretraining.goal import LOSS, Goal
from proxy_tasks.pretraining.loop import Pretraining, check_recipe
from proxy_tasks.pretraining.task import Labels, PretrainingTask
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.task import Fidelity, Job
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from tests.support.groups import in_threads
from tests.support.picture_folders import imagenet

CPU = torch.device("cpu")
SIZE = (32, 32)
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
SPACE = ScalePermutedSpace(stages=((3, 1), (4, 1)), output_levels=(3, 4), max_level=5)
BACKBONE, OTHER = (SPACE.decode(SPACE.sample(np.random.default_rng(seed))) for seed in (1, 2))
JOB = Job(0, "job", BACKBONE, Fidelity(1, SIZE, SCALE, evaluate_every=1), seed=0)
RECIPE = Recipe(batch_size=6)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> ImageFolders:
    return ImageFolders.open(imagenet(tmp_path_factory.mktemp("data"), 4, 1), None, True, 0.5)


@pytest.fixture(scope="module")
def data(found: ImageFolders, tmp_path_factory: pytest.TempPathFactory) -> PackedData:
    return open_packed(pack(found, Sight(cover=SIZE), tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> FeatureTeacher:
    """A network of ours, whole as a promotion keeps it."""
    torch.manual_seed(7)
    network = build_segmenter(OTHER, SCALE, 2, SIZE)
    file = tmp_path_factory.mktemp("teacher") / "best.safetensors"
    Weights(file, OTHER, SCALE, SIZE, ("a", "b"), OWN).save(network.state_dict())
    return FeatureTeacher.named(str(file.parent), None)


@pytest.fixture(scope="module")
def tasks(
    found: ImageFolders, data: PackedData, teacher: FeatureTeacher
) -> dict[str, PretrainingTask]:
    labels = Labels(found.names, found.train.targets, found.val.targets)
    task = PretrainingTask(data.path, Path(), RECIPE, "cpu")
    return {
        "classes": replace(task, labels=labels),
        "features": replace(task, teacher=teacher, levels=(3, 4)),
    }


def begun(task: PretrainingTask, data: PackedData) -> Goal:
    goal = task.goal(JOB, data, CPU)
    if isinstance(goal, FeatureMaps):
        goal.measure(DeviceSplit(data.train, CPU), ALONE)
    return goal


def test_of_classes_are_told_the_loss_and_how_often_the_first_is_right(tasks, data):
    goal, split = begun(tasks["classes"], data), DeviceSplit(data.val, CPU)
    fixed = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 1.0, 3.0]])

    class Fixed(torch.nn.Module):
        def forward(self, x_BCHW):
            return fixed[: len(x_BCHW)]

    told = goal.held_out(Fixed(), split, 3, ALONE)  # images of classes 0, 1, 2
    assert told[LOSS] == pytest.approx(F.cross_entropy(fixed, torch.arange(3)).item())
    assert told["top1"] == pytest.approx(2 / 3)
    assert told["top5"] == 1
    assert told["constant"] == pytest.approx(np.log(3))
    assert told["constant_top1"] == pytest.approx(1 / 3)
    assert set(told) == {LOSS, *goal.figures}


def test_an_untaught_student_of_features_says_what_a_constant_would(tasks, data, teacher):
    """On the images that the moments are of that is an error of one, in every channel that ever
    moves."""
    goal, split = begun(tasks["features"], data), DeviceSplit(data.train, CPU)
    told = goal.held_out(goal.network.eval(), split, 4, ALONE)
    images = torch.stack([split.image(number) for number in range(len(split))])
    maps = teacher.open(CPU)(normalise(images, data.intensities), data.intensities)
    moving = [(maps[level].std((0, 2, 3)) > 1e-6).float().mean().item() for level in (3, 4)]
    assert told["constant"] == pytest.approx(sum(moving) / 2, rel=1e-3)
    assert told[LOSS] == pytest.approx(told["constant"])
    assert set(told) == {LOSS, "constant", "level3", "level4"}


def test_a_teacher_sees_the_image_that_the_student_sees(teacher):
    features, ours = teacher.open(CPU), Intensities((0.3, 0.4, 0.5), (0.2, 0.3, 0.1))
    pixels = torch.rand(1, 3, 32, 32)
    rows = [torch.tensor(each)[:, None, None] for each in (ours.mean, ours.std)]
    theirs = [
        torch.tensor(each)[:, None, None]
        for each in (features.intensities.mean, features.intensities.std)
    ]
    maps = features((pixels - rows[0]) / rows[1], ours)
    wanted = features.network((pixels - theirs[0]) / theirs[1])
    for level, told in maps.items():
        torch.testing.assert_close(told, wanted[level], rtol=1e-4, atol=1e-5)
    assert not any(p.requires_grad for p in features.network.parameters())


@pytest.mark.parametrize("name", ["classes", "features"])
def test_several_processes_learn_what_one_does(name, tasks, data):
    goals = [begun(tasks[name], data) for _ in range(3)]  # before there are threads to draw

    def gradients(group: Group) -> torch.Tensor:
        goal = goals[group.rank + group.size - 1]
        goal.network.double()
        goal.network.backbone.register_forward_pre_hook(lambda _, given: (given[0].double(),))
        train = DeviceSplit(data.train, CPU)
        loop = Pretraining(
            goal, train, RECIPE, 1, 0, SIZE, intensities=data.intensities, group=group
        )
        if name == "features":  # else nothing but the projections would learn in the first step
            for projection in goal.network.projections.values():
                projection.weight.data.fill_(0.01)
        loop.network.train()
        draws = loop.augment.draw(6, torch.Generator().manual_seed(0))
        loop._gradients(torch.arange(6), draws)
        return torch.cat([group.total(flat.grad) for flat in loop._trained])

    alone = gradients(ALONE)
    assert alone.abs().max() > 1e-3
    for shared in in_threads(gradients):
        torch.testing.assert_close(shared, alone, rtol=1e-4, atol=1e-6)


def test_levels_are_those_of_both(teacher):
    own, theirs = {3: 8, 4: 8, 5: 8}, {2: 1, 3: 1, 4: 1}
    assert common(own, theirs, ()) == [3, 4]
    assert common(own, theirs, (4,)) == [4]
    with pytest.raises(UserError, match=r"levels: 5 is not .* both the teacher \(2, 3, 4\)"):
        common(own, theirs, (4, 5))
    with pytest.raises(UserError, match=r"of levels 2, the network of 3, 4, 5: no level in common"):
        common(own, {2: 1}, ())


@pytest.mark.parametrize("name", ["balance", "ohem", "dice", "rare"])
def test_a_recipe_for_labels_of_pixels_is_refused(name):
    check_recipe(Recipe())
    with pytest.raises(UserError, match=rf"recipe\.{name}"):
        check_recipe(replace(Recipe(), **{name: True if name == "balance" else 0.5}))


def test_a_name_that_is_no_teacher_gets_one_line(tmp_path):
    with pytest.raises(UserError, match="neither an encoder"):
        FeatureTeacher.named(str(tmp_path / "none.safetensors"), None)
    with pytest.raises(UserError, match="is no encoder's name"):
        FeatureTeacher.named(str(tmp_path), tmp_path / "resnet50.pth")
