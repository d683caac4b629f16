"""``nas plan`` and planned searches on folders, through the command line; the machine is measured
briefly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

from nas import cli
from nas import config as configs
from nas.planning import machine
from proxy_tasks.pace import Pace
from search_space.errors import UserError

Nas = Callable[..., Result]

PLANNED = """
data: {name: folder, root: photos, split: {folds: 3}}
proxy: {size: [64, 64], epochs: 1}
promotion: {size: [64, 64], epochs: 1}
plan: {hours: 0.5, machine: a processor, device: cpu, workers: 1, proxy_crops_per_second: 1,
       promotion_crops_per_second: 1, promotion_macs: 1e9}
"""


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what a plan says: processes that measure take half a minute to begin."""
    monkeypatch.setattr(machine, "pace", lambda wanted, _: [Pace(10.0, 2**30) for _ in wanted])


@pytest.fixture
def nas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Nas:
    monkeypatch.setattr(machine, "SECONDS", 0.05)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    small = ["--set", "engine.name=inline", "--set", "engine.device=cpu"]

    def call(*words: str) -> Result:
        own = [] if words[0] == "evaluate" else small
        return CliRunner().invoke(cli.app, [*words, *own])

    return call


def scenes(root: Path, folders: tuple[str, ...] = ("A", "B", "C"), images: int = 2) -> Path:
    """A folder a scene: images of several shapes, with the class in the colour."""
    rng = np.random.default_rng(0)
    for scene in folders:
        for index in range(images):
            height, width = (40, 64) if index % 2 else (72, 48)
            labels = (np.arange(width) * 3 // width)[None].repeat(height, 0).astype(np.uint8)
            noise = rng.integers(0, 20, (height, width, 3))
            image = (labels[..., None] * 80 + noise).astype(np.uint8)
            for kind, pixels in (("images", image), ("masks", labels)):
                (root / scene / kind).mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(root / scene / kind / f"part {index}.png")
    (root / "classes.txt").write_text("left\nmiddle\nright\n")
    return root


def failed(result: Result) -> str:
    """The user's mistake, which the program's main would print in one line."""
    assert isinstance(result.exception, UserError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_a_plan_is_printed_with_its_reasons_and_written_as_a_config(
    measured: None, nas: Nas, tmp_path: Path
) -> None:
    root = scenes(tmp_path / "photos")
    result = nas(
        "plan", str(root), "--hours", "0.1", "-o", "mine.yaml", "--set", "data.split.test=[C]"
    )
    assert result.exit_code == 0, result.output
    for words in ("resolution", "2 folds, 2 scenes kept whole", "2 images of the test part"):
        assert words in " ".join(result.output.split())
    config = configs.load_to_train("mine.yaml")
    assert config.data.root == root
    assert config.data.split is not None
    assert (config.data.split.folds, config.data.split.test) == (2, ("C",))
    assert config.plan is not None
    assert config.plan.hours == 0.1
    assert "# " in Path("mine.yaml").read_text()


def test_a_person_stands_above_the_plan(measured: None, nas: Nas, tmp_path: Path) -> None:
    root = scenes(tmp_path / "photos")
    Path("data.yaml").write_text(f"data: {{name: folder, root: {root}}}\nseed: 7\n")
    result = nas(
        "plan", "data.yaml", "-o", "mine.yaml",
        "--set", "proxy.size=[32, 64]", "--set", "promotion.recipe.dice=0",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    config = configs.load("mine.yaml")
    assert (config.seed, config.proxy.size, config.promotion.recipe.dice) == (7, (32, 64), 0)
    assert config.proxy.recipe.turn == 0  # of crops that are not square


def test_a_search_on_ones_own_images_is_planned_and_ends_with_an_export(
    nas: Nas, tmp_path: Path
) -> None:
    root = scenes(tmp_path / "photos")
    result = nas(
        "search", "--data", str(root), "--hours", "0.005", "--run", "run", "--trials", "1",
        "--set", "data.split.test=[C]", "--set", "baselines=[]", "--set", "space.stages={2: 1}",
        "--set", "space.output_levels=[3, 4]", "--set", "proxy.epochs=1",
        "--set", "proxy.images=16", "--set", "promotion.epochs=1", "--set", "promotion.images=16",
    )  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    run = Path("run")
    assert yaml.safe_load((run / "plan.yaml").read_text())["plan"]["hours"] == 0.005
    assert (run / "export" / "network.py").exists()
    assert (run / "export" / "weights.pt").exists()
    (promotion,) = (run / "promotions").iterdir()
    scored = nas("evaluate", str(promotion), "--json")
    assert scored.exit_code == 0, (scored.output, scored.exception)
    assert json.loads(scored.output)["data"]["split"] == "test"  # it was trained on all the rest
    assert "trained on all images" in failed(nas("evaluate", str(promotion), "--split", "val"))
    again = nas("search", "--run", "run", "--resume", "--trials", "2")
    assert again.exit_code == 0, (again.output, again.exception)
    assert "measuring" not in again.output
    assert not [line for line in again.output.splitlines() if line.startswith("plan for")]


def test_a_dry_run_stops_after_the_plan(measured: None, nas: Nas, tmp_path: Path) -> None:
    root = scenes(tmp_path / "photos")
    result = nas("search", "--data", str(root), "--dry-run", "--run", "run")
    assert result.exit_code == 0, result.output
    assert "plan for" in result.output
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("search", "quickstart", "--set", "data.name=folder", "--set", "data.root=photos"),
        ("search", "mine.yaml"),
        ("audit", "quickstart", "--set", "data.name=folder", "--set", "data.root=photos"),
        ("audit", "bare.yaml"),
        ("plan", "mine.yaml"),
        ("search", "--data", "mine.yaml"),
        ("search", "--data", "quickstart", "--set", "data.name=folder"),
    ],
)
def test_the_demonstrations_settings_reach_no_real_data(
    nas: Nas, tmp_path: Path, words: tuple[str, ...]
) -> None:
    scenes(tmp_path / "photos")
    bare = "data: {name: folder, root: photos}\n"
    Path("mine.yaml").write_text(f"extends: quickstart\n{bare}")
    Path("bare.yaml").write_text(bare)
    assert "nas search --data DIR --hours H" in failed(nas(*words))
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "nowhere"), "nowhere: no such folder or file; give the folder of your images"),
        (("plan", "camvid"), "--set data.root=DIR"),
        (("plan", "folder"), "folder: is a name of data sets, not a config; give the folder"),
        (("plan", "photos/A/images/part 0.png"), "is not a config, as it is not text"),
        (("plan", "photos/classes.txt"), "is not a config: must be a mapping"),
        (
            ("search", "photos"),
            "photos: is a folder, not a config; to search on the images in it:"
            " nas search --data photos, or nas plan photos -o mine.yaml",
        ),
        (("search", "planned"), "continue it with --run planned --resume"),
        (("audit", "photos"), "nas plan photos -o mine.yaml to write a config for it"),
        (("data", "check", "photos"), "nas plan photos -o mine.yaml to write a config for it"),
        (("plan", "quickstart"), "nas search --data DIR --hours H"),
        (("plan", "photos", "--hours", "0"), "--hours 0: must be above 0"),
        (("plan", "photos", "--set", "data.split.test=[Z]"), "Z"),
        (("plan", "empty"), "empty"),
        (("plan", "bare"), "has no labels: write"),
        (("plan", "lone"), "data.split.folds: 2 needs as many images, and there is 1"),
        (("search", "--dry-run"), "--dry-run: shows the plan"),
        (("search", "camvid", "--data", "photos"), "not both"),
        (("search", "planned.yaml", "--hours", "2"), "is a plan for 0.5 hours"),
    ],
)
def test_a_wrong_plan_is_refused_in_one_line(
    nas: Nas, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    scenes(tmp_path / "photos")
    Path("empty").mkdir()
    for name in ("bare", "lone"):
        scenes(Path(name), ("A",), 1)
    next(Path("bare").rglob("masks/*.png")).unlink()
    Path("planned.yaml").write_text(PLANNED)
    Path("planned").mkdir()
    Path("planned/config.yaml").write_text(PLANNED)
    assert said in failed(nas(*words))
