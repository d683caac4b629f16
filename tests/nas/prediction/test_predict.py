"""``nas predict``: right labels, pictures that can be read, and bad images told of at the end."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import save_file

from nas.commands.predict import predict
from nas.failures import RunFailed
from nas.prediction import overlay, predictors
from nas.prediction.viewing import Asked, told_apart
from proxy_tasks.augment import normalise
from proxy_tasks.checkpoint import Checkpoint, Weights
from proxy_tasks.intensities import NATURAL
from proxy_tasks.networks import build_segmenter
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.task import Fidelity, Job
from proxy_tasks.views import Views
from results.export import huggingface, standalone
from results.export.subject import Subject
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.shown import Shown

torch.set_num_threads(1)

BACKBONE = DilatedResNet((1, 1, 1, 1), output_stride=8)
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=8)
SIZE, CLASSES = (32, 48), ("sky", "road", "car", "tree")
COLOURS = ((250, 1, 2), (3, 250, 4), (5, 6, 250), (7, 250, 250))
"""The user's own, of no data set that is known."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    network = build_segmenter(BACKBONE, SCALE, len(CLASSES), SIZE).eval()
    checkpoint = Checkpoint(tmp_path_factory.mktemp("promotion"))
    data = Shown(CLASSES, Sight(stretch=SIZE), colours=COLOURS)
    checkpoint.save_weights(network, Job(0, "job", BACKBONE, Fidelity(1, SIZE, SCALE)), data)
    return checkpoint.weights


def picture(path: Path, seed: int = 0, size: tuple[int, int] = SIZE) -> Path:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC).save(path)
    return path


def run(weights: Path, sources: list[Path], folder: Path, size: str | None = None) -> None:
    predict(weights, sources, folder, Asked(size), Console(quiet=True))


def labels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_label_map_holds_the_networks_classes_in_the_palettes_colours(weights, tmp_path):
    image = picture(tmp_path / "a.png")
    run(weights, [image], tmp_path / "out")
    pixels = torch.from_numpy(np.array(Image.open(image)))[None]
    with torch.no_grad():
        expected = Weights.open(weights).network()(normalise(pixels)).argmax(1)[0].numpy()
    assert len(np.unique(expected)) > 1
    found = Image.open(tmp_path / "out" / "a-labels.png")
    assert found.mode == "P"
    np.testing.assert_array_equal(np.asarray(found), expected)
    shown = np.asarray(found.convert("RGB"))[0, 0]
    assert tuple(shown) == COLOURS[expected[0, 0]]
    strip = np.asarray(Image.open(tmp_path / "out" / "a-overlay.png"))[448:]
    assert COLOURS[expected[0, 0]] in {tuple(colour) for colour in strip.reshape(-1, 3).tolist()}


def test_colours_are_the_users_own_also_where_the_classes_are_of_a_known_data_set(tmp_path) -> None:
    classes = predictors.camvid.CLASSES
    colours = tuple((n, 2 * n, 3 * n) for n in range(len(classes)))
    network = build_segmenter(BACKBONE, SCALE, len(classes), SIZE).eval()
    job = Job(0, "job", BACKBONE, Fidelity(1, SIZE, SCALE))
    Checkpoint(tmp_path).save_weights(
        network, job, Shown(classes, Sight(stretch=SIZE), colours=colours)
    )
    assert predictors.open_predictor(tmp_path).palette == colours


def test_options_are_those_of_an_evaluation(weights, tmp_path):
    image = picture(tmp_path / "a.png", size=(50, 90))
    asked = Asked("own", ("0.5", "1"), True, "40x40", "20x30")
    predict(weights, [image], tmp_path / "out", asked, Console(quiet=True))
    views = Views((0.5, 1.0), True, (40, 40), (20, 30))
    expected = predictors.open_predictor(weights).labeller(views, sight=OWN)
    found = labels(tmp_path / "out" / "a-labels.png")
    np.testing.assert_array_equal(found, expected.predict(np.asarray(Image.open(image))))
    with pytest.raises(UserError, match="--scales x: write numbers"):
        predict(weights, [image], tmp_path / "none", Asked(scales=("x",)), Console(quiet=True))
    assert not (tmp_path / "none").exists()


def test_a_line_for_each_image_says_how_far_it_is(weights, tmp_path):
    images = [picture(tmp_path / f"{name}.png") for name in "abc"]
    said = StringIO()
    predict(weights, images, tmp_path / "out", Asked(), Console(file=said, width=40))
    lines = said.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["1 of 3", "2 of 3", "3 of 3"]
    first = tmp_path / "out" / "a"
    assert lines[0].endswith(f"wrote {first}-labels.png, {first}-overlay.png")


