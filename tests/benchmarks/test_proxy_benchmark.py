"""The throughput benchmark compares like with like, and its reference trains."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import practitioner, proxy
from benchmarks.practitioner import Images, Setting
from benchmarks.proxy import Rate, Share
from proxy_tasks.augment import MEAN, STD
from proxy_tasks.datasets import IGNORE, open_dataset
from proxy_tasks.datasets.base import Pixels, Split
from proxy_tasks.networks import DeepLabV3
from proxy_tasks.recipe import Recipe
from proxy_tasks.resizing import resized
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity
from search_space import catalog
from search_space.scales import Scale
from tests.support.arrays import split_of

SIZE = (32, 48)
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
TINY = [
    *("--architectures", "1", "--turns", "1", "--steps", "2"),
    *("--set", "data.scenes=[8, 2]", "--set", "proxy.size=[32, 48]"),
    *("--set", "proxy.scale.filters=0.125", "--set", "proxy.recipe.batch_size=4"),
]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Halves:
    """Two classes that a brightness tells apart, and nothing void."""

    name, classes, palette = "halves", ("dark", "bright"), ((0, 0, 0), (255, 255, 255))

    def count(self, split: Split) -> int:
        return 8 if split == "train" else 4

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        labels = np.zeros((2 * SIZE[0], 2 * SIZE[1]), np.uint8)
        labels[:, 30 + 3 * index :] = 1
        return np.repeat(40 + 170 * labels[:, :, None], 3, 2).astype(np.uint8), labels

    def fingerprint(self, split: Split) -> str:
        return split


@pytest.fixture
def setting() -> Setting:
    recipe = Recipe(batch_size=4, learning_rate=1e-2, averaging=0.5)
    fidelity = Fidelity(6, SIZE, SCALE)
    return Setting(Halves(), Sight(cover=SIZE), fidelity, recipe, seed=0, threads=1, workers=0)


def test_the_reference_learns(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practitioner, "build_segmenter", lambda *_: nn.Conv2d(3, 2, 1))
    scores = []
    for epochs in (1, 30):
        longer = replace(setting, fidelity=replace(setting.fidelity, epochs=epochs))
        scores.append(practitioner.train(catalog.load("spinenet-49"), longer))
    assert scores[0] < 0.8 < 0.95 < scores[1] <= 1


def test_the_reference_trains_the_networks_of_a_search(setting: Setting) -> None:
    once = replace(setting, fidelity=replace(setting.fidelity, epochs=1))
    assert 0 <= practitioner.train(catalog.load("spinenet-49"), once) <= 1


def test_validation_images_are_those_of_the_data_set(setting: Setting) -> None:
    images = Images(setting, "val")
    assert len(images) == 4
    x_3HW, labels_HW = images[2]
    image, values = setting.data.load("val", 2)
    assert torch.equal(labels_HW, torch.from_numpy(values).long())  # at their own size
    std = torch.tensor(STD)[:, None, None]
    mean = torch.tensor(MEAN)[:, None, None]
    found = ((x_3HW * std + mean) * 255).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found, resized(image, SIZE), atol=1e-3)


def test_training_images_differ_each_time_and_are_void_outside(setting: Setting) -> None:
    random.seed(0)
    far = replace(setting.recipe, jitter=(0.5, 0.5), colour=0.0)
    images = Images(replace(setting, recipe=far), "train")
    (first, labels), (second, _) = images[0], images[0]
    assert first.shape == second.shape == (3, *SIZE)
    assert not torch.equal(first, second)
    # At half the size three quarters are padding: void, in the mean colour.
    void = labels == IGNORE
    assert void.float().mean() == 0.75
    assert first[:, void].abs().max() < 0.01
    assert first[:, ~void].abs().median() > 1


def test_images_labels_and_flips_stay_together(setting: Setting) -> None:
    random.seed(0)
    plain = replace(setting.recipe, colour=0.0)
    images = Images(replace(setting, recipe=plain), "train")
    for index in range(8):
        x_3HW, labels = images[index]
        agrees = (x_3HW[0] > 0).long() == labels
        assert agrees[labels != IGNORE].float().mean() > 0.97


def test_a_share_of_the_images_is_trained_on(setting: Setting) -> None:
    half = replace(setting, fidelity=replace(setting.fidelity, share=0.5))
    assert (len(Images(half, "train")), len(Images(half, "val"))) == (4, 4)


def test_the_shares_are_printed_for_each_architecture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    proxy.main([*TINY, "--set", f"data.cache={tmp_path}"])
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ")][1:]
    assert len(rows) == 1
    _, bare, product, share, _ = rows[0]
    assert float(share.split()[0]) == pytest.approx(100 * float(product) / float(bare), rel=0.02)
    assert f"median share {share}" in lines


def test_bare_layers_and_product_run_the_same_number_of_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batches: list[tuple[str, int]] = []
    network = DeepLabV3
    forward = network.forward_low

    def counted(self: object, x_B3HW: torch.Tensor) -> torch.Tensor:
        batches.append((type(self).__name__, len(x_B3HW)))
        return forward(self, x_B3HW)  # type: ignore[arg-type]

    monkeypatch.setattr(network, "forward_low", counted)
    monkeypatch.setattr(proxy, "_clock", lambda _: lambda: float(len(batches)))
    config = proxy.configs.load("camvid", [*TINY[7::2], "data.name=scenes"])
    scenes = open_dataset("scenes", train=12, val=1, size=SIZE)
    train = split_of(*zip(*(scenes.load("train", index) for index in range(12)), strict=True))
    found = proxy.measure_share(catalog.load("spinenet-49"), config, train, 11, turns=1, steps=3)
    assert len(batches) == 2 * 2 * 3
    assert {size for _, size in batches} == {4}
    # The clock ticks with each batch: 12 images in 3 ticks.
    assert found == Share((4.0,), (4.0,))


def test_the_comparison_is_of_rates_and_of_pairs_of_scores() -> None:
    ours = Rate("ours", seconds=10.0, wall=20.0, mious=(0.30, 0.40))
    usual = Rate("usual", seconds=40.0, wall=50.0, mious=(0.31, 0.39))
    assert ours.per_hour == 720
    assert ours.row() == "| ours | 2 | 10.0 | 720.0 | 20.0 | 35.00 ± 7.07 % |"
    said = proxy.comparison(ours, usual)
    assert said.startswith("4.00 times the candidates per hour (2.50 times by whole commands)")
    assert "mIoU +0.00 ± 1.00 points" in said
