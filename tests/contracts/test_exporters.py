"""Every exporter in FORMATS: it writes what it says, refuses in one line what it cannot hold,
leaves nothing behind where it fails, and labels images as ``nas evaluate`` does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from nas.commands.evaluate import Options, evaluate
from nas.commands.export import export
from proxy_tasks.tally import Tally
from results.export import FORMATS, fresh_process
from results.export.exporter import Exporter, exporter
from results.export.fresh_process import INSTALLED
from results.export.sources import OWN_PACKAGES
from results.export.subject import Subject
from results.export.sums import SUMS
from search_space.architecture import Architecture, Block
from search_space.errors import UserError
from search_space.files import sha256
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.taps import smallest_side
from tests.support.exports import (
    BACKBONE,
    CLASSES,
    SCALE,
    SIZE,
    SIZES,
    names,
    save_photos,
    save_weights,
    subject_of,
)

torch.set_num_threads(1)

ROOT = Path(__file__).parents[2]
LARGEST, WINDOW = 5000, (40, 56)
"""Of pixels as they are seen: the last image has more."""
PLAIN = Architecture(
    (Block(2, "bottleneck"),) * 2,
    (
        Block(4, "residual", (0, 1), output=True),
        Block(3, "bottleneck", (1, 2), output=True),
    ),
    (3, 4),
)
"""What every format holds."""
SUBJECTS = {
    "searched": Subject(PLAIN, SCALE, CLASSES, SIZE, "searched"),
    "dilated": Subject(BACKBONE, SCALE, CLASSES, SIZE, "dilated"),
    "resnet": Subject(DilatedResNet((1, 1, 1, 1)), SCALE, CLASSES, SIZE, "resnet"),
    "classifier": Subject(PLAIN, Scale(head="classifier"), CLASSES, SIZE, "classifier"),
}


@dataclass(frozen=True)
class Written:
    """What one exporter wrote: a trained network, or a plain spec. Leave its folder as it is."""

    exporter: Exporter
    subject: Subject
    folder: Path
    paths: list[Path]
    compared: int


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def weights(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_weights(photos, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def subject(weights: Path) -> Subject:
    return subject_of(weights)


@pytest.fixture(params=FORMATS)
def each(request: pytest.FixtureRequest) -> Exporter:
    return exporter(request.param)


@pytest.fixture(scope="module", params=FORMATS)
def written(
    request: pytest.FixtureRequest, subject: Subject, tmp_path_factory: pytest.TempPathFactory
) -> Written:
    each, calls = exporter(request.param), []
    folder = tmp_path_factory.mktemp("written") / "deep" / "out"
    differences = fresh_process._differences
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            fresh_process, "_differences", lambda *given: calls.append(given) or differences(*given)
        )
        _skip_without(each.made_with)
        made = subject if each.network else SUBJECTS["searched"]
        return Written(each, made, folder, each.export(made, folder), len(calls))


def _skip_without(packages: tuple[str, ...]) -> None:
    if missing := [name for name in packages if find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} not installed")


# The table


def test_the_table_says_in_a_line_what_its_exporters_are() -> None:
    for name, known in FORMATS.items():
        assert exporter(name).name == name
        assert 10 < len(known.says) < 80
        assert "\n" not in known.says


def test_the_table_is_read_without_loading_torch() -> None:
    code = "import sys, results.export; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_no_two_exporters_write_the_same_file(tmp_path: Path) -> None:
    """But for the two forms of one list, which replace each other."""
    known = [exporter(name) for name in FORMATS if name != "tf-vision-dilated"]
    places = [f"{each.folder}/{file}" for each in known for file in each.files]
    assert len(set(places)) == len(places)


def test_what_an_exporter_is_made_with_comes_with_its_extra(each: Exporter) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(each.made_with) <= set(extras["optional-dependencies"].get(each.extra, ()))
    assert bool(each.made_with) == bool(each.extra)


def test_the_documentation_has_the_table() -> None:
    """Of the formats, their files and needs; where it differs, write there what is expected."""
    rows = ["| format | what it is | files in `found/` | needs |", "|---|---|---|---|"]
    for name, known in FORMATS.items():
        each = exporter(name)
        files = ", ".join(f"`{file}`" for file in each.files)
        place = f"`{each.folder}/`: " if each.folder else ""
        rows.append(f"| `{name}` | {known.says} | {place}{files} | {', '.join(each.needs)} |")
    assert "\n".join(rows) + "\n" in (ROOT / "docs" / "how-to" / "export.md").read_text("utf-8")


# What is written


def test_it_writes_the_files_that_it_says_in_their_order(written: Written) -> None:
    assert tuple(path.name for path in written.paths) == written.exporter.files
    assert names(written.folder) == set(written.exporter.files)
    assert names(written.folder.parent) == {"out"}
    assert len({path.stat().st_mode for path in written.paths}) == 1


def test_the_digest_of_weights_is_one_that_other_tools_verify(written: Written) -> None:
    if not written.exporter.network:
        pytest.skip("has no weights")
    weights, page = written.exporter.files[0], (written.folder / SUMS).read_text("ascii")
    assert page == f"{sha256(written.folder / weights)}  {weights}\n"
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", SUMS], cwd=written.folder, check=True)


def test_a_network_is_compared_in_a_fresh_process_before_it_is_written(written: Written) -> None:
    assert bool(written.compared) == written.exporter.network


def test_every_page_says_the_smallest_image_that_a_network_is_good_for(written: Written) -> None:
    if "README.md" not in written.exporter.files:
        pytest.skip("has no page")
    page = (written.folder / "README.md").read_text("utf-8")
    assert written.subject.spec.smallest == smallest_side(BACKBONE, written.subject.spec.rates)
    assert f"at least {written.subject.spec.smallest} pixels" in page
    assert "larger images wake them up: 2." in page  # its crops were of 48x64 pixels


def test_without_weights_none_of_an_earlier_export_stay(
    each: Exporter, subject: Subject, tmp_path: Path
) -> None:
    if not each.weights:
        pytest.skip("has no file of weights alone")
    (tmp_path / each.weights).write_text("of another network")
    (tmp_path / "mine.txt").write_text("somebody's own")
    paths = each.export(SUBJECTS["searched"], tmp_path)
    assert {path.name for path in paths} == set(each.files) - {each.weights, SUMS}
    assert names(tmp_path) == {path.name for path in paths} | {"mine.txt"}


@pytest.mark.parametrize("kind", SUBJECTS)
def test_it_writes_a_network_or_refuses_it_in_one_line(
    each: Exporter, kind: str, tmp_path: Path
) -> None:
    _skip_without(each.made_with)
    if each.network and kind in ("searched", "dilated"):
        each.check(SUBJECTS[kind])  # written by the fixture above
        return
    found = _tried(each, SUBJECTS[kind], tmp_path / "out")
    if isinstance(found, UserError):
        assert kind != "searched"
        assert len(str(found).splitlines()) == 1
        assert names(tmp_path) == set()
    else:
        assert (kind, each.network) != ("classifier", True)
        without = {each.weights, SUMS} if each.weights else set()
        assert {path.name for path in found} == set(each.files) - without


def _tried(each: Exporter, subject: Subject, folder: Path) -> list[Path] | UserError:
    try:
        return each.export(subject, folder)
    except UserError as error:
        return error


def test_what_one_format_refuses_is_written_in_none(tmp_path: Path) -> None:
    name, console = "deeplabv3-resnet-50-os16", Console(quiet=True)
    with pytest.raises(UserError, match=f"{name}: a ResNet has no block diagram"):
        export(name, None, ["spec", "diagram"], tmp_path / "out", console)
    assert names(tmp_path) == set()


def test_a_missing_package_is_named_with_what_installs_it(
    each: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not each.made_with:
        pytest.skip("is made with what is always there")
    monkeypatch.setattr("results.export.exporter.find_spec", lambda _: None)
    wanted = f"--format {each.name} needs .*{each.made_with[-1]}.*spinenet-seg-nas\\[{each.extra}]"
    with pytest.raises(UserError, match=wanted):
        each.export(SUBJECTS["searched"], tmp_path / "out")
    assert names(tmp_path) == set()


# What fails


def test_what_fails_half_way_leaves_nothing_behind(each: Exporter, tmp_path: Path) -> None:
    def half(_: Subject, stage: Path) -> None:
        (stage / each.files[0]).write_text("half of it")
        raise RuntimeError("the disk went away")

    broken = replace(each, write=half, made_with=())
    with pytest.raises(RuntimeError, match="went away"):
        broken.export(SUBJECTS["searched"], tmp_path / "deep" / "out")
    assert names(tmp_path) == set()


def test_what_fails_leaves_an_earlier_export_as_it_was(each: Exporter, tmp_path: Path) -> None:
    def half(_: Subject, stage: Path) -> None:
        (stage / each.files[0]).write_text("half of it")
        raise RuntimeError("the disk went away")

    (tmp_path / each.files[0]).write_text("the one before")
    with pytest.raises(RuntimeError, match="went away"):
        replace(each, write=half, made_with=()).export(SUBJECTS["searched"], tmp_path)
    assert names(tmp_path) == {each.files[0]}
    assert (tmp_path / each.files[0]).read_text() == "the one before"


@pytest.mark.parametrize("way", ["out", "out/deeper"])
def test_a_file_in_the_folders_place_is_a_users_mistake(
    each: Exporter, way: str, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="out: is a file"):
        replace(each, made_with=()).export(SUBJECTS["searched"], tmp_path / way)
    assert names(tmp_path) == {"out"}


# How it is used

RUN = """
import sys
sys.path[:0] = FOLDER, ROOT
for name in FORBIDDEN:
    sys.modules[name] = None
