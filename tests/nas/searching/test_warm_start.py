"""``--from``: networks of runs, folders and files that a search begins with."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from nas import config
from nas.runs.directory import RunDirectory
from nas.searching import warm_start
from proxy_tasks.objectives import costs
from proxy_tasks.task import Measurement
from results.ledger import Ledger
from search_space import architecture_file
from search_space.canonical import canonical_key
from search_space.constrained import ConstrainedSpace, network_figures
from search_space.errors import UserError
from search_space.genes import SearchSpace
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

SPACE = ScalePermutedSpace(max_level=6)
RNG = np.random.default_rng(0)
GENOTYPES = [SPACE.sample(RNG) for _ in range(12)]
FOUND = "spinenet-seg-camvid-28"
"""In the catalogue, found in SPACE."""


def gathered(
    *sources: str | Path, space: SearchSpace = SPACE, whole: ScalePermutedSpace = SPACE
) -> tuple[list[str], str]:
    """Canonical keys, and what was printed."""
    file = StringIO()
    console = Console(file=file, width=300)
    starts = warm_start.gather(list(map(str, sources)), space, whole.settled, console)
    return [canonical_key(start.backbone) for start in starts], file.getvalue()


def saved(path: Path, place: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    architecture_file.save(path, SPACE.decode(GENOTYPES[place]))
    return path


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run with twelve scored candidates: the higher its number, the better."""
    made = RunDirectory.create(tmp_path / "before", config.load("quickstart"))
    with Ledger.create(made.ledger, "before", SPACE.genes, {}) as ledger:
        for number, genotype in enumerate(GENOTYPES):
            key, backbone = SPACE.key(genotype), SPACE.decode(genotype)
            ledger.start(f"trial-{number:04d}", "candidate", backbone, key, genotype)
            ledger.finish(number, Measurement(1, 1, 1, 1.0, miou=number / 100, loss=1.0))
    return made


def test_of_a_run_the_ten_best_are_taken_best_first(run: RunDirectory) -> None:
    keys, _ = gathered(run.path)
    assert keys == [SPACE.key(genotype) for genotype in GENOTYPES[:1:-1]]


def test_files_folders_and_the_catalogue_are_taken_in_the_order_given(tmp_path: Path) -> None:
    single = saved(tmp_path / "single.yaml", 0)
    saved(tmp_path / "folder" / "b.yaml", 2)
    saved(tmp_path / "folder" / "a.yaml", 1)
    keys, _ = gathered(single, FOUND, tmp_path / "folder")
    expected = [SPACE.key(GENOTYPES[place]) for place in range(3)]
    assert [keys[0], *keys[2:]] == expected


def test_a_run_keeps_what_it_began_with(run: RunDirectory, tmp_path: Path) -> None:
    file = StringIO()
    starts = warm_start.gather([str(run.path)], SPACE, SPACE.settled, Console(file=file))
    begun = RunDirectory.create(tmp_path / "after", config.load("quickstart"), starts)
    kept = warm_start.genotypes(begun, SPACE)
    assert [SPACE.key(g) for g in kept] == [SPACE.key(g) for g in GENOTYPES[:1:-1]]
    first = architecture_file.load_spec(begun.starts()[0])
    assert first.provenance == {"run": "before", "trial": 11, "scores": {"proxy_miou": 0.11}}


def test_what_lies_beyond_the_constraints_is_left_out_and_said(run: RunDirectory) -> None:
    figures = network_figures(SPACE, Scale(0.25), 11, (96, 128), costs)
    macs = sorted(figures(genotype)["macs"] for genotype in GENOTYPES[2:])
    space = ConstrainedSpace(SPACE, {"macs": macs[3]}, figures)
    keys, said = gathered(run.path, space=space)
    assert len(keys) == 4
    assert said.count("left out") == 6
    assert f"{run.path}: trial-0" in said
    with pytest.raises(UserError, match="no network is left to start from"):
        gathered(run.path, space=ConstrainedSpace(SPACE, {"macs": macs[0] / 2}, figures))


@pytest.mark.parametrize("crop", [(96, 128), (64, 96)])
def test_what_is_dead_at_the_crops_of_this_search_comes_to_life(
    tmp_path: Path, crop: tuple[int, int]
) -> None:
    small = replace(SPACE, crop=crop)
    (key,), said = gathered(saved(tmp_path / "old.yaml", 0), space=small, whole=small)
    old = SPACE.decode(GENOTYPES[0])
    settled = replace(old, blocks=tuple(map(small.settled, old.blocks)))
    assert key == canonical_key(settled) != canonical_key(old)
    count = sum(a != b for a, b in zip(old.blocks, settled.blocks, strict=True))
    assert f"old.yaml: smaller dilations or levels in {count} of 14 blocks" in said
    levels = {block.level for block in settled.blocks}
    assert max(levels) == (6 if crop == (96, 128) else 5)
    (key,), said = gathered(tmp_path / "old.yaml")
    assert (key, said) == (canonical_key(old), "")


def test_what_cannot_be_begun_with_is_refused_by_name(tmp_path: Path, run: RunDirectory) -> None:
    other = replace(SPACE, dilations=(1,))
    (tmp_path / "empty").mkdir()
    unscored = RunDirectory.create(tmp_path / "unscored", config.load("quickstart"))
    refused = {
        (tmp_path / "empty", SPACE): "empty: is neither a run nor a folder of architecture files",
        (tmp_path / "none.yaml", SPACE): "none.yaml' is neither a file nor in the catalogue",
        (unscored.path, SPACE): "unscored: the run has no candidates yet",
        ("deeplabv3-resnet-50-os8", SPACE): "os8: is a ResNet; only searched backbones",
        (run.path, other): r"before: trial-0011: block \d+: dilation must be one of \[1\]",
    }
    for (source, space), message in refused.items():
        with pytest.raises(UserError, match=message):
            gathered(source, space=space)
