"""``nas export NAME --weights FILE``: the network that is exported has the weights of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.prediction.given_weights import GivenWeights
from nas.prediction.subjects import resolve
from proxy_tasks.datasets import voc
from proxy_tasks.networks.torchvision import load_torchvision
from results.build_options import BuildOptions, build_options
from results.export.subject import Subject
from search_space import architecture_file
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from tests.support.torchvision_states import NARROW, TINY, imagenet_state, tiny_state

RESNET = DilatedResNet(TINY, 8)
NAMES = ("road", "sky", "car", "tree", "pole")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save(tiny_state(), tmp_path / "tiny.pth")
    return tmp_path / "tiny.pth"


@pytest.fixture
def spec(tmp_path: Path) -> str:
    architecture_file.save(tmp_path / "tiny.yaml", RESNET)
    return str(tmp_path / "tiny.yaml")


def options(**given: int | str) -> BuildOptions:
    return replace(build_options(**given), scale=NARROW)  # type: ignore[arg-type]


def resolved(spec: str, given: GivenWeights, **more: int | str) -> Subject:
    (subject,) = resolve(spec, None, options(**more), given)
    return subject


def test_it_computes_what_the_weights_of_the_file_compute(spec: str, file: Path) -> None:
    told: list[str] = []
    subject = resolved(spec, GivenWeights(file, NAMES, told.append))
    expected = subject.network
    load_torchvision(expected, torch.load(file))  # type: ignore[arg-type]
    (again,) = resolve(spec, None, options(), GivenWeights(file, NAMES, told.append))
    x_13HW = torch.rand(1, 3, 65, 64)
    with torch.no_grad():
        torch.testing.assert_close(again.network(x_13HW), expected.eval()(x_13HW))
    assert subject.trained
    assert subject.classes == NAMES
    assert subject.spec.provenance["weights"] == "tiny.pth"
    assert told[0].startswith("weights: ")
    assert told[0].endswith("left: aux_classifier (no place here)")


def test_21_classes_are_those_of_pascal_voc(spec: str, tmp_path: Path) -> None:
    state = {k: v for k, v in tiny_state().items() if not k.startswith("aux_")}
    state |= {"classifier.4.weight": torch.rand(21, 16, 1, 1), "classifier.4.bias": torch.rand(21)}
    torch.save(state, tmp_path / "voc.pth")
    assert resolved(spec, GivenWeights(tmp_path / "voc.pth")).classes == voc.CLASSES


@pytest.mark.parametrize(
    ("more", "names", "message"),
    [
        ({"size": "64"}, NAMES, "atrous rates 12, 24, 36, but this network has"),
        ({"classes": 3}, (), "of 5 classes, but --classes says 3"),
        ({}, NAMES[:2], "of 5 classes, but --class-names has 2"),
    ],
)
def test_what_does_not_go_with_the_file_is_refused(
    spec: str, file: Path, more: dict[str, int | str], names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=f"^--weights: {file}: .*{message}"):
        resolved(spec, GivenWeights(file, names), **more)


def test_a_file_without_a_head_is_refused(spec: str, tmp_path: Path) -> None:
    torch.save(imagenet_state(), tmp_path / "resnet.pth")
    with pytest.raises(UserError, match=r"classifier\.4\.weight is missing"):
        resolved(spec, GivenWeights(tmp_path / "resnet.pth"))


def test_what_has_weights_of_its_own_takes_no_others(tmp_path: Path, file: Path) -> None:
    with pytest.raises(UserError, match=r"^--weights: leave it out; .* weights of its own"):
        resolve(str(tmp_path), None, build_options(), GivenWeights(file))
