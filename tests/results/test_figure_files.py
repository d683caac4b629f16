from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from results import figure_files, plot, report
from results.views.snapshot import Promoted, Snapshot
from results.views.style import axis, empty, figure
from search_space.errors import UserError
from tests.support.observed import HOSTILE, baseline, candidate, snapshot

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def now() -> Snapshot:
    full = [Promoted("trial-0003", 3, 0.5, 60, 10, 10, 1.0)]
    return snapshot([baseline(0, HOSTILE), *map(candidate, range(1, 20))], promoted=full)


@pytest.fixture(scope="module")
def folder(now: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper") / "figures"
    written = figure_files.write(now, folder)
    assert sorted(written) == sorted(folder.iterdir())
    return folder


def words(path: Path) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.parse(path).iter(f"{SVG}text")]


def test_every_figure_of_the_report_is_a_file_with_its_words(now: Snapshot, folder: Path) -> None:
    drawn = report.figures_of(now)
    assert {path.stem for path in folder.iterdir()} >= set(drawn)
    assert len([path for path in folder.iterdir() if "diagram" in path.stem]) == report.BEST
    for name, view in drawn.items():
        found = words(folder / f"{name}.svg")
        assert report.title_of(name) in found
        if "title" in view["layout"].get("xaxis", {}):
            assert view["layout"]["xaxis"]["title"]["text"] in found
    assert HOSTILE in words(folder / "best.svg")  # the baseline's line, in the legend
    assert "trial-0003" in words(folder / "promotions.svg")


def test_figures_of_a_run_without_trials_say_why_they_are_empty(tmp_path: Path) -> None:
    figure_files.write(snapshot([]), tmp_path)
    assert "no candidate has a score yet" in words(tmp_path / "best.svg")


def test_points_stand_where_they_are_and_bars_are_as_long_as_they_are() -> None:
    with plot.figures.style():
        axes = plot.figures.new_figure(4, 3).add_axes((0, 0, 1, 1))
    bars = {"type": "bar", "name": "all", "x": ["a", "b"], "y": [1.0, 3.0]}
    other = {**bars, "name": "best", "y": [2.0, 4.0]}
    data = [{**each, "marker": {"color": "#000"}} for each in (bars, other)]
    line = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [7, 8], "line": {"width": 1}}
    line["line"] |= {"color": "#123456", "dash": "dot"}
    high = axis("height", range=[0, 9])
    plot._draw(axes, figure([*data, line], axis("name"), high, showlegend=True))
    assert [patch.get_height() for patch in axes.patches] == [1, 3, 2, 4]
    first, second = axes.patches[0], axes.patches[2]
    assert first.get_x() + first.get_width() == pytest.approx(second.get_x())
    (drawn,) = axes.lines
    assert (drawn.get_color(), drawn.get_linestyle()) == ("#123456", ":")
    assert drawn.get_ydata().tolist() == [7, 8]
    assert axes.get_ylim() == (0, 9)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: cannot be made"):
        figure_files.write(snapshot([]), tmp_path / "file")
    with pytest.raises(UserError, match="cannot be written"):
        plot.save(empty("nothing"), tmp_path / "none" / "a.svg", "title")
