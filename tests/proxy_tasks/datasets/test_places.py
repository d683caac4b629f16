"""Where classes stand, and what proves that images have an up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from proxy_tasks.datasets import IGNORE, places
from proxy_tasks.datasets.clusters import clusters, spread
from proxy_tasks.datasets.places import centres, pooled

MAPS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 1, 2, IGNORE]),
)


def test_centres_and_pixels_are_those_that_one_counts():
    labels = np.array([[0, 0, 1, 1], [0, 0, 255, 1]], np.uint8)
    pixels, (down, right) = centres(labels, 3)
    assert (pixels[0], pixels[1], pixels[255]) == (4, 3, 1)
    assert down[:2].tolist() == [0.5, (0.25 * 2 + 0.75) / 3]
    assert right[:2] == pytest.approx([0.25, (0.625 + 0.875 * 2) / 3])
    assert np.isnan(down[2])
    assert np.isnan(right[2])


@given(MAPS, st.integers(1, 20))
def test_runs_of_rows_make_no_difference(labels, run):
    found = centres(labels, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_RUN", run)
        again = centres(labels, 3)
    assert np.array_equal(found[0], again[0])
    assert again[1] == pytest.approx(found[1], nan_ok=True)
    assert found[0].sum() == labels.size


def test_large_label_maps_are_placed_by_every_other_row(monkeypatch):
    labels = np.zeros((64, 48), np.uint8)
    labels[:, 36:] = 1
    monkeypatch.setattr(places, "FINE", 64 * 48 // 4)
    pixels, found = centres(labels, 2)
    assert pixels[:2].tolist() == [64 * 36, 64 * 12]
    assert found[1] == pytest.approx([18 / 48, 42 / 48])


def place(means, share=0.5, groups=None, agree=True):
    means = np.asarray(means, float)
    (found,) = pooled(means[:, None], (share,), clusters(groups or [""] * len(means)))
    return found


def scattered(mean: float, number: int = 64, spread: float = 0.03) -> np.ndarray:
    return mean + spread * np.random.default_rng(0).permutation(np.linspace(-1, 1, number))


def test_a_sky_is_up():
    found = place(scattered(0.2))
    assert found.mean == pytest.approx(0.2)
    assert (found.agree, found.images, found.aside) == (1, 64, True)


def test_the_error_is_the_usual_one_of_a_mean():
    means = scattered(0.2, 12)
    assert place(means).error == pytest.approx(means.std(ddof=1) / np.sqrt(12))


@pytest.mark.parametrize(
    ("means", "share"),
    [
        (scattered(0.2), 0.004),
        (scattered(0.46), 0.5),
        (scattered(0.2, 3), 0.5),
        (scattered(0.4, spread=0.3), 0.5),
        ([0.2], 0.5),
    ],
    ids=["rare", "near the middle", "three images", "not in most", "one image"],
)
def test_what_is_no_proof_of_an_up(means, share):
    assert not place(means, share).aside


def test_a_film_of_one_street_proves_little():
    """Forty frames of each of four streets, in each of which the sky stands elsewhere."""
    film = np.repeat([0.1, 0.45, 0.2, 0.4], 40)
    assert place(np.random.default_rng(0).permutation(film)).aside
    assert not place(film, groups=[f"street {number // 40}" for number in range(160)]).aside


def test_a_class_that_no_image_shows_has_no_place():
    found = pooled(np.full((5, 1), np.nan), (0.0,), clusters([""] * 5))
    assert (found[0].mean, found[0].error, found[0].images, found[0].aside) == (
        None,
        None,
        0,
        False,
    )
    assert pooled(np.zeros((0, 2)), (0.0, 0.0), clusters([])) == (found[0],) * 2


def test_clusters_are_scenes_or_runs_of_frames():
    assert clusters(list("aabbccdd")).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert clusters(list("aabbcc")).tolist() == [0, 1, 2, 3, 4, 5]
    assert np.bincount(clusters([""] * 64)).tolist() == [4] * 16
    assert np.bincount(clusters([""] * 900)).tolist() == [30] * 30


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20), st.integers(1, 5))
def test_repeating_every_image_makes_no_error_smaller(scores, times):
    scores = np.array(scores)
    once = spread(scores, np.arange(len(scores)))
    again = spread(np.tile(scores / times, times), np.tile(np.arange(len(scores)), times))
    assert again == pytest.approx(once, abs=1e-9)
    assert spread(scores, np.zeros(len(scores), int)) is None
