"""Networks over their seeds, held against one of them."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.head_to_head import Contestant, contestants, rows, write
from nas import config
from nas.runs import evaluations
from nas.runs.directory import RunDirectory
from nas.runs.evaluations import Evaluated, Evaluation
from nas.runs.promotion_records import Promotion, write_json
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.networks import build_segmenter
from proxy_tasks.scores import Scores
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job, Measurement
from proxy_tasks.views import Views
from search_space import catalog
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.files import sha256
from search_space.scales import Scale
from tests.support.shown import Shown

SIZE = (32, 48)
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
FOUND, RIVAL = "spinenet-seg-camvid-28", "deeplabv3-resnet-50-os16"


def promoted(
    run: RunDirectory,
    name: str,
    entry: str,
    miou: float,
    epochs: int = 5,
    scale: Scale = SCALE,
    size: tuple[int, int] = SIZE,
) -> None:
    """As ``nas promote`` leaves one."""
    backbone = catalog.load(entry)
    checkpoint = Checkpoint(run.promotions / name)
    job = Job(0, name, backbone, Fidelity(epochs, size, scale))
    data = Shown(("road", "sky"), Sight(cover=size))
    checkpoint.save_weights(build_segmenter(backbone, scale, 2, size), job, data)
    last = Measurement(epochs, 2_000_000, 3_000_000, 120.0, miou=miou).to_dict()
    known = {"trial": None, "key": canonical_key(backbone), "seed": 0, "proxy_miou": None}
    came_to = {"miou": miou, "epoch": epochs, "last": last, "weights": checkpoint.weights.name}
    settings = {"epochs": epochs, "scale": asdict(scale), "size": list(size)}
    record = {**known, **came_to, "digest": sha256(checkpoint.weights), "settings": settings}
    write_json(run.promotions / name / "promotion.json", record)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = RunDirectory.create(tmp_path / "run", config.load("quickstart"))
    for seed, miou in enumerate((0.50, 0.52)):
        promoted(made, f"found-seed{seed}", FOUND, miou)
    for seed, miou in enumerate((0.40, 0.44)):
        promoted(made, RIVAL if not seed else f"{RIVAL}-seed{seed}", RIVAL, miou)
    return made


def test_a_network_is_held_against_another_over_all_of_its_seeds(
    run: RunDirectory, tmp_path: Path
) -> None:
    best, rival = rows(contestants([run.path]), RIVAL, rounds=3)
    assert (best.network, best.seeds) == ("found-seed0", 2)
    assert best.miou == pytest.approx(51)
    assert best.over == pytest.approx(9)
    assert best.deviation == pytest.approx(2**0.5)
    assert best.error == pytest.approx(((2 + 8) / 2) ** 0.5)  # Welch: variances over counts
    assert best.minutes == 2
    assert 0 < best.ratio == pytest.approx(best.latency / rival.latency)
    assert (rival.network, rival.ratio, rival.over, rival.error) == (RIVAL, 1, None, None)
    assert (best.onnx_latency, best.onnx_ratio) == (None, None)
    assert "+9.00 ± 2.24" in best.shown()
    write(tmp_path / "table.csv", [best, rival])
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [row["network"] for row in csv.DictReader(file)] == ["found-seed0", RIVAL]


def test_the_latency_is_measured_of_the_onnx_export_too(run: RunDirectory) -> None:
    alone = [each for each in contestants([run.path]) if each.name == RIVAL]
    (rival,) = rows(alone, RIVAL, rounds=3, onnx=True)
    assert rival.onnx_latency is not None
    assert 0 < rival.onnx_latency != rival.latency
    assert rival.onnx_ratio == 1


def test_a_single_training_has_no_error(run: RunDirectory) -> None:
    promoted(run, "other", "spinenet-49", 0.1)
    found = rows(contestants([run.path]), RIVAL, rounds=1)[-1]
    assert (found.network, found.deviation, found.error) == ("other", None, None)


def test_one_network_at_two_scales_is_two_contestants(run: RunDirectory) -> None:
    wide = Scale(filters=0.25, endpoint_filters=8, aspp_filters=8)
    promoted(run, "found-wide", FOUND, 0.6, scale=wide)
    best, narrow, _ = rows(contestants([run.path]), RIVAL, rounds=1)
    assert (best.network, best.seeds, narrow.network) == ("found-wide", 1, "found-seed0")


def evaluated(
    run: RunDirectory, name: str, miou: float, sight: Sight, views: Views | None = None
) -> None:
    data = Evaluated("folder", None, "val", 2, "print")
    scores = Scores(miou, 0.5, 0.5, 0.5, None, {})
    date = "2026-11-27T00:00:00+00:00"
    weights = sha256(Checkpoint(run.promotions / name).weights)
    made = Evaluation(date, weights, data, sight, views or Views(), None, scores)
    evaluations.save(run.promotions / name, made)


def test_sizes_may_differ_where_the_labels_own_size_is_compared_at(run: RunDirectory) -> None:
    promoted(run, "found-large", FOUND, 0.1, size=(48, 64))
    with pytest.raises(UserError, match=r"other settings \(size\)"):
        contestants([run.path])
    with pytest.raises(UserError, match=r"was not evaluated as it was trained; run: nas evaluate "):
        contestants([run.path], evaluated=True)
    for folder in run.promotions.iterdir():
        evaluated(run, folder.name, 0.2, Sight(cover=SIZE))
        evaluated(run, folder.name, 0.9, Sight(cover=SIZE), Views(flip=True))  # two views
    evaluated(run, "found-large", 0.9, Sight(stretch=(48, 64)))  # another sight than its own
    evaluated(run, "found-large", 0.7, Sight(cover=(48, 64)))
    found = rows(contestants([run.path], evaluated=True), RIVAL, rounds=1)
    assert [(row.network, row.size, row.miou) for row in found] == [
        ("found-large", "48x64", pytest.approx(70)),
        ("found-seed0", "32x48", pytest.approx(20)),
        (RIVAL, "32x48", pytest.approx(20)),
    ]


def test_what_cannot_be_compared_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--against nobody: is none of found-seed0"):
        rows(contestants([run.path]), "nobody", rounds=1)
    other = RunDirectory.create(tmp_path / "other", config.load("quickstart"))
    with pytest.raises(UserError, match="nothing was promoted there yet"):
        contestants([other.path])
    promoted(other, "longer", FOUND, 0.9, epochs=9)
    with pytest.raises(UserError, match=r": other settings \(epochs\)"):
        contestants([run.path, other.path])
    gone = Contestant("run", (Promotion("n", 1, "k", 0, None, 0.5, 1, None, None, None, {}),))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="its weights are gone"):
        gone.weights()
