from __future__ import annotations

import re

import numpy as np

from results.text_diagram import legend, text_diagram
from search_space.architecture import Architecture, Block

STEM = (Block(2, "bottleneck"),) * 2


def small() -> Architecture:
    """Blocks 3 and 7 are dead; 5 absorbs 4, and 7 is an output that is not read out."""
    return Architecture(
        STEM,
        (
            Block(4, "residual", (0, 1), 4),
            Block(6, "residual", (1, 2), 1),
            Block(4, "bottleneck", (0, 2), 12),
            Block(4, "bottleneck", (1, 2), 1, True),
            Block(3, "residual", (2, 5), 2, True),
            Block(2, "bottleneck", (1, 6), 1, True),
        ),
        (3, 4),
    )


SMALL = """\
L6    ·   ·   ·   ◇3  ·   ·   ·   ·
/64               d1
L5    ·   ·   ·   ·   ·   ·   ·   ·
/32
L4    ·   ·   ◆2  ·   ■4  ▣5  ·   ·
/16           d4      d12 d1
L3    ·   ·   ·   ·   ·   ·   ◈6  ·
/8                            d2
L2    ■0  ■1  ·   ·   ·   ·   ·   □7
/4    d1  d1                      d1

reads     0→  0↓  1↓  0↓  1↓  2↑  1→
              1↓  2↓  2→  2→  5↑  6↑
                          +4"""


def many(blocks: int) -> Architecture:
    rng = np.random.default_rng(3)
    made = []
    for index in range(2, blocks + 2):
        first, second = (int(i) for i in rng.choice(index, 2, replace=False))
        output = index == blocks + 1
        made.append(Block(int(rng.integers(2, 8)), "bottleneck", (first, second), 16, output))
    return Architecture(STEM, tuple(made), (made[-1].level,))


def test_blocks_stand_in_order_at_their_level_above_what_they_read() -> None:
    assert text_diagram(small()).plain == SMALL


def test_an_output_that_is_built_but_not_read_out_is_an_ordinary_block() -> None:
    blocks = (Block(3, "bottleneck", (0, 1), 1, True), Block(4, "residual", (1, 2), 1, True))
    drawn = text_diagram(Architecture(STEM, blocks, (4,))).plain
    assert "■2" in drawn
    assert "◈3" in drawn


def test_a_narrow_terminal_gets_bands_that_hold_every_block_once() -> None:
    for width in (20, 80, 81, 300):
        drawn = text_diagram(many(40), width).plain
        assert max(map(len, drawn.splitlines())) <= width
        ids = [int(found) for found in re.findall(r"[■▣□](\d+)", drawn)]
        assert sorted(ids) == list(range(42))


def test_a_terminal_of_80_columns_holds_spinenet_49_in_one_band() -> None:
    assert text_diagram(many(16), 80).plain.count("reads") == 1
    assert text_diagram(many(17), 80).plain.count("reads") == 2


def test_the_legend_explains_the_signs_that_occur_and_no_others() -> None:
    said = legend(small(), 200).plain
    assert "◆ residual" in said
    assert "▣ ◈ read out" in said
    assert "□ ◇ never built" in said
    assert "+ absorbed" in said
    plain = Architecture(STEM, (Block(2, "bottleneck", (0, 1), 1, True),), (2,))
    said = legend(plain, 200).plain
    assert said == "■ bottleneck  ▣ read out  d dilation  → same level"


def test_the_legend_breaks_between_its_items() -> None:
    lines = legend(small(), 30).plain.splitlines()
    assert max(map(len, lines)) <= 30
    assert "  ".join(lines) == legend(small(), 500).plain


def styled(style: str) -> set[str]:
    drawn = text_diagram(small())
    return {drawn.plain[s.start : s.end].strip() for s in drawn.spans if str(s.style) == style}


def test_colours_mark_single_signs() -> None:
    assert styled("bold red") == {"▣", "5", "◈", "6"}
    assert styled("bold") == {"L6", "L5", "L4", "L3", "L2", "■", "0", "1"}
    assert styled("magenta") == {"d4", "d12", "d2"}
    assert (styled("blue"), styled("green")) == ({"↑"}, {"↓"})
