"""Against the definitions, resample by resample, and against the truth of a model of noise."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from results import bootstrap
from results.audit import (
    Audited,
    Estimate,
    Verdict,
    from_dict,
    judge,
    judgement,
    lines,
    to_dict,
    tops,
    within_noise,
)
from results.frontier import kendall, spearman

Floats = NDArray[np.float64]


def audited(
    proxy_SN: object, reference_N: object, seconds: tuple[float, float] = (10, 60)
) -> Audited:
    reference = np.atleast_2d(np.asarray(reference_N, dtype=np.float64))
    keys = tuple(f"k{index}" for index in range(reference.shape[1]))
    return Audited(keys, np.asarray(proxy_SN, dtype=np.float64), reference, *seconds)


def drawn(count: int, noise: float, seed: int, seeds: int = 2) -> Audited:
    """Qualities of deviation 1: the proxy sees them through noise, the reference as they are."""
    rng = np.random.default_rng(seed)
    quality_N = rng.normal(size=count)
    return audited(quality_N + noise * rng.normal(size=(seeds, count)), quality_N)


SMALL = st.integers(0, 4).map(float)
ROWS = st.lists(st.tuples(SMALL, SMALL, st.integers(0, 3)), min_size=3, max_size=9)


def columns(
    rows: list[tuple[float, float, int]],
) -> tuple[Floats, Floats, Floats, NDArray[np.int_]]:
    """Scores a and b, counts as one resample, and the architectures that it holds."""
    a, b, counts = (np.array(column) for column in zip(*rows, strict=True))
    return a, b, counts[None].astype(float), np.repeat(np.arange(len(a)), counts)


@given(ROWS)
def test_counts_give_the_correlations_of_the_resample_written_out(
    rows: list[tuple[float, float, int]],
) -> None:
    a, b, counts, held = columns(rows)
    for quick, exact in ((bootstrap.taus, kendall), (bootstrap.spearmans, spearman)):
        assert quick(a, b, counts)[0] == pytest.approx(exact(a[held], b[held]), nan_ok=True)


EIGHT = st.permutations([float(rank) for rank in range(8)])


@given(EIGHT, EIGHT, st.lists(st.integers(0, 3), min_size=8, max_size=8), st.integers(1, 6))
def test_recall_is_of_the_resample_sorted_with_copies_side_by_side(
    a: list[float], b: list[float], counts: list[int], k: int
) -> None:
    copies = [(index, copy) for index, count in enumerate(counts) for copy in range(count)]
    assume(len(copies) >= k)
    best_a, best_b = (
        set(sorted(copies, key=lambda c: (-scores[c[0]], c[1]))[:k]) for scores in (a, b)
    )
    found = bootstrap.recalls(np.array(a), np.array(b), np.array([counts], dtype=float), k)
    assert found[0] == pytest.approx(len(best_a & best_b) / k)


def test_equal_scores_divide_the_places_that_are_left() -> None:
    proxy, reference = [3.0, 1.0, 1.0, 1.0], [4.0, 3.0, 2.0, 1.0]
    found = bootstrap.recalls(np.array(proxy), np.array(reference), np.ones((1, 4)), 2)
    assert found[0] == pytest.approx((1 + 1 / 3) / 2)


@given(ROWS)
def test_regret_is_what_the_resample_s_proxy_best_gives_away(
    rows: list[tuple[float, float, int]],
) -> None:
    proxy, reference, counts, _ = columns(rows)
    held = np.flatnonzero(counts[0])
    assume(len(held) > 0)
    chosen = held[proxy[held] == proxy[held].max()]
    expected = reference[held].max() - reference[chosen].mean()
    assert bootstrap.regrets(proxy, reference, counts)[0] == pytest.approx(expected)


def test_the_figures_are_means_over_single_trainings() -> None:
    proxy = [[1.0, 2, 3, 5, 4, 6, 7, 8], [8.0, 2, 3, 4, 5, 6, 1, 7], [1.0, 2, 3, 4, 5, 6, 7, 8]]
    reference = [1.0, 2, 3, 4, 5, 6, 8, 7.5]
    verdict = judge(audited(proxy, reference))
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert verdict.architectures == 8
    assert verdict.tau.value == pytest.approx(np.mean([kendall(p, reference) for p in proxy]))
    assert verdict.spearman.value == pytest.approx(np.mean([spearman(p, reference) for p in proxy]))
    between = np.mean([spearman(proxy[a], proxy[b]) for a, b in pairs])
    assert verdict.seed_to_seed.value == pytest.approx(between)
    assert {k: e.value for k, e in verdict.recall.items()} == pytest.approx(
        {1: 0.0, 2: (1 + 0.5 + 1) / 3, 4: (0.75 + 0.75 + 1) / 3}
    )
    assert verdict.regret.value == pytest.approx((0.5 + 7 + 0.5) / 3)
    assert verdict.cost_ratio == 6


def test_a_proxy_is_judged_against_the_mean_of_the_references_and_they_by_each_other() -> None:
    proxy = [[1.0, 2, 3, 5, 4, 6], [2.0, 1, 3, 4, 5, 6]]
    references = [[1.0, 2, 3, 4, 5, 9], [1.0, 2, 4, 3, 5, 0], [3.0, 2, 1, 4, 5, 6]]
    verdict, mean = judge(audited(proxy, references)), np.mean(references, axis=0)
    assert verdict.tau.value == pytest.approx(np.mean([kendall(p, mean) for p in proxy]))
    pairs = [kendall(references[a], references[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert verdict.reference_tau is not None
    assert verdict.reference_tau.value == pytest.approx(np.mean(pairs))
    told = f"One reference training against another: Kendall's tau {np.mean(pairs):.2f} ("
    assert any(line.startswith(told) for line in lines(verdict, "mIoU"))
    assert from_dict(to_dict(verdict)) == verdict
    single = judge(audited(proxy, references[0]))
    assert single.reference_tau is None
    assert "reference_tau" not in to_dict(single)  # records of before stay as they are
    assert not any("another" in line for line in lines(single, "mIoU"))


def test_noise_and_signal_are_the_deviations_that_made_the_scores() -> None:
    rng = np.random.default_rng(0)
    quality_N = 0.02 * rng.normal(size=400)
    proxy_SN = quality_N + 0.03 * rng.normal(size=(3, 400))
    verdict = judge(audited(proxy_SN, quality_N), resamples=100)
    assert verdict.noise == pytest.approx(0.03, rel=0.07)
    assert verdict.signal == pytest.approx(0.02, rel=0.1)
    assert verdict.real_difference == pytest.approx(1.96 * math.sqrt(2) * verdict.noise)


def test_the_components_of_a_small_table() -> None:
    # Rows have the mean 3, columns 1, 5 and 3, of variance 4; left are 1, 0 and 1, twice.
    for shift in (0, 7):  # of the second seed: no noise
        table = np.array([[0, 5, 4], [2 + shift, 5 + shift, 2 + shift]])
        verdict = judge(audited(table, [1, 2, 3]))
        assert verdict.noise == pytest.approx(math.sqrt(4 / 2))
        assert verdict.signal == pytest.approx(math.sqrt(4 - (4 / 2) / 2))


def test_equals_differ_by_more_than_the_real_difference_once_in_twenty() -> None:
    verdict = judge(drawn(300, noise=0.5, seed=1), resamples=100)
    a, b = 0.5 * np.random.default_rng(2).normal(size=(2, 20_000))
    assert np.mean(np.abs(a - b) > verdict.real_difference) == pytest.approx(0.05, abs=0.015)


def test_no_signal_is_found_where_architectures_are_alike() -> None:
    verdict = judge(audited([[1, -1, 2, -2], [-1, 1, -2, 2]], [1, 2, 3, 4]))
    assert verdict.signal == 0


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_the_intervals_hold_the_truth_about_as_often_as_they_say(rho: float) -> None:
    # For normal scores the correlation gives tau (Greiner 1909) and Spearman's (Pearson 1907).
    rng = np.random.default_rng(5)
    tau, rank = 2 / math.pi * math.asin(rho), 6 / math.pi * math.asin(rho / 2)
    held = []
    for _ in range(120):
        quality_N, noise_TN = rng.normal(size=24), rng.normal(size=(3, 24))
        *proxy, reference = math.sqrt(rho) * quality_N + math.sqrt(1 - rho) * noise_TN
        verdict = judge(audited(proxy, reference), resamples=200)
        found = (verdict.tau, verdict.spearman, verdict.seed_to_seed)
        held.append([e.low <= t <= e.high for e, t in zip(found, (tau, rank, rank), strict=True)])
    shares = np.mean(held, axis=0)
    assert ((shares >= 0.88) & (shares < 1)).all()


def test_resamples_draw_architectures_with_replacement() -> None:
    counts_RN = bootstrap.drawn(20, 3000, seed=0)
    assert (counts_RN.sum(axis=1) == 20).all()
    assert counts_RN.mean(axis=0) == pytest.approx(np.ones(20), abs=0.1)
    # An architecture is missed with the probability (1 - 1/20)^20.
    assert (counts_RN == 0).mean() == pytest.approx(0.95**20, abs=0.01)


def test_an_interval_is_the_middle_95_percent_and_leaves_out_what_is_undefined() -> None:
    resampled = np.append(np.arange(201.0), [np.nan] * 100)
    pair = (np.zeros(3), np.zeros(3))
    found = bootstrap.estimate([pair], lambda a, b: 7.0, lambda a, b, w: resampled, np.ones((1, 3)))
    assert found == Estimate(7.0, 5.0, 195.0)


def test_the_same_seed_gives_the_same_verdict_and_another_seed_other_intervals() -> None:
    scores = drawn(24, noise=0.6, seed=4)
    again, other = judge(scores), judge(scores, seed=1)
    assert judge(scores) == again
    assert other.tau != again.tau
    assert other.tau.value == again.tau.value


@pytest.mark.parametrize(
    ("count", "expected"),
    [(3, (1, 2)), (4, (1, 2)), (8, (1, 2, 4)), (24, (3, 6, 12)), (30, (4, 8, 15))],
)
def test_recall_is_taken_at_an_eighth_a_quarter_and_a_half(
    count: int, expected: tuple[int, ...]
) -> None:
    assert tops(count) == expected


GOOD = drawn(6, noise=0.1, seed=0)
UNKNOWN = np.array([[1, 2, 3, 4, 5, 6], [1, 2, math.nan, 4, 5, 6]])
ENDLESS = np.array([[1, 2, 3, 4, 5, 6], [-math.inf, 2, 3, 4, 5, 6]])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            audited([[1, 2], [1, 2]], [1, 2]),
            "3 architectures, 2 seeds and 1 ref.* but got 2, 2 and 1",
        ),
        (replace(GOOD, proxy_SN=GOOD.proxy_SN[:1]), "but got 6, 1 and 1"),
        (replace(GOOD, reference_TN=GOOD.reference_TN[:0]), "but got 6, 2 and 0"),
        (replace(GOOD, proxy_SN=GOOD.proxy_SN[0]), r"S x 6 and .* shapes \(6,\) and \(1, 6\)"),
        (replace(GOOD, reference_TN=GOOD.reference_TN[0]), r"shapes \(2, 6\) and \(6,\)"),
        (replace(GOOD, keys=("k",) * 6), "keys that repeat"),
        (replace(GOOD, proxy_SN=UNKNOWN), "proxy seed 1: .* that of k2 is nan"),
        (replace(GOOD, reference_TN=ENDLESS), "reference seed 1: .* that of k0 is -inf"),
        (replace(GOOD, reference_TN=np.ones((1, 6))), "reference seed 0: .* but all are 1.0"),
        (replace(GOOD, proxy_seconds=0.0), "above 0 but got 0.0 and 60"),
        (replace(GOOD, reference_seconds=math.nan), "above 0 but got 10 and nan"),
    ],
)
def test_what_cannot_be_judged_is_refused(broken: Audited, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge(broken)


def test_too_few_resamples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 resamples but got 99"):
        judge(GOOD, resamples=99)


@pytest.mark.parametrize(
    ("tau", "expected"),
    [
        ((0.60, 0.3, 0.8), "The proxy ranks architectures nearly as the reference does."),
        ((0.59, 0.3, 0.8), "The proxy ranks architectures only roughly as the reference does."),
        ((0.70, 0.0, 0.9), "The proxy's ranking is indistinguishable from chance."),
        ((-0.1, -0.2, 0.0), "The proxy's ranking is indistinguishable from chance."),
        ((-0.5, -0.7, -0.1), "The proxy's ranking runs against the reference's."),
    ],
)
def test_the_judgement(tau: tuple[float, float, float], expected: str) -> None:
    assert judgement(replace(judge(GOOD), tau=Estimate(*tau))) == expected


def test_what_is_printed() -> None:
    verdict = Verdict(
        architectures=24,
        seed_to_seed=Estimate(0.781, 0.55, 0.9),
        tau=Estimate(0.62, 0.43, 0.77),
        spearman=Estimate(0.8, 0.6, 0.91),
        recall={6: Estimate(2 / 3, 1 / 3, 1.0)},
        regret=Estimate(0.0041, 0.0, 0.0123),
        noise=0.006,
        real_difference=0.01663,
        signal=0.0102,
        cost_ratio=6.2,
    )
    assert lines(verdict, "mIoU") == [
        "24 architectures; a reference training takes 6.2 times as long as a proxy training.",
        "Two seeds of the proxy: Spearman 0.78 (0.55 to 0.90).",
        "One proxy training against the reference: Kendall's tau 0.62 (0.43 to 0.77), "
        "Spearman 0.80 (0.60 to 0.91).",
        "Of the reference's 6 best, 67 % (33 to 100 %) are among the proxy's 6 best; by chance it "
        "would be 25 %.",
        "The proxy's best falls short of the reference's best by 0.00410 mIoU (0 to 0.0123) there.",
        "Standard deviation of mIoU at the proxy: 0.00600 between seeds, 0.0102 between "
        "architectures.",
        "A difference between two trials is real above 0.0166 mIoU.",
        "The proxy ranks architectures nearly as the reference does.",
    ]


def test_a_verdict_comes_back_from_json() -> None:
    verdict = judge(drawn(24, noise=0.6, seed=4))
    again = from_dict(json.loads(json.dumps(to_dict(verdict), sort_keys=True)))
    assert again == verdict
    assert list(again.recall) == [3, 6, 12]
    assert lines(again, "mIoU") == lines(verdict, "mIoU")


@pytest.mark.parametrize(
    "change",
    [{"tau": None}, {"tau": 0.5}, {"tau": {"value": 1}}, {"noise": "much"}, {"noise": {}},
     {"more": 1}, {"recall": 3}],
)  # fmt: skip
def test_what_is_no_verdict_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="an audit's verdict has architectures, seed_to_seed"):
        from_dict({**to_dict(judge(GOOD)), **change})


def test_a_verdict_that_lacks_a_figure_is_refused() -> None:
    data = to_dict(judge(GOOD))
    for name in data:
        with pytest.raises(ValueError, match="an audit's verdict has .*" + name):
            from_dict({key: value for key, value in data.items() if key != name})


def test_leaders_within_the_real_difference_of_the_best_are_marked() -> None:
    edge = 1.96 * math.sqrt(2) * 0.01
    scores = [0.40, 0.40 - edge + 1e-9, 0.40 - edge - 1e-9, math.nan, 0.1]
    assert within_noise(scores, 0.01).tolist() == [True, True, False, False, False]
    assert within_noise([0.3, 0.4, 0.4], 0.0).tolist() == [False, True, True]
    assert within_noise([], 0.01).tolist() == []
    assert within_noise([math.nan], 0.01).tolist() == [False]


@pytest.mark.parametrize("noise", [-1.0, math.nan, math.inf])
def test_noise_is_a_number_from_0_up(noise: float) -> None:
    with pytest.raises(ValueError, match="noise must be a number from 0 up but got"):
        within_noise([1.0, 2.0], noise)