def test_numbers_behind_scales_are_no_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "2.png").rename(tmp_path / "2")
    given = [Path(name) for name in ("a.png", "1.0", "2", "1.25")]
    assert told_apart(given, ["0.5"]) == ([Path("a.png"), Path("2")], ["0.5", "1.0", "1.25"])
    assert told_apart(given, []) == (given, [])


def test_an_image_of_another_size_is_seen_as_in_training_and_labelled_at_its_own(weights, tmp_path):
    run(weights, [picture(tmp_path / "a.png")], tmp_path / "out")
    twice = Image.open(tmp_path / "a.png").resize((96, 64), Image.Resampling.NEAREST)
    twice.save(tmp_path / "b.png")
    run(weights, [tmp_path / "b.png"], tmp_path / "out")
    run(weights, [tmp_path / "b.png"], tmp_path / "native", "64x96")
    small, large = (labels(tmp_path / "out" / f"{name}-labels.png") for name in "ab")
    assert large.shape == (64, 96)
    native = labels(tmp_path / "native" / "b-labels.png")
    agreement = (large[::2, ::2] == small).mean()
    assert agreement > 0.95
    assert agreement > (native[::2, ::2] == small).mean()


def test_bad_images_are_told_of_at_the_end_and_the_rest_is_done(weights, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    picture(folder / "a.png")
    (folder / "b.jpg").write_bytes(b"no image")
    picture(folder / "c.png", 1)
    (folder / "notes.txt").write_text("not looked at")
    with pytest.raises(RunFailed, match="2 of 4 images"):
        run(weights, [folder, tmp_path / "missing.png"], tmp_path / "out")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"{name}-{kind}.png" for name in "ac" for kind in ("labels", "overlay")}
    first, second = capsys.readouterr().err.splitlines()
    assert "b.jpg cannot be read" in first
    assert "missing.png cannot be read" in second


def test_the_folders_of_exports_label_as_the_weights_do(weights, tmp_path, monkeypatch):
    subject = Subject(BACKBONE, SCALE, CLASSES, SIZE, weights=weights)
    for module in (standalone, huggingface):  # the comparison has tests of its own
        monkeypatch.setattr(module, "compare", lambda *_, **__: None)
    standalone.PYTHON.export(subject, tmp_path / "python")
    huggingface.HUGGINGFACE.export(subject, tmp_path / "hub")
    image = picture(tmp_path / "a.png")
    found = []
    for source in (weights, weights.parent, tmp_path / "python", tmp_path / "hub"):
        run(source, [image], tmp_path / "out")
        found.append(labels(tmp_path / "out" / "a-labels.png"))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)
    shown = Image.open(tmp_path / "out" / "a-labels.png").convert("RGB")
    assert shown.getpixel((0, 0)) == COLOURS[found[0][0, 0]]


