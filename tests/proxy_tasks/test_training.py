"""A training is repeatable, resumable after any epoch, and the same for every network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.distillation import Lessons
from proxy_tasks.networks import DeepLabV3, build
from proxy_tasks.networks import backbone as backbone_module
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.training import Training
from proxy_tasks.validation import Evaluation, Validation
from search_space import catalog
from search_space.architecture import Architecture
from search_space.canonical_form import CanonicalForm
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.taught import soft_labels, teacher_maps

SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
SIZE = (32, 48)
Size = tuple[int, int]
RECIPE = Recipe(batch_size=4, averaging=0.5)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = open_dataset("scenes", train=12, val=5, size=SIZE)
    return pack(dataset, Sight(cover=SIZE), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def train(pack_folder: Path) -> DeviceSplit:
    return DeviceSplit(open_packed(pack_folder).train, torch.device("cpu"))


@pytest.fixture
def val(pack_folder: Path) -> DeviceSplit:
    return DeviceSplit(open_packed(pack_folder).val, torch.device("cpu"))


@pytest.fixture(scope="module")
def lessons(pack_folder: Path) -> Lessons:
    dataset = open_dataset("scenes", train=12, val=5, size=SIZE)
    return Lessons(soft_labels(dataset, pack_folder), weight=0.5, temperature=2.0)


def make(
    train: DeviceSplit,
    seed: int = 0,
    size: Size = SIZE,
    lessons: Lessons | None = None,
    **changes: object,
) -> Training:
    torch.manual_seed(0)
    network = build(catalog.load("spinenet-49"), SCALE, 11, size)
    recipe = replace(RECIPE, **changes)
    return Training(network, train, recipe, epochs=3, seed=seed, size=size, lessons=lessons)


def test_a_training_of_an_earlier_release_goes_on_with_its_own_moments(
    train: DeviceSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Networks had their blocks in the order of the spec then, and the flat moments with them."""

    def form(architecture: Architecture) -> CanonicalForm:
        return CanonicalForm((), tuple(sorted(architecture.alive)))

    with monkeypatch.context() as earlier:
        earlier.setattr(backbone_module, "canonical_form", form)
        old = make(train)
    old.run_epoch()
    new = make(train)
    new.load_state_dict(old.state_dict())
    before, after = moments(old), moments(new)
    assert list(before) != list(after)
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert new.optimizer.state_dict()["state"][0]["step"] == train_steps(old)


def moments(training: Training) -> dict[str, torch.Tensor]:
    """Of each weight, by its name, AdamW's mean of gradients."""
    kept = training.optimizer.state_dict()["state"]
    places = {p.data_ptr(): name for name, p in training.network.named_parameters()}
    found = {}
    for number, flat in enumerate(training._trained):
        for at, name in places.items():
            start = (at - flat.data_ptr()) // flat.element_size()
            if 0 <= start < flat.numel():
                size = training.network.get_parameter(name).numel()
                found[name] = kept[number]["exp_avg"][start : start + size]
    return found


def train_steps(training: Training) -> int:
    return training.epoch * training.steps


def evaluated(network: DeepLabV3, val: DeviceSplit) -> Evaluation:
    validation = Validation(11, val.device)
    validation.add(network, val, 4)
    return validation.result()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "schedule": "poly", "balance": True, "ohem": 0.5},
        {"accumulate": 2, "drop_path": 0.3},
        {"size": (32, 32), "rare": 0.5, "upside_down": 0.5, "turn": 0.5, "dice": 1.0},
        {"taught": "labels"},
        {"taught": "features"},
    ],
    ids=[
        "default",
        "other parts",
        "micro-batches and stochastic depth",
        "crops and dice",
        "taught",
        "taught features",
    ],
)
def test_a_resumed_training_equals_an_unbroken_one_bit_by_bit(
    changes: dict[str, Any],
    train: DeviceSplit,
    val: DeviceSplit,
    lessons: Lessons,
    pack_folder: Path,
    tmp_path: Path,
) -> None:
    if "taught" in changes:
        maps = Lessons(None, maps=teacher_maps(pack_folder))
        changes = {"lessons": lessons if changes["taught"] == "labels" else maps}
    unbroken, begun = make(train, **changes), make(train, **changes)
    for _ in range(3):
        unbroken.run_epoch()
    begun.run_epoch()
    torch.save(begun.state_dict(), tmp_path / "state.pt")
    resumed = make(train, **changes)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.run_epoch()
    resumed.run_epoch()
    assert evaluated(resumed.average.module, val) == evaluated(unbroken.average.module, val)
    for name, value in unbroken.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name


