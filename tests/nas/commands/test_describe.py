"""``nas describe``, and ``nas export`` of what is no run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nas import cli
from nas.commands.catalogue import catalogue
from nas.commands.describe import describe
from results import description
from results.build_options import build_options, parse_size
from results.cost_table import WIDE
from results.export.standalone import PYTHON
from search_space import architecture_file, catalog
from search_space.scales import SCALES

FOUND = "spinenet-seg-camvid-28"


@pytest.fixture
def nas(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a command line: (exit code, standard output, standard error)."""

    def nas(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["nas", *words])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return nas


def of(nas: Any, *words: str) -> dict[str, Any]:
    """The one JSON object that a command prints."""
    code, out, err = nas("describe", *words, "--json")
    assert (code, err) == (0, "")
    values: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
    return values


def shown(name: str, width: int, **options: Any) -> list[str]:
    """The lines on a terminal of this width."""
    file = StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    describe(name, build_options(**options), False, False, (), console)
    return file.getvalue().splitlines()


def rows(lines: list[str]) -> int:
    """Lines of the table of parts."""
    first = next(i for i, line in enumerate(lines) if line.startswith("stem"))
    return next(i for i, line in enumerate(lines) if line.startswith("total")) - first


def buildable() -> list[tuple[str, str]]:
    return [(name, scale) for name in catalog.names() for scale in SCALES]


@pytest.mark.parametrize(
    ("scale", "parameters"), [("49S", 9_218_215), ("49", 22_088_488), ("190", 127_100_664)]
)
def test_spinenets_have_the_published_parameters(nas, scale: str, parameters: int) -> None:
    """Of tensorflow/models."""
    values = of(nas, "spinenet-49", "--scale", scale)
    assert values["parameters"] == parameters
    assert values["scale"]["stem_filters"] == 64
    assert (values["size"], values["classes"]) == ([224, 224], 1000)
    assert values["aspp_rates"] == []


def test_a_baseline_has_the_published_parameters_and_rates(nas) -> None:
    words = ["deeplabv3-resnet-50-os8", "--classes", "21", "--auxiliary", "--size", "513"]
    values = of(nas, *words)
    assert values["parameters"] == 42_004_074  # torchvision's, with its auxiliary head
    assert values["aspp_rates"] == [12, 24, 36]
    assert [stage["dilation"] for stage in values["stages"]] == [1, 1, 2, 4]
    assert values["output_stride"] == 8
    assert list(values["receptive_fields"]) == ["3"]


def test_dilations_that_are_dead_at_a_size_are_named(nas) -> None:
    values = of(nas, FOUND, "--size", "96x128")
    assert values["dead"] == [{"part": part, "level": 5, "reach": 4} for part in ("6", "8")]
    assert values["smallest_side"] == 129
    _, out, _ = nas("describe", FOUND, "--size", "96x128")
    assert "6 (d4 on 3×4), 8 (d4 on 3×4) read nothing but padding" in out
    assert of(nas, FOUND, "--size", "129")["dead"] == []
    assert "dead taps" not in nas("describe", FOUND, "--size", "129")[1]


def test_parts_add_up_to_the_totals_everywhere(nas) -> None:
    assert len(buildable()) > 60
    for name, scale in buildable():
        built = build_options(scale, "65x127")
        values = description.as_dict(description.load(name, built))
        for each in ("parameters", "macs"):
            assert sum(part[each] for part in values["parts"]) == values[each] > 0, (name, scale)


def test_json_holds_the_structure_of_every_block(nas) -> None:
    values = of(nas, FOUND, "--size", "360x480", "--classes", "11")
    spec = catalog.load(FOUND)
    assert values["key"] == "51727479b1af3820"
    assert (values["size"], values["classes"]) == ([360, 480], 11)
    assert values["scale"]["name"] == "S49"
    assert [b["id"] for b in values["blocks"] if not b["built"]] == [7, 11, 12]
    assert {b["id"] for b in values["blocks"] if b["read_out"]} == {13, 14, 15}
    block = values["blocks"][13]
    assert block["inputs"] == [
        {"block": 1, "resampled": "down"},
        {"block": 5, "resampled": "up"},
    ]
    assert (block["absorbed"], block["stride"], block["dilation"]) == ([10], 8, 2)
    built = [part["name"] for part in values["parts"] if part["name"].isdecimal()]
    assert built == [str(index) for index in sorted(spec.alive)]
    part = next(part for part in values["parts"] if part["name"] == "13")
    assert (part["level"], part["channels"], part["size"]) == (3, 128, [45, 60])
    assert list(values["receptive_fields"]) == ["3", "4", "5"]
    assert values["provenance"]["scores"]["promoted_miou"] == pytest.approx(0.4303, abs=1e-4)


