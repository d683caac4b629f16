"""A checkpoint comes back as it was kept, and a damaged one is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.task import Measurement
from search_space.errors import UserError

HISTORY = [Measurement(1, 10, 5, 0.5, miou=0.25)]


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoint:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save({"weights": torch.arange(5000.0)}, HISTORY)
    return checkpoint


def test_it_comes_back_as_it_was_kept(kept: Checkpoint) -> None:
    found = kept.load()
    assert found is not None
    assert torch.equal(found[0]["weights"], torch.arange(5000.0))
    assert found[1] == HISTORY
    assert Checkpoint(kept.folder / "none").load() is None


def zeroed(content: bytes) -> bytes:
    """Inside of the tensor: torch alone would load it."""
    return content[:10_000] + bytes(200) + content[10_200:]


@pytest.mark.parametrize("change", [lambda b: b[: len(b) // 2], lambda b: b"", zeroed])
def test_half_of_one_or_one_that_was_overwritten_is_one_line(kept: Checkpoint, change) -> None:
    kept.state.write_bytes(change(kept.state.read_bytes()))
    for look in (kept.check, kept.load):
        with pytest.raises(UserError, match=r"pt: damaged .*; remove it, and the training") as told:
            look()
        assert "\n" not in str(told.value)


def test_one_that_holds_something_else_is_one_line(kept: Checkpoint) -> None:
    torch.save({"other": 1}, kept.state)
    with pytest.raises(UserError, match=r"checkpoint\.pt: damaged \('training'\)"):
        kept.load()
