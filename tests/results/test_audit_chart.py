from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from results import figures
from results.audit import Audited, Estimate, Verdict, judge
from results.audit_chart import cheapest, draw_audit, draw_grid
from search_space.errors import UserError

QUALITY = np.random.default_rng(1).normal(size=24)
NOISE = np.random.default_rng(2).normal(size=(2, 24))
AUDITED = Audited(
    tuple(map(str, range(24))), QUALITY + 0.4 * NOISE, 2 * QUALITY[None] + 9, 10.0, 63.0
)
VERDICT = judge(AUDITED)


def at(ratio: float, tau: float, half: float = 0.1) -> Verdict:
    return replace(VERDICT, tau=Estimate(tau, tau - half, tau + half), cost_ratio=ratio)


GRID = {"4 epochs": at(24, 0.3), "8 <half>": at(12, 0.6), "16": at(6, 0.7), "24": at(4, 0.65)}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """The axes of the figures as they are saved."""
    axes: list[Axes] = []
    save = figures.save

    def spy(figure: Figure, paths: list[Path], title: str | None) -> list[Path]:
        axes.extend(figure.axes)
        return save(figure, paths, title)

    monkeypatch.setattr(figures, "save", spy)
    return axes


def texts(path: Path) -> list[str]:
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    return ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("}text")]


def scattered(axes: Axes) -> list[list[list[float]]]:
    """The points of each group, sorted."""
    groups = [part for part in axes.collections if isinstance(part, PathCollection)]
    return [sorted(np.asarray(group.get_offsets()).tolist()) for group in groups]


def test_the_reference_s_best_quarter_is_marked_and_all_else_is_there(
    tmp_path: Path, drawn: list[Axes]
) -> None:
    draw_audit(AUDITED, VERDICT, tmp_path / "audit.svg", "mIoU")
    best, rest = scattered(drawn[0])
    points = np.stack([AUDITED.proxy_SN.mean(axis=0), AUDITED.reference_N], axis=1)
    order = np.argsort(-AUDITED.reference_N)
    assert best == sorted(points[order[:6]].tolist())
    assert rest == sorted(points[order[6:]].tolist())


def test_an_error_bar_is_one_deviation_to_either_side(tmp_path: Path, drawn: list[Axes]) -> None:
    draw_audit(AUDITED, VERDICT, tmp_path / "audit.svg", "mIoU")
    (bars,) = (part for part in drawn[0].collections if isinstance(part, LineCollection))
    ends = np.array(bars.get_segments())[:, :, 0]
    assert ends[:, 1] - ends[:, 0] == pytest.approx(np.full(24, 2 * VERDICT.noise))
    assert ends.mean(axis=1) == pytest.approx(AUDITED.proxy_SN.mean(axis=0))


def test_right_of_the_dotted_line_are_the_proxy_s_best(tmp_path: Path, drawn: list[Axes]) -> None:
    draw_audit(AUDITED, VERDICT, tmp_path / "audit.svg", "mIoU")
    (line,) = (line for line in drawn[0].lines if len(line.get_xdata()) == 2)
    edge = float(np.asarray(line.get_xdata())[0])
    assert (AUDITED.proxy_SN.mean(axis=0) > edge).sum() == 6


def test_the_figures_of_the_audit_stand_in_the_caption(tmp_path: Path) -> None:
    verdict = replace(
        VERDICT, tau=Estimate(0.62, 0.43, 0.77), seed_to_seed=Estimate(0.78, 0.55, 0.9)
    )
    (path,) = draw_audit(AUDITED, verdict, tmp_path / "audit.svg", "m & IoU", "r < IoU", "A < B")
    assert {
        "A < B",
        "Kendall's tau 0.62 (0.43 to 0.77), seed to seed 0.78 (0.55 to 0.90) · 24 architectures · "
        "1/6.3 of the cost",
        "m & IoU, proxy (mean of 2 seeds)",
        "r < IoU, reference",
        "the reference's 6 best",
        "the proxy's 6 best →",
    } <= set(texts(path))