try:
    import torch
except ImportError:
    pass
else:
    torch.set_num_threads(1)
    x_BCHW = torch.zeros(1, 3, 32, 32)
import numpy
image = numpy.zeros((40, 50, 3), numpy.uint8)
"""
LABEL = """
MODULE = LINES.split()[1]
exec(f"import {MODULE} as module")
module.LARGEST, module.WINDOW = LIMITS
*loading, labelling = LINES.splitlines()
exec("\\n".join(loading))
for name in NAMES:
    image = numpy.load(f"{PLACE}/{name}.npy")
    exec(labelling)
    numpy.save(f"{PLACE}/{name}-labels.npy", labels_HW)
"""


def _run(written: Written, code: str, **known: object) -> None:
    """In the export's folder, with nothing but what it needs."""
    hidden = [*OWN_PACKAGES, *INSTALLED]
    if "search_space" in written.exporter.needs:
        hidden = list(INSTALLED)
        hidden.remove("yaml")
    known |= {"FOLDER": str(written.folder), "ROOT": str(ROOT)}
    known["FORBIDDEN"] = [name for name in hidden if name not in written.exporter.needs]
    names = "\n".join(f"{name} = {value!r}" for name, value in known.items())
    command = [sys.executable, "-I", "-c", f"{names}\n{RUN}\n{code}"]
    done = subprocess.run(command, cwd=written.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_its_page_has_its_lines_and_they_run(written: Written) -> None:
    lines = written.exporter.lines(written.subject)
    if "README.md" in written.exporter.files:
        page = (written.folder / "README.md").read_text("utf-8")
        assert page.split("```python\n")[1].split("```")[0] == f"{lines}\n"
    _skip_without(written.exporter.needs)
    _run(written, lines)


@pytest.fixture(scope="module")
def evaluated(
    weights: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[float, dict[str, np.ndarray]]:
    """mIoU of ``nas evaluate``, and the label maps that it scored."""
    out, said = tmp_path_factory.mktemp("evaluated") / "out", StringIO()
    options = Options("folder", [f"data.root={photos}"], output=out, as_json=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("proxy_tasks.views.LARGEST", LARGEST)
        patch.setattr("proxy_tasks.views.WINDOW", WINDOW)
        evaluate(weights, options, Console(file=said))
    maps = {name: np.asarray(Image.open(out / "colours" / f"{name}.png")) for name in SIZES}
    assert all(len(np.unique(each)) > 1 for each in maps.values())
    return json.loads(said.getvalue())["scores"]["miou"], maps


def test_its_lines_label_as_nas_evaluate_scored(
    written: Written,
    evaluated: tuple[float, dict[str, np.ndarray]],
    photos: Path,
    tmp_path: Path,
) -> None:
    lines, ties = written.exporter.lines(written.subject), written.exporter.ties
    if "predict(image)" not in lines:
        pytest.skip("labels no images")
    for name in SIZES:
        image = np.asarray(Image.open(photos / "val" / "images" / f"{name}.png"))
        np.save(tmp_path / f"{name}.npy", image)
    limits = LARGEST, WINDOW
    _run(written, LABEL, LINES=lines, LIMITS=limits, NAMES=list(SIZES), PLACE=str(tmp_path))
    miou, maps = evaluated
    tally, wrong = Tally(CLASSES), 0
    for name, expected in maps.items():
        found = np.load(tmp_path / f"{name}-labels.npy")
        assert (found.shape, found.dtype) == (expected.shape, np.uint8)
        wrong += int((found != expected).sum())
        tally.add(found, np.asarray(Image.open(photos / "val" / "labels" / f"{name}.png")))
    assert wrong <= ties * sum(each.size for each in maps.values())
    assert tally.scores().miou == pytest.approx(miou, abs=1e-4 if ties else 1e-12)
