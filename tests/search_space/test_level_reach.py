from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from search_space.level_reach import OFFSETS, LevelReach


@st.composite
def cases(draw):
    max_level = draw(st.integers(3, 7))
    size = draw(st.integers(1, 5))
    bases = sorted(draw(st.lists(st.integers(2, max_level), min_size=size, max_size=size)))
    levels = draw(st.lists(st.integers(1, max_level + 1), min_size=size, max_size=size))
    return LevelReach(tuple(bases), max_level), levels


@given(cases())
def test_levels_fit_exactly_when_some_assignment_of_base_blocks_reaches_them(case):
    reach, levels = case
    reached = [{reach.level(b, c) for c in range(len(OFFSETS))} for b in range(len(levels))]
    possible = any(
        all(level in reached[base] for base, level in zip(order, levels, strict=True))
        for order in permutations(range(len(levels)))
    )
    assert reach.fits(levels) == possible
    assert (reach.misfit(levels) is None) == possible


@given(cases())
def test_an_assignment_uses_each_base_block_once_and_its_choice_gives_the_level(case):
    reach, levels = case
    if reach.fits(levels):
        order = reach.assign(levels)
        assert sorted(order) == list(range(len(levels)))
        for base, level in zip(order, levels, strict=True):
            assert reach.level(base, reach.choice(base, level)) == level


def test_a_misfit_names_the_position_that_cannot_be_served():
    assert LevelReach((2, 3), 7).misfit([4, 7]) == 1
    assert LevelReach((2, 3), 7).misfit([5, 4]) is None
