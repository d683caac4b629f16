"""``nas data``: what there is, what is wrong with it, and packing it beforehand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from rich.console import Console

from nas import config
from nas.commands import data
from nas.config import DataConfig
from nas.failures import RunFailed
from nas.parts import build
from nas.terminal import reading
from proxy_tasks.datasets import DATASETS, IGNORE
from proxy_tasks.datasets.catalogue import CATALOGUE
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.sight import Sight
from search_space.errors import UserError
from tests.support import trees
from tests.support.pictures import Pictures, labels, noise


def printed(call: Any, *words: Any, width: int = 140) -> str:
    file = StringIO()
    call(*words, Console(file=file, width=width))
    return file.getvalue()


def settings(name: str, root: Path, *more: str) -> list[str]:
    return [f"data.name={name}", f"data.root={root}", *more]


def checked(name: str, root: Path, *more: str) -> tuple[dict[str, Any], bool]:
    """What ``--json`` prints, and whether something is wrong."""
    file = StringIO()
    wrong = False
    try:
        data.check(None, True, settings(name, root, *more), Console(file=file))
    except RunFailed:
        wrong = True
    return json.loads(file.getvalue()), wrong


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder data set with something wrong in five files, and a class that nothing shows."""
    root = trees.folder(tmp_path / "data")
    (root / "classes.txt").write_text("road\ncar\nsky\nmoon\n")
    (root / "train/labels/0.png").unlink()
    (root / "train/images/a b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    trees.save_label(root / "train/labels/a b.png", 0, 44, 77)
    trees.save_label(root / "val/labels/0.png", 3, 99)
    trees.Image.new("L", (8, 8)).save(root / "val/labels/1.png")
    trees.save_label(root / "val/labels/spare.png", 0)
    return root


def test_the_config_takes_every_data_set_and_option_of_the_catalogue() -> None:
    assert get_args(DataConfig.model_fields["name"].annotation) == DATASETS
    assert {option for entry in CATALOGUE.values() for option in entry.takes} <= {
        *DataConfig.model_fields
    }


def test_the_list_has_every_data_set_with_its_files_and_options() -> None:
    text = printed(data.list_datasets, False)
    values = json.loads(printed(data.list_datasets, True))["datasets"]
    assert tuple(each["name"] for each in values) == DATASETS
    for each in values:
        assert f"{each['name']}  {each['summary']}" in text
        assert all(f"   {line}\n" in text for line in each["layout"])
        assert all(f"data.{option}" in text for option in each["takes"])


def test_the_documentation_has_every_data_set_with_its_options() -> None:
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "data.md").read_text("utf-8")
    for name, entry in CATALOGUE.items():
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        options = {option for option in DataConfig.model_fields if f"`{option}`" in row}
        assert options - {"scenes"} == set(entry.takes)


