"""Configs, plans and the records of a run that hold anything."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nas import config as configs
from nas import planning
from nas.cluster import config as clusters
from nas.commands.status import status
from nas.config import Config
from nas.parts import checks
from nas.prediction.predictors import open_predictor
from nas.runs import audited, data_identity, evaluations, ledgers, promotion_records
from nas.runs.directory import RunDirectory
from nas.runs.reading import snapshot
from proxy_tasks.networks import build_segmenter
from results.ledger import Ledger
from search_space.architecture_file import to_dict
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from tests.nas.commands.test_hostile_run import SPACE as SEARCHED
from tests.nas.commands.test_hostile_run import add
from tests.support.fuzzing import EXAMPLES, ODD, changed, files, refused_or_read, torn
from tests.support.runs import SMALL

SPACE = ScalePermutedSpace(stages=((2, 1), (3, 1)), output_levels=(3, 4), max_level=4)
QUIET = Console(file=io.StringIO())


def text(tree: Any) -> str:
    plain = json.loads(json.dumps(tree))  # without aliases
    return yaml.safe_dump(plain, allow_unicode=True)


@EXAMPLES
@given(st.data())
def test_a_config_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = {**yaml.safe_load(Config().to_yaml()), "baselines": []}
    file = tmp_path / "mine.yaml"
    file.write_bytes(data.draw(files(whole, text)))

    def read() -> None:
        config = configs.load(str(file))
        config.to_yaml()
        if config.data.name == "scenes" and not config.engine.address:
            checks.check(config, config.space.whole())

    refused_or_read(read)


@EXAMPLES
@given(st.data())
def test_a_setting_is_taken_or_refused(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*SMALL, "seed", "storage", "engine.workers", "budget.hours"]))
    value = data.draw(ODD)
    said = text(value).removesuffix("...\n").strip() if value != "\x00" else value
    refused_or_read(lambda: configs.load("quickstart", [f"{key}={said}"]))


@EXAMPLES
@given(st.data())
def test_a_plan_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    told = {"data": {"name": "folder", "root": str(tmp_path)}, "plan": {"hours": 2.0}, "seed": 3}
    file = tmp_path / "plan.yaml"
    file.write_bytes(data.draw(files(told, text)))
    refused_or_read(lambda: planning.values_of(str(file)))
    refused_or_read(lambda: configs.load(str(file)))


@EXAMPLES
@given(st.data())
def test_a_clusters_file_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    file = tmp_path / "cluster.yaml"
    told = {"name": "x", "provider": {"name": "slurm", "nodes": 2, "gpus": 1}, "setup": ["ls"]}
    file.write_bytes(data.draw(files(told, text)))
    refused_or_read(lambda: clusters.load(file))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    settings = [f"{key}={value}" for key, value in SMALL.items() if key != "controller"]
    config = configs.load("quickstart", settings)
    path = tmp_path_factory.mktemp("runs") / "run"
    made = RunDirectory.create(path, config, data=data_identity.of(config).to_dict())
    with ledgers.make(made, config, SEARCHED.genes, {}) as ledger:
        for number in range(3):
            add(ledger, number, f"trial-{number}")
    (made.promotions / "trial-0").mkdir(parents=True)
    (made.promotions / "trial-1").mkdir()
    for name, content in RECORDS.items():
        (made.path / name).write_text(content[1](content[0]), "utf-8")
    return made


CLASS = {"share": 0.5, "iou": 0.5, "accuracy": 0.5, "boundary_f": 0.5}
SCORES = dict.fromkeys(("miou", "pixel_accuracy", "mean_accuracy", "frequency_weighted_iou",
                        "boundary_f"), 0.5)  # fmt: skip
LAST = {"epochs": 2, "macs": 1000, "parameters": 10, "seconds": 1.0, "miou": 0.5, "loss": 0.1,
        "class_iou": [0.5, 0.1]}  # fmt: skip
RECORDS: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "promotions/trial-0/promotion.json": (
        {
            "trial": 0, "key": "k", "seed": 0, "proxy_miou": 0.1, "miou": 0.5, "epoch": 2,
            "last": LAST, "weights": "best.safetensors", "digest": "abc", "folds": None,
            "settings": {"epochs": 2, "recipe": {"batch_size": 4}}, "classes": ["road", "car"],
            "class_iou": [0.5, 0.1], "shares": [0.9, 0.1], "proxy_class_iou": [0.2, 0.1],
        },
        json.dumps,
    ),
    "promotions/trial-0/evaluation.yaml": (
        {
            "format": evaluations.FORMAT,
            "evaluations": [
                {
                    "date": "2026-01-01", "weights": "abc", "tolerance": None,
                    "data": {"name": "x", "root": None, "split": "test", "images": 2,
                             "fingerprint": "f", "unknown": ["a"], "left_out": []},
                    "sight": {"factor": 1.0},
                    "views": {"scales": [1.0], "flip": False, "window": None, "stride": None},
                    "scores": SCORES, "classes": {"road": CLASS, "car": CLASS},
                }
            ],
        },
        text,
    ),
    "promotions/trial-1/settings.json": ({"epochs": 4, "size": [32, 48]}, json.dumps),
    "promotions/trial-1/history.csv": (
        None, lambda tree: "epochs,seconds,train_loss,loss,miou\n1,1.5,0.1,0.2,0.3\n2,3.0,,,\n"
    ),
    "audit.yaml": (
        {"format": audited.FORMAT, "digest": "d", "proxy": {},
         "verdicts": {"proxy": {"miou": {"noise": 0.1}}}},
        text,
    ),
}  # fmt: skip


def look(run: RunDirectory) -> None:
    """As `nas status` and the dashboard do."""
    status(run.path, False, QUIET)
    status(run.path, True, QUIET)
    snapshot(run.path)


@EXAMPLES
@given(st.data())
@pytest.mark.parametrize("name", [*RECORDS, "data.json", "config.yaml"])
def test_a_record_of_a_run_is_read_or_refused(
    run: RunDirectory, name: str, data: st.DataObject
) -> None:
    file = run.path / name
    whole = file.read_bytes()
    if name.endswith(".csv"):
        content = data.draw(torn(whole))
    else:
        to_text = text if name.endswith(".yaml") else json.dumps
        content = data.draw(files(yaml.safe_load(whole), to_text))
    file.write_bytes(content)
    try:
        refused_or_read(lambda: look(run))
        refused_or_read(lambda: data_identity.load(run))
    finally:
        file.write_bytes(whole)


@EXAMPLES
@given(st.data())
def test_a_ledger_is_read_or_refused(
    run: RunDirectory, tmp_path: Path, data: st.DataObject
) -> None:
    lines = run.ledger.read_bytes().splitlines()
    index = data.draw(st.integers(0, len(lines) - 1))
    if data.draw(st.booleans()):
        lines[index] = json.dumps(data.draw(changed(json.loads(lines[index])))).encode()
    else:
        lines[index] = data.draw(torn(lines[index]))
    file = tmp_path / "ledger.journal"
    file.write_bytes(b"\n".join(lines) + b"\n")

    def read() -> None:
        with Ledger.open(file, read_only=True) as ledger:
            ledger.trials()

    refused_or_read(read)
    whole = run.ledger.read_bytes()
    run.ledger.write_bytes(file.read_bytes())
    try:
        refused_or_read(lambda: look(run))
    finally:
        run.ledger.write_bytes(whole)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `nas export --format huggingface` writes what is read again."""
    from safetensors.torch import save_file

    folder, scale = tmp_path_factory.mktemp("export"), Scale(0.0625, 0.5, 1, 4, 4)
    backbone = SPACE.decode([0] * len(SPACE.genes))
    network = build_segmenter(backbone, scale, 2, (32, 48))
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    return folder


