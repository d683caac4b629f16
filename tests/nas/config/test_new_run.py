"""A new run's space is that of its crops; one of an earlier release stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nas import config
from nas.parts import build
from nas.runs.directory import RunDirectory
from search_space.genes import sample
from search_space.scale_permuted import ScalePermutedSpace
from search_space.spine import SpineSpace


@pytest.mark.parametrize(
    ("proxy", "promotion", "crop"),
    [
        ((96, 128), (192, 256), (96, 128)),
        ((192, 256), (128, 64), (128, 64)),
        ((64, 200), (65, 65), (64, 200)),
    ],
)
def test_it_is_the_crop_with_the_shortest_side(
    proxy: tuple[int, int], promotion: tuple[int, int], crop: tuple[int, int]
) -> None:
    sizes = [f"proxy.size={list(proxy)}", f"promotion.size={list(promotion)}"]
    made = config.load("quickstart", sizes).of_a_new_run()
    space = build.space(made)
    assert isinstance(space, ScalePermutedSpace)
    assert made.space.crop == space.crop == crop


def test_one_that_is_given_stays() -> None:
    given = config.load("quickstart", ["space.crop=[512, 512]"])
    assert given.of_a_new_run().space.crop == (512, 512)


def test_a_space_of_spines_has_it_too() -> None:
    made = config.load("quickstart", ["space.encoder=efficientnet-lite0"]).of_a_new_run()
    space = build.space(made)
    assert isinstance(space, SpineSpace)
    assert space.crop == made.space.crop == min(made.proxy.size, made.promotion.size, key=min)


def test_a_run_keeps_its_crop_and_one_of_before_has_none(tmp_path: Path) -> None:
    old = config.load("quickstart")
    assert "crop" not in old.space.model_dump()
    before = RunDirectory.create(tmp_path / "before", old).config()
    after = RunDirectory.create(tmp_path / "after", old.of_a_new_run()).config()
    assert before.space.crop is None
    assert after.space.crop == (64, 96)
    rng, whole = np.random.default_rng(0), ScalePermutedSpace(max_level=6)
    genotypes = [sample(whole.genes, rng) for _ in range(20)]
    assert build.space(before).genes == build.space(after).genes == whole.genes
    decode = build.space(before).decode
    assert [decode(each) for each in genotypes] == [whole.decode(each) for each in genotypes]
