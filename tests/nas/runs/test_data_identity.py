"""A run keeps the identity of its data and takes no others; where they lie does not matter."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from nas import config as configs
from nas.config import Config
from nas.parts import build
from nas.runs import data_identity
from nas.runs.directory import RunDirectory
from nas.runs.resume import changed, resumed
from search_space.errors import UserError

PARTS = {"train": 4, "val": 2}


def config_of(root: Path, **data: object) -> Config:
    return Config.model_validate(
        {"data": {"name": "folder", "root": str(root), "cache": str(root.parent / "cache"), **data}}
    )


def draw(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    for part, number in PARTS.items():
        for index in range(number):
            rng = np.random.default_rng([index, number])
            name = f"{index}.png"
            draw(made / part / "images" / name, rng.integers(0, 255, (8, 8, 3), np.uint8))
            draw(made / part / "labels" / name, rng.integers(0, 3, (8, 8), np.uint8))
    (made / "classes.txt").write_text("soil\nweed\ncrop\n")
    return made


@pytest.fixture
def run(root: Path, tmp_path: Path) -> RunDirectory:
    config = config_of(root)
    known = data_identity.of(config).to_dict()
    return RunDirectory.create(tmp_path / "run", config, data=known)


def hold(run: RunDirectory, config: Config | None = None) -> str:
    text = io.StringIO()
    data_identity.hold(run, config or run.config(), Console(file=text, width=1000))
    return text.getvalue()


def label_changed(root: Path) -> None:
    for name in ("1.png", "3.png"):
        path = root / "train" / "labels" / name
        labels = np.asarray(Image.open(path))
        draw(path, 2 - labels)
        os.utime(path, (1_700_000_000,) * 2)


def image_changed(root: Path) -> None:
    draw(root / "val" / "images" / "0.png", np.zeros((8, 8, 3), np.uint8))


def pair_added(root: Path) -> None:
    for kind in ("images", "labels"):
        shutil.copy(root / "val" / kind / "0.png", root / "train" / kind / "9.png")


def pair_removed(root: Path) -> None:
    for kind in ("images", "labels"):
        (root / "train" / kind / "2.png").unlink()


def pair_renamed(root: Path) -> None:
    for kind in ("images", "labels"):
        (root / "train" / kind / "2.png").rename(root / "train" / kind / "7.png")


def pair_in_another_part(root: Path) -> None:
    for kind in ("images", "labels"):
        (root / "train" / kind / "2.png").rename(root / "val" / kind / "2.png")


def classes_changed(root: Path) -> None:
    (root / "classes.txt").write_text("soil\nweed\ncarrot\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (label_changed, "2 of 6 label maps differ from .* first train/labels/1.png: a leaderboard"),
        (image_changed, "1 of 6 images differs from .* first val/images/0.png: a leaderboard"),
        (pair_added, "1 of 7 images is new since the run began, first train/images/9.png: "),
        (pair_removed, "1 of 6 images is gone since the run began, first train/images/2.png: "),
        (
            pair_renamed,
            "1 of 6 images has another name .*/2.png, now train/images/7.png: a leaderboard",
        ),
        (pair_in_another_part, "1 of 6 images has another name .*/2.png, now val/images/2.png: "),
        (
            classes_changed,
            "the classes are soil, weed, carrot, but the run began with soil, weed, c",
        ),
    ],
)
def test_other_data_are_refused_in_one_line_that_says_what_and_how_many(
    change: Callable[[Path], None], words: str, root: Path, run: RunDirectory
) -> None:
    change(root)
    kept = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=f"^{words}") as told:
        resumed(None, run.path, ["budget.trials=7"], ("budget.",), Console(file=io.StringIO()))
    copy = f"begin a copy of the run on them: nas search {run.config_file} --from {run.path} --run"
    assert str(told.value).endswith(f"put the data back, or {copy} NEW")
    assert "\n" not in str(told.value)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == kept


def test_label_values_that_mean_something_else_are_other_data(
    root: Path, run: RunDirectory
) -> None:
    values = {"0": "soil", "1": "crop", "2": "weed"}
    other = config_of(root, classes=("soil", "weed", "crop"), values=values)
    with pytest.raises(UserError, match="label values mean other classes than when the run"):
        hold(run, other)


def one_folder(root: Path) -> Path:
    """Six images that no folder divides."""
    for index in range(6):
        draw(root / "images" / f"{index}.png", np.full((8, 8, 3), index, np.uint8))
        draw(root / "labels" / f"{index}.png", np.full((8, 8), index % 3, np.uint8))
    return root


def test_images_that_went_to_another_part_under_their_name_are_told_of(tmp_path: Path) -> None:
    root = one_folder(tmp_path / "d")
    (root / "low.txt").write_text("0\n1\n2\n")
    (root / "high.txt").write_text("3\n4\n5\n")
    lists = ({"train": "low.txt", "val": "high.txt"}, {"train": "high.txt", "val": "low.txt"})
    configs = [config_of(root, split=each, classes=("a", "b", "c")) for each in lists]
    assert data_identity.difference(*map(data_identity.of, configs)) == (
        "6 of 6 images are in another part than when the run began, first images/0.png, now val"
    )


NAMES = ("a", "b", "c")


def divided(root: Path, folds: int) -> RunDirectory:
    """A run whose config was edited by hand since: it has so many folds, and began with 3."""
    began = config_of(root, split={"folds": 3}, classes=NAMES)
    known = data_identity.of(began).to_dict()
    edited = config_of(root, split={"folds": folds}, classes=NAMES)
    return RunDirectory.create(root.parent / "folds", edited, data=known)


def test_another_number_of_folds_is_told_of(tmp_path: Path) -> None:
    run = divided(one_folder(tmp_path / "d"), 2)
    with pytest.raises(UserError, match=r"^there are 2 folds, but the run began with 3: a leader"):
        hold(run)


def test_a_record_that_does_not_say_the_folds_gets_them(tmp_path: Path) -> None:
    """Of format 1."""
    run = divided(one_folder(tmp_path / "d"), 3)
    kept = run.data_file.read_text()
    before = json.loads(kept) | {"format": "spinenet-seg-data/1"}
    del before["folds"]
    run.data_file.write_text(json.dumps(before))
    assert hold(run) == ""
    assert json.loads(run.data_file.read_text()) == json.loads(kept)


def test_images_in_other_folds_are_told_of(root: Path) -> None:
    known = data_identity.of(config_of(one_folder(root), split={"folds": 3}, classes=NAMES))
    assert known.folds
    other = replace(known, folds=replace(known.folds, which="0"))
    said = "the 3 folds hold other images than when the run began"
    assert data_identity.difference(known, other) == said


@pytest.mark.parametrize(
    "key",
    [
        {"classes": ("weed", "soil", "crop")},
        {"ignore": (2,)},
        {"exif": "raw"},
        {"split": {"share": 0.5}},
        {"split": {"folds": 2}},
    ],
)
def test_every_key_of_data_that_changes_what_is_trained_on_is_told_of(
    root: Path, key: dict[str, object]
) -> None:
    """As edited by hand in a run's config, where its data are the same files."""
    flat = one_folder(root.parent / "flat")
    rule = {"split": {"share": 0.4}} if "split" in key else {}
    before = {"classes": ("soil", "weed", "crop"), **rule}
    place = flat if "split" in key else root
    known, now = (data_identity.of(config_of(place, **each)) for each in (before, before | key))
    assert data_identity.difference(known, now)


