"""Two processes over gloo train the network that one trains alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.packing import pack
from proxy_tasks.processes import Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from search_space.errors import UserError
from tests.support.groups import in_processes
from tests.support.shared_training import JOB, RECIPES, SIZE, taught
from tests.support.taught import soft_labels, teacher_maps

Both = tuple[dict[str, Any], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the two processes. Three images to validate on do not divide between them."""
    folder = tmp_path_factory.mktemp("together")
    dataset = open_dataset("scenes", train=16, val=3, size=SIZE)
    data = pack(dataset, Sight(cover=SIZE), tmp_path_factory.mktemp("cache"))
    (folder / "data").symlink_to(data)
    (folder / "soft").symlink_to(soft_labels(dataset, data))
    (folder / "maps").symlink_to(teacher_maps(data))
    return folder


@pytest.fixture(scope="module")
def both(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """What one process learns, and what each of two does."""
    other = tmp_path_factory.mktemp("alone")
    for name in ("data", "soft", "maps"):
        (other / name).symlink_to((folder / name).readlink())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = taught(other)
    torch.set_num_threads(threads)
    return alone, in_processes(taught, folder)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_first_step_and_two_epochs_are_those_of_one_process(recipe: str, both: Both) -> None:
    alone, together = both[0][recipe], both[1][0][recipe]
    for name in ("gradients", "weights"):
        torch.testing.assert_close(together[name], alone[name], rtol=1e-6, atol=1e-9)
    assert together["losses"] == pytest.approx(alone["losses"], rel=1e-9)
    # Validation adds up a band's pixels in single precision, and batches differ: 1e-6 is its
    # rounding.
    ours, theirs = together["evaluation"], alone["evaluation"]
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)
    assert ours.class_iou == pytest.approx(theirs.class_iou, abs=1e-3)
    assert ours.figures == pytest.approx(theirs.figures, rel=1e-5)


@pytest.mark.parametrize("recipe", RECIPES)
def test_all_processes_end_with_the_same_bits(recipe: str, both: Both) -> None:
    first, second = (known[recipe] for known in both[1])
    assert torch.equal(first["weights"], second["weights"])
    assert first["losses"] == second["losses"]
    assert first["evaluation"] == second["evaluation"]


def test_every_process_measures_and_one_history_is_kept(both: Both, folder: Path) -> None:
    together = [known["kept"] for known in both[1]]
    assert [[m.epochs for m in measured] for measured in together] == [[1, 2]] * 2
    assert together[0][-1].class_iou == together[1][-1].class_iou
    kept = Checkpoint(folder / "kept" / JOB.name).load()
    assert kept is not None
    assert kept[1] == together[0]


def test_parts_of_a_batch_must_be_equal() -> None:
    with pytest.raises(UserError, match="is 8, which 3 processes cannot share"):
        Group(0, 3).divide(Recipe(batch_size=16, accumulate=2))