def test_three_architectures_are_drawn_too(tmp_path: Path) -> None:
    three = replace(
        AUDITED,
        keys=AUDITED.keys[:3],
        proxy_SN=AUDITED.proxy_SN[:, :3],
        reference_TN=AUDITED.reference_TN[:, :3],
    )
    (path,) = draw_audit(three, judge(three), tmp_path / "audit.svg", "mIoU")
    assert {"the reference's best", "the proxy's best →"} <= set(texts(path))


def test_the_cheapest_fidelity_is_the_one_of_least_cost_that_reaches_the_wanted_tau() -> None:
    assert cheapest(GRID) == "8 <half>"
    assert cheapest(GRID, 0.61) == "16"
    assert cheapest(GRID, 0.71) is None
    assert cheapest({}) is None


def test_a_grid_shows_cost_tau_and_interval_of_each_fidelity(
    tmp_path: Path, drawn: list[Axes]
) -> None:
    draw_grid(GRID, tmp_path / "grid.svg", wanted=0.65)
    (axes,) = drawn
    assert [group[0] for group in scattered(axes)] == [
        pytest.approx([1 / verdict.cost_ratio, verdict.tau.value]) for verdict in GRID.values()
    ]
    bars = [part for part in axes.collections if isinstance(part, LineCollection)]
    assert [bar.get_segments()[0].tolist() for bar in bars] == [
        [[pytest.approx(1 / v.cost_ratio), end] for end in (v.tau.low, v.tau.high)]
        for v in GRID.values()
    ]
    assert axes.get_xscale() == "log"
    (wanted,) = (line for line in axes.lines if line.get_label() == "wanted tau")
    assert list(wanted.get_ydata()) == [0.65, 0.65]


@pytest.mark.parametrize(
    ("wanted", "caption"),
    [
        (0.6, "The cheapest that reaches tau 0.6: 8 <half>, at 1/12.0 of the reference's cost"),
        (0.9, "No fidelity reaches tau 0.9"),
    ],
)
def test_a_grid_names_every_fidelity_and_the_choice(
    tmp_path: Path, wanted: float, caption: str
) -> None:
    (path,) = draw_grid(GRID, tmp_path / "grid.svg", wanted=wanted)
    shown = texts(path)
    assert {*GRID, caption, "1/16", "1/8"} <= set(shown)
    assert ("cheapest that reaches it" in shown) == (wanted == 0.6)


def test_names_stand_inside_and_not_on_one_another(tmp_path: Path, drawn: list[Axes]) -> None:
    near = {f"{n} epochs at 96 × 128": at(6 + n / 20, 0.5 + n / 90, 0.2) for n in range(4)}
    draw_grid({**near, "the last, at the right edge": at(1.5, 0.9)}, tmp_path / "grid.png")
    (axes,) = drawn
    axes.figure.draw_without_rendering()  # saving left the texts at the file's resolution
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 5
    for index, box in enumerate(boxes):
        assert axes.bbox.x0 <= box.x0
        assert box.x1 <= axes.bbox.x1
        assert box.count_overlaps(boxes[:index]) == 0


def test_the_same_audit_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw_audit(AUDITED, VERDICT, [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"], "mIoU")
        draw_grid(GRID, [tmp_path / f"{name}g.svg", tmp_path / f"{name}g.png"])
    for end in (".svg", ".png", "g.svg", "g.png"):
        assert (tmp_path / f"a{end}").read_bytes() == (tmp_path / f"b{end}").read_bytes()


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.png or \.svg"):
        draw_audit(AUDITED, VERDICT, tmp_path / "audit.gif", "mIoU")
    with pytest.raises(UserError, match=r"\.png or \.svg"):
        draw_grid(GRID, tmp_path / "grid.gif")
