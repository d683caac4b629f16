"""What may be named as an encoder beside those that are registered: backbones of our own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nas.prediction.encoder_source import look_up
from results.export import huggingface, standalone
from search_space import architecture_file, catalog
from search_space.backbone_encoder import BackboneEncoder
from search_space.encoders import EncoderSpec
from search_space.errors import UserError
from tests.support.exports import (
    BACKBONE,
    INTENSITIES,
    SCALE,
    save_photos,
    save_weights,
    subject_of,
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos = save_photos(tmp_path_factory.mktemp("photos"))
    return save_weights(photos, tmp_path_factory.mktemp("weights"))


def check(spec: EncoderSpec) -> None:
    """It is the trained backbone, that sees images as it was trained to."""
    assert isinstance(spec, BackboneEncoder)
    assert (spec.backbone, spec.mean, spec.std) == (BACKBONE, INTENSITIES.mean, INTENSITIES.std)
    assert list(spec.channels) == [2, 3, 5]
    assert spec.scale.filters == SCALE.filters


def test_a_file_of_weights_says_all(weights: Path) -> None:
    spec, file = look_up(str(weights))
    check(spec)
    assert file == weights
    assert look_up(str(weights.parent))[0].name == spec.name  # a promotion's folder


@pytest.mark.parametrize("module", [standalone, huggingface])
def test_an_export_is_the_network_that_was_exported(module, weights: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    exporter = module.PYTHON if module is standalone else module.HUGGINGFACE
    exporter.export(subject_of(weights), tmp_path / "out")
    architecture_file.save(tmp_path / "out" / "architecture.yaml", BACKBONE)  # as a search does
    spec, file = look_up(str(tmp_path / "out"))
    check(spec)
    assert file is not None
    assert file.parent == tmp_path / "out"
    assert spec.name == look_up(str(weights))[0].name


def test_an_architecture_takes_the_weights_that_lie_beside_it(
    weights: Path, tmp_path: Path
) -> None:
    spec_file = tmp_path / "architecture.yaml"
    architecture_file.save(spec_file, BACKBONE)
    alone, none = look_up(str(spec_file))
    assert none is None
    assert isinstance(alone, BackboneEncoder)
    assert alone.mean == ()
    shutil.copy(weights, tmp_path / "weights.safetensors")
    found, file = look_up(str(spec_file))
    check(found)
    assert file == tmp_path / "weights.safetensors"
    architecture_file.save(spec_file, catalog.load("spinenet-49"))  # of which these are not
    assert look_up(str(spec_file))[1] is None


def test_an_entry_of_the_catalogue_has_no_weights_but_those_that_are_given(weights: Path) -> None:
    spec, none = look_up("spinenet-49")
    assert none is None
    assert spec.title == "spinenet-49"
    with pytest.raises(UserError, match="the weights are of another backbone than spinenet-49"):
        look_up("spinenet-49", weights)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (None, "is no encoder: write one of efficientnet-lite0"),
        ("empty", "holds no network of ours"),
        ("two", "holds 2 files of weights: name one of them"),
        ("damaged", "model.safetensors: "),
    ],
)
def test_what_is_no_encoder_is_one_line(
    make: str | None, said: str, weights: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    if make:
        place.mkdir()
    if make == "two":
        shutil.copy(weights, place / "a.safetensors")
        shutil.copy(weights, place / "b.safetensors")
    elif make == "damaged":
        (place / "model.safetensors").write_bytes(weights.read_bytes()[:50])
    with pytest.raises(UserError) as caught:
        look_up(str(place))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
