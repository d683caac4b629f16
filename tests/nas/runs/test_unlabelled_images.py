"""A run keeps to the images without labels that it began with, and needs a teacher for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.runs import nas_here
from tests.support.taught_runs import line, search, teacher


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "more"
    folder.mkdir()
    for number in range(4):
        drawn = np.random.default_rng(number).integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(drawn).save(folder / f"{number}.png")
    return folder


def test_a_run_with_them_goes_on_with_the_same_ones_wherever_they_lie(
    images: Path, tmp_path: Path
) -> None:
    beside = ("--set", f"data.unlabelled={images}")
    refused = search(tmp_path, "none", *beside)
    assert refused.returncode == 2
    assert "data.unlabelled: only a teacher knows" in refused.stderr
    known = teacher(tmp_path / "teacher")
    done = search(tmp_path, "run", "--teacher", str(known), *beside)
    assert done.returncode == 0, done.stderr
    assert nas_here("check", str(tmp_path / "run")).returncode == 0
    resume = ("search", "--run", str(tmp_path / "run"), "--resume")
    images.rename(tmp_path / "moved")
    assert "no folder" in line(*resume)
    done = nas_here(*resume, "--set", f"data.unlabelled={tmp_path / 'moved'}")
    assert done.returncode == 0, done.stderr
    (tmp_path / "moved" / "2.png").unlink()
    said = line(*resume)
    assert "1 of 4 images is gone since the run began, first unlabelled/0/2.png" in said