def test_another_number_of_scenes_is_told_of() -> None:
    numbers = [Config.model_validate({"data": {"scenes": each}}) for each in ((4, 2), (5, 2))]
    assert data_identity.difference(*map(data_identity.of, numbers)) == (
        "the images of train are not those that the run began with"
    )


def touched(root: Path) -> Path:
    for path in root.rglob("*.png"):
        os.utime(path, (1_700_000_000,) * 2)
    return root


def moved(root: Path) -> Path:
    return root.rename(root.with_name("elsewhere"))


def listed_backwards(root: Path) -> Path:
    """Written anew in another order, which is what folders list their files in."""
    copy = root.with_name("copy")
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file():
            target = copy / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return copy


@pytest.mark.parametrize("change", [touched, moved, listed_backwards])
def test_the_same_files_elsewhere_or_touched_are_the_same_data(
    change: Callable[[Path], Path], root: Path, run: RunDirectory
) -> None:
    place = change(root)
    console = Console(file=io.StringIO())
    config = changed(run, [f"data.root={place}"], (), console)
    assert (config.data.root, run.config().data.root) == (place, place)


def test_the_order_of_files_in_the_record_does_not_matter(root: Path) -> None:
    known = data_identity.of(config_of(root))
    turned = known.to_dict()
    for part in turned["parts"].values():
        part["images"] = dict(reversed(part["images"].items()))
    assert data_identity.difference(data_identity.Identity.from_dict(turned), known) is None


