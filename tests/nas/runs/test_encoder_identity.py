"""A run goes on with the weights of its encoder that it began with, wherever they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.config import Config, parse
from nas.parts.build import task
from nas.runs import encoder_identity
from nas.runs.directory import RunDirectory, placed
from search_space.errors import UserError


def config(file: Path | None) -> Config:
    space = {"encoder": "resnet-18", "encoder_weights": None if file is None else str(file)}
    return parse({"space": space}, "test")


def test_the_first_file_is_kept_and_another_refused(tmp_path: Path) -> None:
    first, moved, other = (tmp_path / name for name in ("first.pth", "moved.pth", "other.pth"))
    first.write_bytes(b"weights")
    moved.write_bytes(b"weights")
    other.write_bytes(b"others")
    run = RunDirectory(tmp_path)
    for file in (first, first, moved):
        encoder_identity.hold(run, config(file))
    for changed in (other, None):
        with pytest.raises(UserError, match=r"^space\.encoder_weights: .*not the weights that the run"):
            encoder_identity.hold(run, config(changed))


def test_a_run_without_a_file_keeps_nothing(tmp_path: Path) -> None:
    encoder_identity.hold(RunDirectory(tmp_path), config(None))
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"^space\.encoder_weights: .*gone\.pth: No such file"):
        encoder_identity.hold(RunDirectory(tmp_path), config(tmp_path / "gone.pth"))


def test_the_file_reaches_the_training_and_the_config_by_its_whole_path(tmp_path: Path) -> None:
    found = placed(config(Path("resnet18.pth")))
    assert found.space.encoder_weights == Path("resnet18.pth").absolute()
    assert parse(found.model_dump(mode="json"), "again") == found
    start = task(found, found.proxy, tmp_path).start
    assert (start.encoder, start.encoder_weights) == ("resnet-18", found.space.encoder_weights)
    assert "encoder_weights" not in config(None).model_dump(mode="json")["space"]


def test_a_file_without_an_encoder_is_refused() -> None:
    with pytest.raises(UserError, match="encoder_weights needs an encoder"):
        parse({"space": {"encoder_weights": "resnet18.pth"}}, "test")