def test_another_seed_is_another_training(train: DeviceSplit) -> None:
    losses = [make(train, seed=seed).run_epoch() for seed in (0, 0, 1)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_a_teacher_changes_what_is_learnt_and_not_what_is_seen(
    train: DeviceSplit, lessons: Lessons
) -> None:
    """Batches, crops and masks are those of a training without one."""
    seen: list[torch.Tensor] = []
    losses = []
    for taught in (None, lessons, replace(lessons, weight=1.0), replace(lessons, temperature=1.0)):
        training = make(train, lessons=taught, rare=0.5, drop_path=0.2)
        training.network.backbone.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].clone())
        )
        losses.append(training.run_epoch())
    assert len(set(losses)) == 4
    rows = [torch.cat(seen[start : start + 3]) for start in range(0, 12, 3)]
    assert all(torch.equal(row, rows[0]) for row in rows)


@pytest.mark.parametrize("changes", [{}, {"rare": 0.5, "upside_down": 0.5, "turn": 0.5}])
def test_every_network_sees_the_same_batches(changes: dict[str, Any], train: DeviceSplit) -> None:
    seen: list[torch.Tensor] = []
    for _ in range(2):
        torch.manual_seed(len(seen))  # networks draw differently when they are initialised
        network = build(catalog.load("spinenet-49"), SCALE, 11, SIZE)
        recipe = replace(RECIPE, **changes)
        training = Training(network, train, recipe, epochs=1, seed=0, size=(32, 32))
        network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
        training.run_epoch()
    half = len(seen) // 2
    assert half == 3
    assert all(torch.equal(a, b) for a, b in zip(seen[:half], seen[half:], strict=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 5e-3},
        {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "cosine"},
        {"learning_rate": 5e-3, "schedule": "poly", "ohem": 0.7},
        {"learning_rate": 5e-3, "dice": 1.0, "rare": 0.3},
    ],
    ids=["adamw", "sgd", "ohem", "dice"],
)
def test_training_learns(changes: dict[str, Any], train: DeviceSplit, val: DeviceSplit) -> None:
    training = make(train, **changes)
    before = evaluated(training.network, val).loss
    for _ in range(3):
        training.run_epoch()
    assert evaluated(training.average.module, val).loss < before


def test_the_average_follows_the_weights_at_its_decay(train: DeviceSplit) -> None:
    training = make(train, averaging=0.05)
    training.run_epoch()
    name, weight = next(iter(training.network.named_parameters()))
    averaged = dict(training.average.module.named_parameters())[name]
    assert not torch.equal(averaged, weight)
    assert (averaged - weight).abs().max() < 0.2 * weight.abs().max()


def test_the_ragged_rest_of_an_epoch_is_left_out(train: DeviceSplit) -> None:
    assert make(train, batch_size=5).steps == 2


def order_of(train: DeviceSplit, **given: Any) -> list[int]:
    """Numbers of the images that an epoch sees, one after the other."""
    network = build(catalog.load("spinenet-49"), SCALE, 11, SIZE)
    training = Training(network, train, RECIPE, epochs=1, seed=0, size=SIZE, **given)
    batches = list(training._batches(torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [4] * training.steps
    numbers: list[int] = torch.cat(batches).tolist()
    return numbers


def test_an_epoch_sees_every_image_once(train: DeviceSplit) -> None:
    assert sorted(order_of(train)) == list(range(12))


def test_only_chosen_images_are_trained_on(train: DeviceSplit) -> None:
    order = order_of(train, chosen=[1, 3, 4, 8, 11])
    assert len(order) == 4
    assert set(order) < {1, 3, 4, 8, 11}


@pytest.mark.parametrize("images", [7, 12, 40])
def test_an_epoch_may_see_other_numbers_of_images(images: int, train: DeviceSplit) -> None:
    """In whole rounds: none comes again before all others have come as often."""
    chosen = [0, 2, 3, 5, 7, 9]
    order = order_of(train, images=images, chosen=chosen)
    assert len(order) == images // 4 * 4
    for first in range(0, len(order), 6):
        part = order[first : first + 6]
        assert len(set(part)) == len(part)
        assert set(part) <= set(chosen)
    rounds = [tuple(order[first : first + 6]) for first in range(0, len(order) - 5, 6)]
    assert len(set(rounds)) == len(rounds)  # each in an order of its own


def test_a_batch_larger_than_the_data_is_refused(train: DeviceSplit) -> None:
    with pytest.raises(UserError, match="batch_size 16 is more than the 12 training images"):
        make(train, batch_size=16)