def test_listing_loads_nothing_heavy() -> None:
    code = (
        "import sys; from nas.cli import app\n"
        "app(['data', 'list'], standalone_mode=False)\n"
        "heavy = {'torch', 'optuna', 'ray', 'pandas', 'scipy', 'PIL'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("scenes")


def test_what_is_right_is_counted(tmp_path: Path) -> None:
    values, wrong = checked("voc", trees.voc(tmp_path))
    assert not wrong
    assert values["faults"] == []
    train = values["splits"]["train"]
    assert (train["number"], train["sizes"]) == (2, [{"size": [8, 12], "images": 2}])
    assert train["void"] == pytest.approx(1 / 3)
    assert train["classes"]["tvmonitor"] == {"share": 0.5, "pixels": 64, "images": 2}
    assert train["classes"]["cow"] == {"share": 0.0, "pixels": 0, "images": 0}
    assert values["splits"]["test"]["number"] == 0


def test_everything_wrong_is_told_by_file(broken: Path) -> None:
    values, wrong = checked("folder", broken)
    assert wrong
    told = {str(Path(each["file"]).relative_to(broken)): each["what"] for each in values["faults"]}
    assert {file: what.split(":")[0] for file, what in told.items()} == {
        "train/images/0.png": "has no labels",
        "train/images/a b.png": "cannot be read",
        "train/labels/a b.png": "has the label values 44, 77",
        "val/labels/0.png": "has the label value 99",
        "val/labels/1.png": "is 8x8 but 1.png is 8x12",
    }
    assert f"{broken / 'val/labels/spare.png'} has no image" in values["notes"]
    assert "class 'moon' is in no training image" in values["notes"]
    assert values["splits"]["train"]["number"] == 2
    assert values["splits"]["train"]["sizes"] == [{"size": [8, 12], "images": 1}]


@pytest.mark.parametrize("width", [60, 140])
def test_the_report_has_all_that_the_program_gets(broken: Path, width: int) -> None:
    file = StringIO()
    with pytest.raises(RunFailed, match="folder: 4 things are wrong"):
        data.check(None, False, settings("folder", broken), Console(file=file, width=width))
    lines = file.getvalue().splitlines()
    values, _ = checked("folder", broken)
    for wrong in values["wrong"]:
        assert f"wrong  {wrong}" in lines
    for note in values["notes"]:
        assert f"note   {note}" in lines
    assert "  train  2 images  8×12  25.0 % void" in lines


def test_a_class_that_is_only_validated_on_is_noted(tmp_path: Path) -> None:
    root = trees.folder(tmp_path)
    (root / "classes.txt").write_text("road\ncar\nsky\nmoon\n")
    trees.save_label(root / "val/labels/0.png", 3)
    values, wrong = checked("folder", root)
    assert not wrong
    line = "class 'moon' is in no training image, but in validation: its IoU will be 0"
    assert line in values["notes"]


def test_sizes_that_differ_are_summed_up(tmp_path: Path) -> None:
    root = trees.folder(tmp_path)
    for number in range(5):
        shape = (10 + number, 30 - number)
        trees.Image.new("RGB", shape[::-1]).save(root / f"train/images/{number}.png")
        trees.Image.new("L", shape[::-1]).save(root / f"train/labels/{number}.png")
    text = printed(data.check, None, False, settings("folder", root))
    assert "7 images  6 sizes within 8×12 to 14×30, most often 8×12 (2)" in text


def streets(number: int = 20, **given: Any) -> Pictures:
    """Half sky, half road with a strip of two rows in it."""
    rows = [2] * 8 + [0] * 3 + [1] * 2 + [0] * 3
    train = [(noise(index), labels(rows)) for index in range(number)]
    return Pictures(train, [(noise(99), labels(rows))], **given)


def test_a_data_set_that_is_open_is_checked_too() -> None:
    text = printed(reading.check_dataset, streets(), False, width=200)
    assert "  train  20 images  16×24  0.0 % void\n" in text
    assert "thinnest is car: 2.0 px (20 images)" in text
    assert "3 channels of 8 bits: mean 50 50 50 %, spread 29 29 29 %" in text
    assert "every short side is 16 pixels" in text
    assert "images have an up: sky is at 25 % of the height, from the top; no class" in text
    assert "no image is there twice, in two parts" in text
    assert "test" not in text


@pytest.mark.parametrize(
    ("power", "verdict"),
    [(1, "grow with the image: cameras differ"), (0, "do not grow with the image: a pixel")],
)
def test_sizes_that_differ_are_explained(power: int, verdict: str) -> None:
    """Strips of 4 pixels at a short side of 64, in images of 64 to 192."""
    train = []
    for index, side in enumerate((64, 128, 192) * 4):
        rows = np.zeros(side, np.uint8)
        rows[20 : 20 + round(4 * (side / 64) ** power)] = 1
        train.append((noise(index, shape=(side, 200)), labels(rows, 200)))
    text = printed(reading.check_dataset, Pictures(train, train[:1]), False, width=200)
    assert f"short sides are 64 to 192 pixels; structures {verdict}" in text
    assert f"to the power {power}.00 ± 0.00" in text


@pytest.mark.parametrize("width", [80, 120])
def test_what_was_measured_fits_the_terminal(width: int) -> None:
    found = streets(test=streets(2).train, classes=("road", "sign_or_symbol", "sky"))
    lines = printed(reading.check_dataset, found, False, width=width).splitlines()
    measured = [line for line in lines if not line.startswith(("note", "wrong"))]
    assert max(map(len, measured)) <= width
    (row,) = (line for line in lines if "sign_or_symbol  " in line)
    assert row.split()[-2:] == ["2.0", "px"]
    assert ("█" in row) == (width == 120)
    assert row.count("12.5 %") == 3


def test_every_key_of_the_json_is_documented() -> None:
    def keys(values: Any) -> set[str]:
        if isinstance(values, list):
            return set().union(*map(keys, values))
        if not isinstance(values, dict):
            return set()
        own = set() if {*values} <= {*found.classes} else {*values}
        return own.union(*map(keys, values.values()))

    found = streets(test=streets(1).train)
    words = set(re.findall(r"\w+", str(data.__doc__)))
    assert keys(json.loads(printed(reading.check_dataset, found, True))) <= words


def test_a_config_with_value_map_and_split_is_read_and_written_out(tmp_path: Path) -> None:
    trees.unsplit(tmp_path / "data")
    (tmp_path / "mine.yaml").write_text(
        "data: {name: folder, root: DIR, values: {0: road, 1: void, 2: sky}, split: {share: 0.2},"
        " classes: [road, sky]}\n".replace("DIR", str(tmp_path / "data"))
    )
    (tmp_path / "other.yaml").write_text(
        "extends: BASE\ndata: {values: {0: sky, 2: road}}".replace(
            "BASE", str(tmp_path / "mine.yaml")
        )
    )
    mine = config.load(str(tmp_path / "mine.yaml"))
    assert config.parse(yaml.safe_load(mine.to_yaml()), "again") == mine
    found = build.dataset(mine, (8, 12))
    assert found.classes == ("road", "sky")
    assert found.load("val", 0)[1][0].tolist() == [0] * 3 + [IGNORE] * 3 + [1] * 3 + [IGNORE] * 3
    assert config.load(str(tmp_path / "other.yaml")).data.values == {"0": "sky", "2": "road"}
    set_ = config.load(str(tmp_path / "mine.yaml"), ["data.values.1=road"]).data.values
    assert set_ == {"0": "road", "1": "road", "2": "sky"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.split=0.2", "data.split must be a mapping of keys to values or null, not 0.2"),
        ("data.split.share=1", "data.split.share must be above 0 and below 1, not 1"),
        ("data.split.xyz=t.txt", "data.split.xyz: unknown key; there are train, val, share"),
        ("data.values=[road]", "data.values must be a mapping of keys to values or null"),
        ("data.name=ade20k", "data.name must be one of scenes, folder"),
        (
            "proxy.asha.grace=2",
            "proxy.asha.grace: unknown key; there are grace_period, reduction_factor",
        ),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(setting: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        config.load("quickstart", [setting])
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_packing_beforehand_is_what_a_run_finds(tmp_path: Path) -> None:
    trees.cityscapes(tmp_path / "data")
    sizes = ["proxy.size=[32, 64]", "promotion.size=[64, 128]", f"data.cache={tmp_path / 'cache'}"]
    words = settings("cityscapes", tmp_path / "data", *sizes)
    text = printed(data.pack, "cityscapes", words)
    paths = [Path(line.split("  ")[0]) for line in text.splitlines()]
    seen = [Sight(cover=(32, 64)), Sight(cover=(64, 128))]
    assert [open_packed(path).sight for path in paths] == seen
    loaded = config.load("cityscapes", words)
    assert build.packed(loaded, loaded.proxy, Console(quiet=True)) == paths[0]
    assert build.packed(loaded, loaded.promotion, Console(quiet=True)) == paths[1]
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_one_size_is_packed_once(tmp_path: Path) -> None:
    words = ["data.scenes=[2, 1]", f"data.cache={tmp_path}"]
    sizes = ["proxy.size=[32, 48]", "promotion.size=[32, 48]"]
    assert len(printed(data.pack, None, [*words, *sizes]).splitlines()) == 1


def test_the_exit_code_says_whether_something_is_wrong(
    broken: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nas import cli

    words = [part for each in settings("folder", broken) for part in ("--set", each)]
    codes = []
    for more in ([], ["--set", "data.root=nowhere"], ["--set", "data.name=scenes"]):
        monkeypatch.setattr("sys.argv", ["nas", "data", "check", *words, *more, "--json"])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        codes.append(stop.value.code)
    assert codes == [1, 2, 2]
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[0] == "nas: folder: 4 things are wrong"
    assert "no folder nowhere" in lines[1]
    assert "takes no root" in lines[2]