def test_a_run_of_before_gets_the_record_and_says_so_once(root: Path, run: RunDirectory) -> None:
    kept = run.data_file.read_text()
    run.data_file.unlink()
    assert hold(run).startswith(f"note: {run.path} had no record of its data")
    assert hold(run) == ""
    assert run.data_file.read_text().split() == kept.split()
    label_changed(root)
    with pytest.raises(UserError, match="2 of 6 label maps differ"):
        hold(run)


def test_a_damaged_record_is_one_line(run: RunDirectory) -> None:
    run.data_file.write_text('{"format": "other"}')
    with pytest.raises(UserError, match=r"data.json: damaged .*; remove it if you are sure"):
        hold(run)
    with pytest.raises(UserError, match=r"data.json: damaged .*; remove it if you are sure"):
        data_identity.refuse_other(run, build.dataset(run.config(), (8, 8)), "val")


def test_a_relative_root_is_kept_whole(root: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = RunDirectory.create(tmp_path / "other", config_of(Path("data"), cache="here"))
    assert made.config().data.root == root
    assert made.config().data.cache == tmp_path / "here"
    home = RunDirectory.create(tmp_path / "home", config_of(Path("~/data"), cache="~/x"))
    assert str(home.config().data.root) == "~/data"  # another machine has another home
    monkeypatch.chdir("/")
    assert hold(made).startswith("note:")


def test_a_folder_that_is_gone_is_one_line_that_says_what_to_set(
    root: Path, run: RunDirectory
) -> None:
    moved(root)
    with pytest.raises(UserError, match=r"no folder .*/data, .* with --set data\.root=DIR$"):
        hold(run)


def test_other_settings_of_the_data_stay_as_they_were(root: Path, run: RunDirectory) -> None:
    with pytest.raises(UserError, match=r"a run keeps its config; only data.root or data.cache"):
        changed(run, ["data.ignore=[3]"], (), Console(file=io.StringIO()))


def test_scenes_are_compared_by_what_stands_for_them(tmp_path: Path) -> None:
    before, now = (
        data_identity.of(configs.load("quickstart", [f"data.scenes=[16, {val}]"])) for val in (8, 9)
    )
    assert data_identity.difference(before, before) is None
    assert data_identity.difference(before, now) == (
        "the images of val are not those that the run began with"
    )


def test_an_audit_s_copy_is_an_audit(root: Path, run: RunDirectory) -> None:
    (run.path / "legs").mkdir()
    label_changed(root)
    with pytest.raises(UserError, match=f": nas audit {run.config_file} --run NEW$"):
        hold(run)


def test_who_scores_on_one_part_is_refused_only_where_that_part_changed(
    root: Path, run: RunDirectory
) -> None:
    label_changed(root)
    dataset = build.dataset(run.config(), (8, 8))
    data_identity.refuse_other(run, dataset, "val")
    with pytest.raises(UserError, match=r"^2 of 4 label maps differ .*: --data CONFIG, or --data"):
        data_identity.refuse_other(run, dataset, "train")


def test_with_folds_the_images_are_counted_once(tmp_path: Path) -> None:
    root = one_folder(tmp_path / "d")
    known = data_identity.of(config_of(root, classes=("a", "b", "c"), split={"folds": 3}))
    assert {name: len(part.images) for name, part in known.parts.items()} == {"train": 6}
