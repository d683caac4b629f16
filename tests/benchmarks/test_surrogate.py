"""Cross-validated surrogates and the oracle, on scores whose origin is known."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from benchmarks import oracle, surrogate
from benchmarks.oracle import Study
from benchmarks.proxy_scores import ProxyScores
from benchmarks.surrogate import HeldOut, cross_validate, normal_scores
from nas.config import Config
from nas.controllers import surrogate as product
from results.frontier import kendall, spearman
from search_space.scale_permuted import ScalePermutedSpace

SPACE = ScalePermutedSpace(stages=((3, 3), (4, 2)), output_levels=(3, 4), dilations=(1, 2))
RNG = np.random.default_rng(0)
GENOTYPES = tuple(SPACE.sample(RNG) for _ in range(80))
EVERYONE = np.arange(len(GENOTYPES))
FEATURES = surrogate.feature_groups(SPACE, GENOTYPES)


def table(miou: np.ndarray) -> ProxyScores:
    frame = pd.DataFrame({"miou": miou, "loss": 1 - miou, "macs": 1, "parameters": 1})
    return ProxyScores(Config(), SPACE, GENOTYPES, frame)


KNOWN = table(0.2 + 0.02 * FEATURES["profile"][:, 0] + 0.03 * FEATURES["dilation"].sum(axis=1))
NOISE = table(np.random.default_rng(1).uniform(0.1, 0.3, len(GENOTYPES)))


@pytest.fixture(scope="module")
def known() -> HeldOut:
    model = surrogate.models(KNOWN)[0]
    assert model.name == "process on features"
    scores = surrogate.targets(KNOWN)["mIoU"]
    return cross_validate(model.columns_NF, scores, model.fit, normal_scores)


@pytest.fixture(scope="module")
def of_known() -> oracle.Oracle:
    return oracle.fit(KNOWN, EVERYONE)


def test_a_function_of_the_features_is_ranked_nearly_as_it_is(known: HeldOut) -> None:
    assert known.agreement(spearman, EVERYONE) > 0.9
    low, high = known.interval(spearman)
    assert 0.85 < low < known.agreement(spearman, EVERYONE) < high <= 1
    assert 0.7 < known.agreement(kendall, EVERYONE) < known.agreement(spearman, EVERYONE)


def test_noise_is_not_ranked() -> None:
    model, scores = surrogate.models(NOISE)[0], surrogate.targets(NOISE)["mIoU"]
    held = cross_validate(model.columns_NF, scores, model.fit, normal_scores)
    low, high = held.interval(spearman)
    assert abs(held.agreement(spearman, EVERYONE)) < 0.15
    assert low < 0 < high


def test_a_model_that_knows_only_the_mean_is_at_zero_and_not_below() -> None:
    constant = partial(surrogate.regression, DummyRegressor)
    scores = surrogate.targets(KNOWN)["mIoU"]
    held = cross_validate(np.zeros((len(scores), 1)), scores, constant, lambda _, values: values)
    assert spearman(held.truth_RN.ravel(), held.mean_RN.ravel()) < -0.05  # pooled over folds
    assert held.agreement(spearman, EVERYONE) == 0


def test_nothing_is_predicted_by_a_model_that_saw_it() -> None:
    def saw(seen_NF: np.ndarray, values_N: np.ndarray, out_MF: np.ndarray) -> tuple:
        assert len(seen_NF) == len(values_N) == 64
        assert not set(seen_NF[:, 0]) & set(out_MF[:, 0])
        return out_MF[:, 0], np.ones(len(out_MF))

    held = cross_validate(EVERYONE[:, None], EVERYONE * 1.0, saw, lambda _, values: values)
    np.testing.assert_array_equal(held.mean_RN, np.tile(EVERYONE, (5, 1)))
    np.testing.assert_array_equal(held.truth_RN, held.mean_RN)
    assert len({tuple(fold_N) for fold_N in held.fold_RN}) == 5


def test_every_model_says_a_number_for_every_target() -> None:
    for model in surrogate.models(NOISE):
        mean, deviation = model.fit(model.columns_NF[:60], np.arange(60.0), model.columns_NF[60:])
        assert mean.shape == (20,)
        assert np.isfinite(mean).all()
        assert (deviation is not None) == model.name.startswith("process")
    loss, miou = (surrogate.targets(NOISE)[name] for name in ("-loss", "mIoU"))
    assert spearman(loss, miou) == pytest.approx(1.0)


def test_normal_scores_of_what_was_seen_are_the_predictors() -> None:
    seen = np.array([0.3, 0.1, 0.2, 0.2, 0.5])
    np.testing.assert_allclose(normal_scores(seen, seen), product.normal_scores(seen.tolist()))
    below, between, above = normal_scores(seen, np.array([0.0, 0.4, 9.0]))
    low, *_, high = np.sort(normal_scores(seen, seen))
    assert -3 < below < low
    assert normal_scores(seen, seen)[0] < between < high < above < 3


def test_intervals_of_the_right_width_cover_what_they_say() -> None:
    rng = np.random.default_rng(0)
    truth, fold = rng.normal(1.0, 2.0, (5, 4000)), np.zeros((5, 4000))
    right = HeldOut(truth, np.full_like(truth, 1.0), np.full_like(truth, 2.0), fold)
    narrow = HeldOut(truth, np.full_like(truth, 1.0), np.full_like(truth, 1.0), fold)
    assert right.covered(0.5) == pytest.approx(0.5, abs=0.02)
    assert right.covered(0.9) == pytest.approx(0.9, abs=0.02)
    assert narrow.covered(0.9) == pytest.approx(0.589, abs=0.02)
    assert right.log_density() == pytest.approx(-np.log(2 * np.sqrt(2 * np.pi * np.e)), abs=0.02)
    assert narrow.log_density() < right.log_density()


def test_the_doubt_of_the_process_holds_the_noise_of_a_training() -> None:
    model = surrogate.models(NOISE)[0]
    values = product.normal_scores(surrogate.targets(NOISE)["mIoU"].tolist())
    _, deviation = model.fit(model.columns_NF, values, model.columns_NF)
    assert deviation is not None
    assert deviation.mean() > 0.6  # of the values it was fitted to it knows all but the noise


def test_a_gene_is_one_column_a_value_and_stands_with_its_kind() -> None:
    groups = surrogate.gene_groups(SPACE.genes, GENOTYPES)
    assert set(groups) == {"order", "outputs", "inputs", "level", "type", "dilation"}
    assert surrogate.joined(groups).shape[1] == sum(gene.radix for gene in SPACE.genes)
    place = next(i for i, gene in enumerate(SPACE.genes) if gene.name.endswith(".dilation"))
    wanted = [(g[place] == 0, g[place] == 1) for g in GENOTYPES]
    np.testing.assert_allclose(groups["dilation"][:, :2] * np.sqrt(2), wanted)


def test_the_oracle_knows_a_function_of_the_features(of_known: oracle.Oracle) -> None:
    scores = surrogate.targets(KNOWN)["mIoU"]
    assert of_known.correlation > 0.85
    assert of_known.noise < 0.5 * scores.std()
    assert spearman(of_known.values(GENOTYPES), scores) > 0.95


def test_the_oracles_noise_is_of_its_residual_and_belongs_to_the_network() -> None:
    judge = oracle.fit(NOISE, EVERYONE)
    assert judge.noise == pytest.approx(surrogate.targets(NOISE)["mIoU"].std(), rel=0.3)
    pairs = [judge.measurement(genotype, seed=1) for genotype in GENOTYPES[:40]]
    off = np.array([(measurement.miou or 0) - value for measurement, value in pairs])
    assert off.std() == pytest.approx(judge.noise, rel=0.25)
    assert judge.measurement(GENOTYPES[0], seed=1) == pairs[0]
    assert judge.measurement(GENOTYPES[0], seed=2)[1] == pairs[0][1]
    assert judge.measurement(GENOTYPES[0], seed=2)[0] != pairs[0][0]


def test_the_incumbent_is_of_the_best_score_and_told_without_noise(
    of_known: oracle.Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = [(0.3, 0.25), (0.2, 0.29), (0.4, 0.21), (0.35, 0.3)]
    told = iter(noisy)

    def measurement(self: oracle.Oracle, genotype: object, seed: int) -> tuple:
        score, value = next(told)
        return oracle.Measurement(1, 1, 1, 1.0, miou=score), value

    monkeypatch.setattr(oracle.Oracle, "measurement", measurement)
    found = Study(of_known, "random", 1, 4).incumbents(seed=0)
    np.testing.assert_allclose(found, [25, 25, 21, 21])


def test_a_search_finds_better_than_the_average(of_known: oracle.Oracle) -> None:
    found = Study(of_known, "evolution", 4, 60).incumbents(seed=0)
    assert len(found) == 60
    assert found[-1] > 100 * np.quantile(of_known.values(GENOTYPES), 0.9)


def test_halves_are_disjoint_and_leave_nothing_out() -> None:
    first, second = oracle.halves(81)
    assert (len(first), len(second)) == (40, 41)
    assert sorted([*first, *second]) == list(range(81))


def test_rankings_of_controllers_are_compared_by_their_means_and_clear_differences() -> None:
    spread = np.linspace(-0.1, 0.1, 5)

    def after(one: float, two: float, sign: int = 1) -> np.ndarray:
        return np.stack([one + sign * spread, two + sign * spread], axis=1)

    a = {"x": after(1, 3), "y": after(2, 2, sign=-1), "z": after(2.01, 1)}
    b = {"x": after(1, 1), "y": after(3, 2), "z": after(2, 3)}
    assert oracle.order_agreement(a, b, 1) == pytest.approx(0.5)
    assert oracle.order_agreement(a, b, 2) == pytest.approx(-1.0)
    assert oracle.same_pairs(a, b, 1) == (2, 2)
    assert oracle.same_pairs(a, b, 2) == (0, 3)
