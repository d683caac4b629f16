import numpy as np
import pytest

from search_space.genes import Gene, check, sample

GENES = (Gene("order.00", 3), Gene("b02.type", 2))


def test_samples_cover_the_box_and_stay_in_it():
    rng = np.random.default_rng(0)
    drawn = {sample(GENES, rng) for _ in range(200)}
    assert drawn == {(a, b) for a in range(3) for b in range(2)}


def test_samples_are_plain_ints_and_follow_the_generator():
    one, two, other = (sample(GENES * 10, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == two != other
    assert {type(value) for value in one} == {int}


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        ((0,), "genotype must have 2 genes but got 1"),
        ((3, 0), "order.00 must be between 0 and 2 but got 3"),
        ((0, -1), "b02.type must be between 0 and 1 but got -1"),
    ],
)
def test_a_genotype_outside_of_the_box_is_refused_by_gene(genotype, message):
    with pytest.raises(ValueError, match=message):
        check(GENES, genotype)
