"""Maps of a frozen encoder that are kept: scores are the same to the last bit, and come sooner."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from proxy_tasks.datasets.packing import pack
from proxy_tasks.networks import build_segmenter, frozen_features
from proxy_tasks.networks.folding import folded
from proxy_tasks.networks.frozen_features import FrozenFeatures, features_of
from proxy_tasks.networks.level_encoder import StagedEncoder
from proxy_tasks.proxy import TrainingTask
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.start import USUAL
from proxy_tasks.task import Fidelity, Job, Measurement
from search_space.architecture import Architecture, Block, features
from search_space.backbone import Backbone
from search_space.scales import Scale
from tests.support.arrays import Arrays

NAME = "efficientnet-lite0"
SCALE = Scale(0.125, endpoint_filters=8, aspp_filters=8, head="deeplabv3+")
FIDELITY = Fidelity(2, (64, 96), SCALE, folds=2)
RECIPE = Recipe(batch_size=4, averaging=0.5, rare=0.5, encoder_rate=0)
ALONE = Architecture(features(NAME), (), (3, 4, 5))
SHALLOW = Architecture(features(NAME), (), (3,))
BLOCKS = Architecture(features(NAME), (Block(4, "bottleneck", (2, 3), 2, output=True),), (3, 4))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng, found = np.random.default_rng(0), []
    for number in range(8):
        labels = np.zeros((70, 100), np.uint8)
        labels[:, 30 + 4 * number :] = 1
        noise = rng.integers(0, 40, (*labels.shape, 3))
        found.append(((120 * labels[..., None] + noise).astype(np.uint8), labels))
    dataset = Arrays(found, found, ("dark", "bright"), (0, 1) * 4)
    return pack(dataset, Sight(factor=1), tmp_path / "cache")


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often an encoder was run on a batch; latency is measured on one image, by the network
    itself."""
    plain, calls = StagedEncoder.forward, [0]

    def forward(self: StagedEncoder, x: torch.Tensor) -> Any:
        calls[0] += len(x) > 1
        return plain(self, x)

    with monkeypatch.context() as patched:
        patched.setattr(StagedEncoder, "forward", forward)
        yield calls


def score(data: Path, backbone: Backbone, kept: bool, recipe: Recipe = RECIPE) -> Measurement:
    job = Job(0, "trial-0000", backbone, FIDELITY)
    task = TrainingTask(data, recipe, seed=0, device="cpu", features=kept)
    found = list(task.score(job))[-1]
    return replace(found, seconds=0.0, latency=None, peak_memory=None)


@pytest.mark.parametrize("backbone", [ALONE, SHALLOW, BLOCKS], ids=["alone", "shallow", "blocks"])
def test_scores_are_the_same_and_the_encoder_rests(
    backbone: Backbone, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = score(data, backbone, kept=False)
    assert not features_of(data).exists()
    first = score(data, ALONE, kept=True)
    with counted(monkeypatch) as calls:
        again = score(data, backbone, kept=True)
    assert calls == [0]
    assert again == plain
    assert first.miou is not None


def test_a_network_that_reads_deeper_adds_what_is_missing(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(data, SHALLOW, kept=True)
    with counted(monkeypatch) as calls:
        assert score(data, ALONE, kept=True) == score(data, ALONE, kept=False)
        first = calls[0] // 2
        score(data, ALONE, kept=True)
    assert calls[0] == 2 * first > 0


def test_an_encoder_that_learns_is_not_kept(data: Path) -> None:
    score(data, ALONE, kept=True, recipe=replace(RECIPE, encoder_rate=0.1))
    score(data, ALONE, kept=True, recipe=replace(RECIPE, pretrained=False))
    assert not features_of(data).exists()


def test_what_is_damaged_or_gone_is_computed_again(data: Path) -> None:
    plain = score(data, ALONE, kept=True)
    files = sorted(features_of(data).iterdir())
    half, flipped, empty, gone = files[:4]
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    changed = bytearray(flipped.read_bytes())
    changed[-3] ^= 1
    flipped.write_bytes(changed)
    empty.write_bytes(b"")
    gone.unlink()
    assert score(data, ALONE, kept=True) == plain
    assert sorted(features_of(data).iterdir()) == files
    shutil.rmtree(features_of(data))
    assert score(data, ALONE, kept=True) == plain


def test_no_more_is_kept_than_there_is_room_for(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = score(data, ALONE, kept=False)
    monkeypatch.setattr(FrozenFeatures, "_has_room", lambda self, nbytes: False)
    assert score(data, ALONE, kept=True) == plain
    assert not any(features_of(data).iterdir())


def test_room_is_what_the_folder_and_the_disk_leave(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(bytes(600))
    small = FrozenFeatures(tmp_path, largest=1000)
    assert small._has_room(400)
    assert not small._has_room(401)
    assert not FrozenFeatures(tmp_path, largest=1 << 60)._has_room(1 << 59)


def test_a_name_says_all_that_maps_depend_on() -> None:
    x, names = torch.rand(2, 3, 64, 64), []

    def name(encoder: StagedEncoder, x: torch.Tensor) -> None:
        names.append(frozen_features._name(frozen_features._weights(encoder), x))

    encoders = []
    for weights in (True, False):
        network = build_segmenter(ALONE, SCALE, 2, (64, 64))
        USUAL.begin(network, ALONE, replace(RECIPE, pretrained=weights))
        encoders.append(network.backbone.encoder)
    name(encoders[0], x)
    name(encoders[0], x + 1e-6)
    name(encoders[0], x.reshape(2, 3, 32, 128))
    name(encoders[1], x)
    name(folded(encoders[0]), x)
    with torch.autocast("cpu", torch.bfloat16):
        name(encoders[0], x)
    assert len(set(names)) == len(names)


def test_maps_of_levels_with_other_weights_are_not_read(tmp_path: Path) -> None:
    network, other = (build_segmenter(ALONE, SCALE, 2, (64, 64)) for _ in range(2))
    for each in (network, other):
        USUAL.begin(each, ALONE, RECIPE)
    last = next(reversed(other.backbone.encoder.levels.values()))
    next(last.parameters()).data += 1  # of the deepest level alone
    x = torch.rand(2, 3, 64, 64)
    with FrozenFeatures(tmp_path).kept():
        for each in (network, other):
            kept = each.backbone.maps(x)
            plain = each.backbone.encoder(x)
            assert all(torch.equal(kept[level], plain[level]) for level in plain)


def test_a_disk_that_refuses_in_the_middle_of_a_file_costs_time_alone(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = score(data, ALONE, kept=False)

    def refuse(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: Disk quota exceeded")

    monkeypatch.setattr(frozen_features, "save_file", refuse)
    assert score(data, ALONE, kept=True) == plain
    assert not any(features_of(data).iterdir())