EXPORT = {
    "trained": True,
    "backbone": to_dict(SPACE.decode([0] * len(SPACE.genes))),
    "scale": {"filters": 0.0625, "alpha": 0.5, "repeats": 1, "endpoint_filters": 4,
              "aspp_filters": 4, "head": "deeplabv3", "channels": 3},
    "id2label": {"0": "road", "1": "car"},
    "image_size": [32, 48],
    "image_mean": [0.5] * 3, "image_std": [0.2] * 3, "image_top": 255,
    "sight": {"cover": [32, 48]}, "palette": [[1, 2, 3], [4, 5, 6]],
}  # fmt: skip


@EXAMPLES
@given(st.data())
def test_an_export_is_read_or_refused(exported: Path, data: st.DataObject) -> None:
    (exported / "config.json").write_bytes(data.draw(files(EXPORT)))

    def read() -> None:
        found = open_predictor(exported)
        with torch.no_grad():
            found.network(torch.zeros(1, found.intensities.channels, 32, 48))

    refused_or_read(read)


def test_what_is_fuzzed_is_read_when_nobody_touched_it(run: RunDirectory, exported: Path) -> None:
    look(run)
    assert promotion_records.load_all(run)
    assert evaluations.load_all(run.promotions / "trial-0")
    (exported / "config.json").write_text(json.dumps(EXPORT))
    assert open_predictor(exported).classes == ("road", "car")
