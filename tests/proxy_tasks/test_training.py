"""A training is repeatable, resumable after any epoch, and the same for every network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from proxy_tasks import training as training_module
from proxy_tasks.augment import normalise
from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import open_packed, pack
from proxy_tasks.metrics import confusion, mean_iou
from proxy_tasks.networks import build
from proxy_tasks.training import DeviceSplit, Evaluation, Recipe, Training, evaluate
from search_space import catalog
from search_space.errors import UserError
from search_space.scales import Scale

SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
SIZE = (32, 48)
RECIPE = Recipe(batch_size=4, averaging=0.5)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = open_dataset("scenes", train=12, val=5, size=SIZE)
    return pack(dataset, SIZE, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def train(pack_folder: Path) -> DeviceSplit:
    return DeviceSplit(open_packed(pack_folder).train, torch.device("cpu"))


@pytest.fixture
def val(pack_folder: Path) -> DeviceSplit:
    return DeviceSplit(open_packed(pack_folder).val, torch.device("cpu"))


def make(train: DeviceSplit, seed: int = 0, **changes: object) -> Training:
    torch.manual_seed(0)
    network = build(catalog.load("spinenet-49"), SCALE, 11, SIZE)
    return Training(network, train, replace(RECIPE, **changes), epochs=3, seed=seed)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "schedule": "poly", "balance": True, "ohem": 0.5},
        {"accumulate": 2, "drop_path": 0.3},
    ],
    ids=["default", "other parts", "micro-batches and stochastic depth"],
)
def test_a_resumed_training_equals_an_unbroken_one_bit_by_bit(
    changes: dict[str, object], train: DeviceSplit, val: DeviceSplit, tmp_path: Path
) -> None:
    unbroken, begun = make(train, **changes), make(train, **changes)
    for _ in range(3):
        unbroken.run_epoch()
    begun.run_epoch()
    torch.save(begun.state_dict(), tmp_path / "state.pt")
    resumed = make(train, **changes)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    resumed.run_epoch()
    resumed.run_epoch()
    assert resumed.evaluate(val, 11) == unbroken.evaluate(val, 11)
    for name, value in unbroken.average.state_dict().items():
        assert torch.equal(value, resumed.average.state_dict()[name]), name


@pytest.mark.parametrize(("width", "bf16"), [(64, False), (65, True)])
def test_a_cpu_with_bf16_uses_it_where_its_gradients_are_right(
    width: int, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeatedly trained small images, as above, show it on such a CPU only."""
    monkeypatch.setattr(training_module, "has_bf16", lambda device: True)
    with training_module.autocast(torch.device("cpu"), width):
        assert torch.is_autocast_enabled("cpu") == bf16


def test_another_seed_is_another_training(train: DeviceSplit) -> None:
    losses = [make(train, seed=seed).run_epoch() for seed in (0, 0, 1)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_every_network_sees_the_same_batches(train: DeviceSplit) -> None:
    seen: list[torch.Tensor] = []
    for _ in range(2):
        torch.manual_seed(len(seen))  # networks draw differently when they are initialised
        network = build(catalog.load("spinenet-49"), SCALE, 11, SIZE)
        training = Training(network, train, RECIPE, epochs=1, seed=0)
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
    ],
    ids=["adamw", "sgd", "ohem"],
)
def test_training_learns(changes: dict[str, object], train: DeviceSplit, val: DeviceSplit) -> None:
    training = make(train, **changes)
    before = evaluate(training.network, val, 11, 4).loss
    for _ in range(3):
        training.run_epoch()
    assert training.evaluate(val, 11).loss < before


def test_the_average_follows_the_weights_at_its_decay(train: DeviceSplit) -> None:
    training = make(train, averaging=0.05)
    training.run_epoch()
    name, weight = next(iter(training.network.named_parameters()))
    averaged = dict(training.average.module.named_parameters())[name]
    assert not torch.equal(averaged, weight)
    assert (averaged - weight).abs().max() < 0.2 * weight.abs().max()


def test_the_ragged_rest_of_an_epoch_is_left_out(train: DeviceSplit) -> None:
    assert make(train, batch_size=5).steps == 2


def test_a_share_trains_on_part_of_the_images(train: DeviceSplit) -> None:
    network = build(catalog.load("spinenet-49"), SCALE, 11, SIZE)
    training = Training(network, train, RECIPE, epochs=1, seed=0, share=0.4)
    assert (training.images, training.steps) == (5, 1)


def test_a_batch_larger_than_the_data_is_refused(train: DeviceSplit) -> None:
    with pytest.raises(UserError, match="batch_size 16 is more than the 12 training images"):
        make(train, batch_size=16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 1}, "batch_size must be at least 2 but got 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive but got 0.0"),
        ({"averaging": 1.0}, r"averaging must be in \[0, 1\) but got 1.0"),
    ],
)
def test_a_recipe_that_cannot_train_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Recipe(**changes)


def test_an_evaluation_is_that_of_the_whole_images_and_leaves_the_network_as_it_was(
    train: DeviceSplit, val: DeviceSplit
) -> None:
    training = make(train)
    training.run_epoch()
    network = training.network
    found = evaluate(network, val, 11, 2)
    assert network.training
    network.eval()
    labels = val.labels.long()
    with torch.no_grad():
        logits = network(normalise(val.images))
    expected = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORE)
    assert found.loss == pytest.approx(expected.item(), rel=1e-5)
    counts = confusion(logits.argmax(1), labels, 11)
    assert found.miou == pytest.approx(mean_iou(counts), abs=1e-3)


class Constant(torch.nn.Module):
    """Logits that prefer one class everywhere."""

    def __init__(self, choice: int) -> None:
        super().__init__()
        self.choice = choice

    def forward_low(self, x_B3HW: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(len(x_B3HW), 3, 1, 1)
        logits[:, self.choice] = 100.0
        return logits


class Pixels:
    """Three images of four pixels: void, 0, 1, 1."""

    def __init__(self) -> None:
        self.images = torch.zeros((3, 2, 2, 3), dtype=torch.uint8)
        rows = np.array([[255, 0], [1, 1]], dtype=np.uint8)
        self.labels = torch.from_numpy(np.stack([rows] * 3))


def test_evaluation_leaves_void_out_and_averages_over_pixels() -> None:
    found = evaluate(Constant(1), Pixels(), 3, batch_size=2)  # type: ignore[arg-type]
    assert isinstance(found, Evaluation)
    assert found.class_iou == (0.0, pytest.approx(2 / 3), None)
    assert found.miou == pytest.approx(1 / 3)
    assert found.loss == pytest.approx(100 / 3, rel=1e-3)