def test_the_training_memory_grows_by_one_image_an_image(nas) -> None:
    values = of(nas, FOUND, "--size", "512")
    one, sixteen = values["training_bytes"]["1"], values["training_bytes"]["16"]
    weights = 5 * 4 * values["parameters"]
    assert sixteen == weights + 16 * values["activation_bytes"]
    # Of a single image, a kernel's gradient can weigh more than the activations at their peak.
    assert weights + values["activation_bytes"] <= one < sixteen


def test_people_see_what_programs_see(nas) -> None:
    values = of(nas, FOUND)
    code, out, err = nas("describe", FOUND)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    lines = out.splitlines()
    assert f"{values['parameters']:,}" in out
    assert f"{values['macs']:,}" in out
    assert "--scale S49 --size 512x1024 --classes 19" in out
    assert "promoted mIoU 43.0 %" in out
    assert "12, 24, 36 at stride 8" in out
    total = next(line for line in lines if line.startswith("total")).split()
    assert total[1] == f"{values['parameters'] / 1e6:.2f}"
    assert total[2] == f"{values['macs'] / 1e9:.2f}"
    assert total[4] == f"{values['activation_bytes'] / 1e6:.1f}"
    part = next(part for part in values["parts"] if part["name"] == "13")
    row = next(line for line in lines if line.startswith("◈ 13")).split()
    assert row[-2] == f"{100 * part['macs'] / values['macs']:.1f}"
    assert any(line.startswith("◈ 13") and "1↓ 5↑ +10" in line for line in lines)
    assert any(line.startswith("◇ 12") and "never built" in line for line in lines)


def test_every_column_adds_up_to_its_total() -> None:
    lines = shown("spinenet-49", 120)
    first = next(i for i, line in enumerate(lines) if line.startswith("stem"))
    last = next(i for i, line in enumerate(lines) if line.startswith("total"))
    rows = [line.split() for line in lines[first : last - 1]]
    rows = [row for row in rows if row[0] != "□"]
    assert rows[-1][0] == "transient"
    total = [float(value) for value in lines[last].split()[1:]]
    for column, whole in zip((-4, -3, -2), total[:3], strict=True):
        added = sum(float(row[column]) for row in rows[:-1])
        assert added == pytest.approx(whole, abs=0.005 * len(rows) * (10 if column == -2 else 1))
    memory = sum(float(row[-1]) for row in rows)
    assert memory == pytest.approx(total[3], abs=0.0005 * len(rows))


@pytest.mark.parametrize("width", [80, WIDE])
def test_all_of_it_fits_the_terminal(width: int) -> None:
    chosen = [pair for pair in buildable() if "S143+" in pair or FOUND in pair]
    for name, scale in chosen:
        lines = shown(name, width, scale=scale)
        assert max(map(len, lines)) <= width, (name, scale)
        assert "…" not in "\n".join(lines), (name, scale)
    assert rows(shown(FOUND, WIDE)) == rows(shown(FOUND, 300))  # no cell is broken
    row = next(line for line in shown("spinenet-49", width) if line.startswith("■ 2"))
    assert "0→ 1→" in row
    assert ("bottleneck" in row) == (width == WIDE)


def test_the_catalogue_lists_every_entry_and_scale(nas) -> None:
    values = of(nas)
    assert [each["name"] for each in values["catalogue"]] == list(catalog.names())
    assert [each["name"] for each in values["scales"]] == list(SCALES)
    entry = next(each for each in values["catalogue"] if each["name"] == "spinenet-49")
    assert entry["macs"] == of(nas, "spinenet-49")["macs"]
    file = StringIO()
    catalogue(build_options(), False, Console(file=file, width=80))
    lines = file.getvalue().splitlines()
    for name in (*catalog.names(), *SCALES):
        assert any(line.split()[:1] == [name] for line in lines), name
    assert "…" not in file.getvalue()


def test_a_baseline_labels_pixels_at_a_classifiers_scale_too(nas) -> None:
    values = of(nas, "deeplabv3-resnet-50-os8", "--scale", "190")
    assert (values["head"], values["size"], values["classes"]) == ("deeplabv3", [512, 1024], 19)
    given = of(nas, "deeplabv3-resnet-50-os8", "--scale", "190", "--size", "64", "--classes", "3")
    assert (given["size"], given["classes"]) == ([64, 64], 3)


def test_the_catalogue_is_listed_at_one_size_whatever_the_heads(nas) -> None:
    listed = of(nas, "--scale", "49")["catalogue"]
    assert {tuple(each["size"]) for each in listed} == {(224, 224)}
    assert {each["head"] for each in listed} == {"classifier", "deeplabv3", "deeplabv3+"}


