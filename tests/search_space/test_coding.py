from itertools import combinations, permutations, product

from search_space.coding import lehmer_decode, lehmer_encode, pair_decode, pair_encode


def test_lehmer_digits_reach_every_permutation_once():
    digits = list(product(*(range(4 - i) for i in range(4))))
    decoded = [lehmer_decode(d) for d in digits]
    assert sorted(decoded) == sorted(permutations(range(4)))
    assert [lehmer_encode(p) for p in decoded] == digits


def test_numbers_below_n_choose_2_reach_every_pair_once():
    for n in (2, 3, 7, 32):
        pairs = [pair_decode(number) for number in range(n * (n - 1) // 2)]
        assert sorted(pairs) == list(combinations(range(n), 2))
        assert [pair_encode(*pair) for pair in pairs] == list(range(len(pairs)))
        assert [pair_encode(*pair[::-1]) for pair in pairs] == list(range(len(pairs)))
