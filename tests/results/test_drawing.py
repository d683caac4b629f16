from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon, Rectangle

from results import drawing
from results.drawing import DEAD_FILL, DEAD_LINE, draw
from results.routing import Shape, route
from search_space.architecture import Architecture, Block
from search_space.errors import UserError

STEM = (Block(2, "bottleneck"),) * 2


def small() -> Architecture:
    """Block 3 is dead; block 5 absorbs 4, and 7 is an output that is not read out."""
    return Architecture(
        STEM,
        (
            Block(4, "residual", (0, 1), 4),
            Block(6, "residual", (1, 2), 1),
            Block(4, "bottleneck", (0, 2), 2),
            Block(4, "bottleneck", (1, 2), 1, True),
            Block(3, "bottleneck", (2, 5), 2, True),
            Block(2, "bottleneck", (1, 6), 1, True),
        ),
        (3, 4),
    )


def random_architecture(seed: int, blocks: int) -> Architecture:
    rng = np.random.default_rng(seed)

    def block(index: int, level: int, kind: str, output: bool) -> Block:
        first, second = sorted(int(i) for i in rng.choice(index, 2, replace=False))
        return Block(level, kind, (first, second), int(rng.choice([1, 2, 4])), output)

    kinds = ("residual", "bottleneck")
    made = [
        block(2 + i, int(rng.integers(2, 7)), kinds[int(rng.integers(2))], False)
        for i in range(blocks)
    ]
    made += [block(2 + blocks + i, 3 + i, "bottleneck", True) for i in range(3)]
    return Architecture(STEM, tuple(made), (3, 4, 5))


def svg_of(architecture: Architecture, folder: Path, **words: str) -> str:
    (path,) = draw(architecture, folder / "a.svg", **words)
    return path.read_text(encoding="utf-8")


def hex_of(color: object) -> str:
    return to_hex(color).upper()  # type: ignore[arg-type]


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    return ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("}text")]


def test_every_block_shows_its_id_and_dilation_and_every_output_its_level(tmp_path: Path) -> None:
    shown = texts(svg_of(small(), tmp_path))
    for index in range(8):
        assert shown.count(str(index)) == 1
    # One of each in the legend (d1, d2, d4).
    assert [shown.count(label) for label in ("d1", "d2", "d4")] == [5 + 1, 2 + 1, 1 + 1]
    assert [shown.count(label) for label in ("P2", "P3", "P4")] == [0, 1, 1]
    assert {"L2", "L3", "L4", "L5", "L6", "stride 4", "stride 64"} <= set(shown)


def test_the_legend_names_only_what_is_drawn(tmp_path: Path) -> None:
    plain = Architecture(STEM, (Block(3, "bottleneck", (0, 1), 1, True),), (3,))
    shown = texts(svg_of(plain, tmp_path))
    assert "bottleneck" in shown
    assert not {"residual", "reaches no output: never built", "absorbed by an output"} & set(shown)
    assert {"residual", "absorbed by an output"} <= set(texts(svg_of(small(), tmp_path)))


def test_the_same_architecture_gives_the_same_bytes(tmp_path: Path) -> None:
    draw(small(), [tmp_path / "a.svg", tmp_path / "a.png"], title="t")
    code = (
        "import sys, runpy; from results.drawing import draw;"
        "made = runpy.run_path(sys.argv[1])['small']();"
        "draw(made, [sys.argv[2] + '/b.svg', sys.argv[2] + '/b.png'], title='t')"
    )
    subprocess.run([sys.executable, "-c", code, __file__, str(tmp_path)], check=True)
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_dead_blocks_are_grey_and_their_connections_too(tmp_path: Path) -> None:
    figure = drawing._figure(drawing._scene(small()), None, None)
    shapes = [p for p in figure.axes[0].patches if isinstance(p, Polygon | Rectangle)]
    grey = [p for p in shapes if hex_of(p.get_facecolor()) == DEAD_FILL]
    assert len(grey) == 2  # blocks 3 and 7
    arrows = [p for p in figure.axes[0].patches if type(p).__name__ == "PathPatch"]
    dead = [p for p in arrows if hex_of(p.get_edgecolor()) == DEAD_LINE]
    assert len(dead) == 4
    dashed = [p for p in arrows if p.get_linestyle() not in ("-", "solid")]
    assert len(dashed) == 1


def test_words_with_markup_are_words(tmp_path: Path) -> None:
    title = '<script>&"x" $y^2$ \x00\x1b'
    svg = svg_of(small(), tmp_path, title=title, caption="a < b & c")
    assert "<script>" not in svg
    shown = texts(svg)
    assert '<script>&"x" $y^2$' in shown
    assert "a < b & c" in shown


def test_a_long_caption_is_broken_into_lines(tmp_path: Path) -> None:
    shown = texts(svg_of(small(), tmp_path, caption="word " * 60))
    assert sum(line.startswith("word word") for line in shown) > 1


def test_another_suffix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.gif: a figure is written as \.png or \.svg"):
        draw(small(), [tmp_path / "a.png", tmp_path / "a.gif"])
    with pytest.raises(UserError, match="cannot be written"):
        draw(small(), tmp_path / "none" / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_date_or_a_path_never_gets_into_the_file(tmp_path: Path) -> None:
    svg = svg_of(small(), tmp_path)
    assert not re.search(r"<dc:date>|20\d\d-\d\d", svg)


@pytest.mark.parametrize(("seed", "blocks"), [(1, 9), (2, 18), (3, 26)])
def test_curves_miss_blocks_and_stay_inside(seed: int, blocks: int) -> None:
    scene = drawing._scene(random_architecture(seed, blocks))
    design = scene.architecture
    edges = [(p, child) for child, parents in enumerate(design.parents) for p in parents]
    curves = route(scene.shapes, scene.labels, edges, dict.fromkeys(scene.shapes, 0.02))
    t = np.linspace(0, 1, 300)[:, None]
    low = min(shape.y for shape in scene.shapes.values()) - drawing.BOTTOM
    high = max(shape.y for shape in scene.shapes.values()) + drawing.TOP
    through = 0
    for edge, (a, b, c, d) in curves.items():
        points = (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
        assert low < points[:, 1].min()
        assert points[:, 1].max() < high
        others = [shape for index, shape in scene.shapes.items() if index not in edge]
        through += any(covers(shape, points) for shape in others)
    assert through <= len(curves) // 20


def covers(shape: Shape, points: np.ndarray) -> bool:
    dx = np.abs(points[:, 0] - shape.x) / shape.half_width
    dy = np.abs(points[:, 1] - shape.y) / shape.half_height
    return bool(((dx + dy if shape.diamond else np.maximum(dx, dy)) < 1).any())