def test_a_diagram_is_drawn_and_json_stays_alone(
    nas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.svg", tmp_path / "b.png"]
    words = [FOUND, *[word for path in paths for word in ("--diagram", str(path))]]
    assert of(nas, *words)["name"] == FOUND
    assert paths[0].read_text().startswith("<?xml")
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("results.drawing.draw", lambda _, listed, title: listed)
    code, out, _ = nas("describe", *words)
    assert code == 0
    assert out.endswith(f"wrote {paths[0]}\nwrote {paths[1]}\n")


def test_a_file_from_elsewhere_cannot_steer_the_terminal(nas, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    architecture_file.save(path, catalog.load(FOUND), {"by": "\x1b[2Jme [bold]", "loss": 1.5})
    path.write_text(path.read_text() + "  worst: .nan\n  when: 2024-05-01\n")
    code, out, _ = nas("describe", str(path))
    assert code == 0
    assert "mine  scale-permuted" in out
    assert "\x1b" not in out
    assert "me [bold]; loss 1.5; worst nan; when 2024-05-01" in out
    said = of(nas, str(path))["provenance"]
    assert said == {"by": "\x1b[2Jme [bold]", "loss": 1.5, "worst": None, "when": "2024-05-01"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resnet-51"], "spinenet-49"),
        (["FOLDER"], "FOLDER"),
        (["FOLDER/none.yaml"], "none.yaml"),
        ([FOUND, "--scale", "S50"], "--scale: no scale is called 'S50': write one of S49-, S49"),
        ([FOUND, "--size", "12y4"], "--size 12y4: write pixels, as in 224 or 512x1024"),
        ([FOUND, "--size", "0"], "--size 0: an image has at least 1 pixel"),
        ([FOUND, "--size", "512x0"], "--size 512x0: an image has at least 1 pixel"),
        ([FOUND, "--size", "9" * 5000], "at most 99999 a side"),
        ([FOUND, "--classes", "0"], "--classes 0: must be at least 1"),
        ([FOUND, "--auxiliary"], "only a ResNet takes an auxiliary head"),
        (["deeplabv3-resnet-50-os8", "--diagram", "FOLDER/a.svg"], "no block diagram"),
        ([FOUND, "--diagram", "FOLDER/none/a.svg"], "cannot be written"),
        ([FOUND, "--diagram", "FOLDER/a.gif"], "a figure is written as .png or .svg"),
        (["--auxiliary"], "need a name or a file"),
        (["--scale", "S50"], "no scale is called 'S50'"),
    ],
)
def test_a_mistake_gets_one_line(nas, words: list[str], message: str, tmp_path: Path) -> None:
    placed = [word.replace("FOLDER", str(tmp_path)) for word in words]
    code, out, err = nas("describe", *placed)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert message.replace("FOLDER", str(tmp_path)) in err
    assert list(tmp_path.iterdir()) == []


def test_sizes_are_height_by_width() -> None:
    assert parse_size("224") == (224, 224)
    assert parse_size("512x1024") == (512, 1024)
    assert parse_size("512×1024") == (512, 1024)


def test_nothing_slow_is_loaded() -> None:
    code = """
import sys
from nas.cli import main
try:
    main()
finally:
    slow = {"torch", "ray", "optuna", "pandas", "matplotlib"}
    assert not slow & set(sys.modules), slow & set(sys.modules)
"""
    words = [sys.executable, "-c", code, "describe", FOUND]
    done = subprocess.run(words, capture_output=True, text=True, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "S49, DeepLabv3, 19 classes" in done.stdout
    assert done.stderr == ""


def test_an_export_by_name_is_built_as_the_options_say(
    nas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []
    kept = replace(PYTHON, files=(), weights="", write=lambda what, _: asked.append(what))
    monkeypatch.setattr("results.export.standalone.PYTHON", kept)
    options = ["--format", "python", "-o", str(tmp_path)]
    assert nas("export", FOUND, *options)[0] == 0
    choice = ["--scale", "S143+", "--size", "360x480", "--classes", "11"]
    assert nas("export", FOUND, *options, *choice)[0] == 0
    usual, chosen = asked
    assert (usual.scale, usual.size, len(usual.classes)) == (SCALES["S49"], (512, 1024), 19)
    assert (chosen.scale, chosen.size, len(chosen.classes)) == (SCALES["S143+"], (360, 480), 11)
    assert chosen.backbone == catalog.load(FOUND)


def test_a_spec_is_exported_by_name_with_where_it_came_from(nas, tmp_path: Path) -> None:
    assert nas("export", FOUND, "-o", str(tmp_path))[0] == 0
    spec = architecture_file.load_spec(tmp_path / "architecture.yaml")
    assert spec == catalog.find(FOUND)
    assert spec.provenance["trial"] == 28


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["FOLDER", "--scale", "S96", "--size", "64"], "--scale, --size: leave out"),
        ([FOUND, "--trial", "best"], "is not a run's folder"),
        (["nothing"], "spinenet-49"),
        ([FOUND, "--size", "big"], "--size big: write pixels"),
    ],
)
def test_an_export_that_makes_no_sense(nas, words: list[str], message: str, tmp_path: Path) -> None:
    placed = [word.replace("FOLDER", str(tmp_path)) for word in words]
    code, out, err = nas("export", *placed, "-o", str(tmp_path / "out"))
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert message in err
    assert not (tmp_path / "out").exists()
