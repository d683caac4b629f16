"""A user's mistake: one line that names the place, exit code 2, nothing left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas import cli
from tests.support.runs import arguments


def images(root: Path, count: int = 10) -> Path:
    """A small folder data set that is right in everything."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (root / split / kind).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 255, (32, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / "images" / f"{index:02d}.png")
            labels = rng.integers(0, 3, (32, 48), dtype=np.uint8)
            Image.fromarray(labels).save(root / split / "labels" / f"{index:02d}.png")
    (root / "classes.txt").write_text("road\ncar\nsky\n")
    return root


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["nas", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    code = stop.value.code
    return code if isinstance(code, int) else 0


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Runs a search that must be refused; returns its one line."""

    def refused(*words: str, **over: str) -> str:
        folder = tmp_path / "runs" / "refused"
        parts = ["--engine", "inline", "--trials", "1", "--run", str(folder)]
        parts += [*arguments(tmp_path / "cache", **over), *words]
        assert run(["search", *parts], monkeypatch) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        assert not folder.exists()
        packs = [path for path in (tmp_path / "cache").glob("*") if path.is_dir()]
        assert all((path / "meta.json").exists() for path in packs)  # whole ones only
        return lines[0]

    return refused


def folder_data(root: Path) -> dict[str, str]:
    return {"data__name": "folder", "data__root": str(root), "data__scenes": "[1, 1]"}


def test_a_good_folder_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over = folder_data(images(tmp_path / "data")) | {"baselines": "[]"}
    folder = tmp_path / "run"
    words = ["search", "--engine", "inline", "--trials", "1", "--run", str(folder)]
    monkeypatch.setattr("sys.argv", ["nas", *words, *arguments(tmp_path / "cache", **over)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    assert "trial-0000" in capsys.readouterr().out


def test_no_data_folder(refused, tmp_path: Path) -> None:
    assert "nowhere" in refused(**folder_data(tmp_path / "nowhere"))


def test_an_empty_data_folder(refused, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert str(tmp_path / "data") in refused(**folder_data(tmp_path / "data"))


def test_a_split_without_images(refused, tmp_path: Path) -> None:
    root = images(tmp_path / "data")
    shutil.rmtree(root / "val" / "images")
    (root / "val" / "images").mkdir()
    assert "val/images" in refused(**folder_data(root))


def test_an_image_without_label(refused, tmp_path: Path) -> None:
    root = images(tmp_path / "data")
    (root / "train" / "labels" / "03.png").unlink()
    assert "03.png" in refused(**folder_data(root))


def test_a_label_outside_the_classes(refused, tmp_path: Path) -> None:
    root = images(tmp_path / "data")
    Image.fromarray(np.full((32, 48), 7, dtype=np.uint8)).save(root / "val" / "labels" / "04.png")
    line = refused(**folder_data(root))
    assert "04.png" in line
    assert "7" in line


def test_an_unreadable_image(refused, tmp_path: Path) -> None:
    root = images(tmp_path / "data")
    (root / "train" / "images" / "05.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert "05.png" in refused(**folder_data(root))


def test_a_data_set_without_root(refused) -> None:
    assert "needs root" in refused(data__name="camvid", data__scenes="[1, 1]")


def test_a_wrong_key(refused) -> None:
    assert "did you mean epochs?" in refused(proxy__epoch="3")


def test_a_wrong_type(refused) -> None:
    assert "proxy.epochs" in refused(proxy__epochs="soon")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("jitter", "[1.5, 0.75]", "jitter must rise"),
        ("clip", "0", "clip must be above 0, not 0"),
        ("flip", "3", "flip must be at least 0 and at most 1, not 3"),
        ("learning_rate", "-1e-3", "learning_rate must be above 0, not -0.001"),
        ("colour", ".nan", "colour must be a finite number, not nan"),
        ("batch_size", "0", "batch_size must be at least 2, not 0"),
        ("accumulate", "3", "accumulate must divide batch_size 8, not be 3"),
    ],
)
def test_a_recipe_out_of_bounds(refused, key: str, value: str, message: str) -> None:
    assert f" proxy.recipe.{message}" in refused(**{f"proxy__recipe__{key}": value})


def test_a_key_twice(refused, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: quickstart\nseed: 1\nseed: 2\n")
    assert f"{path}: line 3: key 'seed' is given twice, first in line 2" in refused(str(path))


def test_a_budget_of_zero(refused) -> None:
    assert "budget.trials" in refused("--trials", "0")


def test_a_preset_that_does_not_exist(refused) -> None:
    assert "no such config" in refused("imagenet")


def test_a_baseline_that_does_not_exist(refused) -> None:
    assert "resnet-18" in refused(baselines="[resnet-18]")


def test_a_space_that_makes_no_sense(refused) -> None:
    assert "level" in refused(space__output_levels="[9]")


def test_a_tournament_larger_than_the_population(refused) -> None:
    assert "tournament" in refused(controller__tournament="30")


def test_a_sampler_that_optuna_does_not_have(refused) -> None:
    section = "{name: tpe, sampler: CatSampler}"
    assert "controller: sampler: Optuna has no 'CatSampler'" in refused(controller=section)


def test_options_that_a_sampler_does_not_take(refused) -> None:
    section = "{name: tpe, options: {claws: 4}}"
    assert "controller: TPESampler: " in (line := refused(controller=section))
    assert "claws" in line


def test_one_objective_twice(refused) -> None:
    section = "{name: pareto, objectives: [macs, macs]}"
    assert "controller: objectives: two different ones" in refused(controller=section)


def test_a_gpu_that_is_not_there(refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert "there is no CUDA GPU here" in refused(engine__device="cuda")


@pytest.mark.parametrize("top", ["0", "1"])
def test_weights_that_are_not_there_are_told_whether_they_are_used_or_not(
    refused, top: str
) -> None:
    wanted = {"0": "promotion.weights: /nowhere.pth: no such file", "1": "are of no file"}[top]
    assert wanted in refused(promotion__weights="/nowhere.pth", promotion__top=top)


def test_a_batch_larger_than_the_data(refused) -> None:
    line = "recipe.batch_size: 64 is more than the 16 training images"
    assert f" proxy.{line}" in refused(proxy__recipe__batch_size="64")
    assert f" promotion.{line}" in refused(promotion__recipe__batch_size="64", promotion__top="1")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "RUN"], "no run is here"),
        (["promote", "RUN"], "no run is here"),
        (["export", "RUN", "-o", "OUT"], "RUN"),
        (["search", "--run", "RUN", "--resume"], "no run is here"),
        (["search", "--resume"], "--resume needs --run"),
        (["search", "quickstart", "--run", "RUN", "--resume"], "no run is here"),
        (["promote", "RUN", "--top", "1", "--trial", "3"], "give one of them"),
    ],
)
def test_commands_on_nothing(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    placed = [w.replace("RUN", str(tmp_path / "RUN")).replace("OUT", str(tmp_path)) for w in words]
    assert run(placed, monkeypatch) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_a_run_folder_that_exists_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    words = ["search", "--run", str(tmp_path / "mine"), *arguments(tmp_path / "cache")]
    assert run(words, monkeypatch) == 2
    assert "exists already; give --resume" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("words", [["serch"], ["search", "--trails", "3"], ["export", "X"]])
def test_what_the_parser_refuses_is_a_usage_error(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words, monkeypatch) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_format_that_cannot_hold_a_network_is_refused_before_any_other_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", "spinenet-seg-camvid-28", "-o", str(tmp_path / "out")]
    assert run([*words, "--format", "spec", "python", "tf-vision"], monkeypatch) == 2
    assert "the plain block-spec list holds no dilation" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