def test_exports_of_earlier_releases_see_images_as_they_did(weights, tmp_path, monkeypatch):
    """Those say a size and how colours are normalised, and nothing of sights and palettes."""
    subject = Subject(BACKBONE, SCALE, CLASSES, SIZE, weights=weights)
    for module in (standalone, huggingface):
        monkeypatch.setattr(module, "compare", lambda *_, **__: None)
    standalone.PYTHON.export(subject, tmp_path / "python")
    huggingface.HUGGINGFACE.export(subject, tmp_path / "hub")
    config = json.loads((tmp_path / "hub" / "config.json").read_text())
    for name in ("sight", "palette", "image_top"):
        del config[name]
    (tmp_path / "hub" / "config.json").write_text(json.dumps(config))
    code = tmp_path / "python" / "network.py"
    mean, std = subject.spec.intensities.mean, subject.spec.intensities.std
    code.write_text(f"{code.read_text()}\ndel SIGHT, PALETTE\nMEAN, STD = {mean}, {std}\n")
    for name in ("hub", "python"):
        found = predictors.open_predictor(tmp_path / name)
        assert (found.sight, found.intensities) == (Sight(stretch=SIZE), NATURAL)
        assert found.palette == predictors.palette(CLASSES)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: f / "none", "no such file"),
        (lambda f: f, "holds no network"),
        (lambda f: save_file({"x": torch.ones(1)}, f / "x.st") or f / "x.st", "it does not say"),
        (lambda f: (f / "x.pt").write_text("x") and f / "x.pt", "no weights file"),
        (lambda f: (f / "config.json").write_text('{"label2id": {}}') and f, "damaged"),
        (lambda f: (f / "network.py").write_text("") or f, "without trained weights"),
        (lambda f: [(f / n).write_text("x") for n in ("network.py", "weights.pt")] and f, "damage"),
    ],
)
def test_what_holds_no_network_is_a_users_mistake(make, said, tmp_path):
    (tmp_path / "export").mkdir()
    with pytest.raises(UserError, match=said):
        run(make(tmp_path / "export"), [picture(tmp_path / "a.png")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_with_random_weights_is_not_labelled_with(tmp_path, monkeypatch):
    subject = Subject(BACKBONE, SCALE, CLASSES, SIZE)
    monkeypatch.setattr(huggingface, "compare", lambda *_, **__: None)
    huggingface.HUGGINGFACE.export(subject, tmp_path / "hub")
    with pytest.raises(UserError, match="without trained weights"):
        run(tmp_path / "hub", [picture(tmp_path / "a.png")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_and_folders_that_do_not_work_are_refused_before_anything_is_done(weights, tmp_path):
    (tmp_path / "empty").mkdir()
    image = picture(tmp_path / "a.png")
    with pytest.raises(UserError, match="empty: no images"):
        run(weights, [tmp_path / "empty"], tmp_path / "out")
    with pytest.raises(UserError, match="holds the images"):
        run(weights, [tmp_path], tmp_path)
    with pytest.raises(UserError, match="share the name 'a'"):
        run(weights, [image, picture(tmp_path / "a.jpg")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_overlay_shows_image_and_labels_and_greys_what_is_absent_in_the_legend():
    image = np.full((40, 60, 3), 100, np.uint8)
    found = np.zeros((40, 60), np.uint8)
    found[20:] = 1
    palette = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    shown = np.asarray(overlay.overlay(image, found, ("sky", "road", "car"), palette))
    assert shown.shape[1] == 660
    assert shown.shape[0] > 440
    assert tuple(shown[100, 300]) == (155, 45, 45)  # 45 % of 100 and 55 % of the colour
    strip = {tuple(colour) for colour in shown[440:].reshape(-1, 3).tolist()}
    assert {(200, 0, 0), (0, 200, 0)} <= strip
    assert (0, 0, 200) not in strip
    assert overlay.FAINT in strip


def test_images_of_many_bands_and_of_16_bits_are_stretched_to_be_seen():
    rng = np.random.default_rng(0)
    deep = rng.integers(900, 1100, (40, 60, 5), np.uint16)
    shown = overlay.visible(deep)
    assert (shown.shape, shown.dtype) == ((40, 60, 3), np.uint8)
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.corrcoef(shown[..., 2].ravel(), deep[..., 2].ravel())[0, 1] > 0.99
    assert overlay.visible(np.full((4, 5, 2), 7, np.uint8)).shape == (4, 5, 3)
    photo = rng.integers(0, 256, (4, 5, 3), np.uint8)
    assert np.array_equal(overlay.visible(photo), photo)


def test_an_image_that_the_network_does_not_take_is_told_of_with_its_name(
    weights, tmp_path, capsys
):
    Image.fromarray(np.full((9, 9), 40000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(RunFailed, match="1 of 1"):
        run(weights, [tmp_path / "deep.png"], tmp_path / "out")
    assert (
        "deep.png: the network takes images (height, width, 3) of uint8" in capsys.readouterr().err
    )


def test_a_long_class_name_is_shortened_and_never_breaks_the_line():
    labels_HW = np.zeros((10, 640), np.uint8)
    image = np.zeros((10, 640, 3), np.uint8)
    names = ("a" * 500, "b\nc")
    shown = overlay.overlay(image, labels_HW, names, [(1, 2, 3), (4, 5, 6)])
    assert shown.width == 640


def test_an_overlay_in_bands_is_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (70, 700, 3), dtype=np.uint8)
    labels = rng.integers(0, 3, (70, 700), dtype=np.uint8)
    told = (image, labels, ("a", "b", "c", "d"), [(9, 8, 7), (1, 200, 3), (4, 5, 6), (7, 7, 7)])
    whole = np.asarray(overlay.overlay(*told))
    monkeypatch.setattr(overlay, "BAND", 7)
    assert (np.asarray(overlay.overlay(*told)) == whole).all()
