"""``nas evaluate``: the figures of Cityscapes' own scripts, a record, and benchmarks' own files."""

from __future__ import annotations

import errno
import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from rich.console import Console
from torch.nn.functional import interpolate

from nas import config as configs
from nas.commands.evaluate import Options, evaluate
from nas.prediction.predictors import open_predictor
from nas.prediction.viewing import Asked
from nas.runs import evaluations
from nas.runs.directory import RunDirectory
from proxy_tasks.augment import normalise
from proxy_tasks.checkpoint import Checkpoint, Weights
from proxy_tasks.datasets import cityscapes, open_dataset
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.networks import DeepLabV3, build_segmenter
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.task import Fidelity, Job
from proxy_tasks.validation import Validation
from results.export import huggingface, standalone
from results.export.subject import Subject
from results.export.sums import SUMS
from search_space import strict_yaml
from search_space.errors import UserError
from search_space.files import sha256
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.shown import Shown

torch.set_num_threads(1)

BACKBONE = DilatedResNet((1, 1, 1, 1), output_stride=8)
SCALE = Scale(filters=0.125, endpoint_filters=8, aspp_filters=16)
SIZE = (32, 48)
COVERING = Sight(cover=SIZE)
IDS = (0, 3, 4, 7, 8, 11, 21, 23, 24, 26, 33)
"""Of Cityscapes: void ones among them, and not all that are scored."""


def network(classes: int, images: torch.Tensor) -> DeepLabV3:
    """Untrained, but it tells pixels apart: batch norms and classifier have seen the images."""
    torch.manual_seed(1)
    found = build_segmenter(BACKBONE, SCALE, classes, SIZE).train()
    for module in found.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean over all it sees
    with torch.no_grad():
        found(normalise(images))
        found.eval()
        logits = found.forward_low(normalise(images)).transpose(0, 1).flatten(1)
        spread, mean = torch.std_mean(logits, 1)
        found.classifier.weight /= spread[:, None, None, None] + 1e-6
        found.classifier.bias -= mean
        found.classifier.bias /= spread + 1e-6
    return found


def weights(
    folder: Path, classes: tuple[str, ...], net: DeepLabV3, sight: Sight = COVERING
) -> Path:
    job = Job(0, "job", BACKBONE, Fidelity(1, SIZE, SCALE))
    Checkpoint(folder).save_weights(net, job, Shown(classes, sight))
    return folder


_ASKED = ("size", "scales", "flip", "window", "stride")


def run(weights: Path, **options: Any) -> dict[str, Any]:
    """What ``--json`` prints."""
    file = StringIO()
    asked = {name: options.pop(name) for name in _ASKED if name in options}
    evaluate(weights, Options(**options, asked=Asked(**asked), as_json=True), Console(file=file))
    return json.loads(file.getvalue())


def noise(path: Path, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    coarse = rng.integers(0, 256, (6, 10, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return np.asarray(image)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cityscapes as published: two images to validate on, of ids that change block by block."""
    root, rng = tmp_path_factory.mktemp("cityscapes"), np.random.default_rng(0)
    for split, city in (("train", "ulm"), ("val", "bad-honnef"), ("val", "lindau")):
        name = f"{city}_000000_000019"
        noise(root / f"leftImg8bit/{split}/{city}/{name}_leftImg8bit.png", rng, (128, 256))
        blocks = rng.choice(np.array(IDS, np.uint8), (8, 16))
        path = root / f"gtFine/{split}/{city}/{name}_gtFine_labelIds.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(blocks.repeat(16, 0).repeat(16, 1)).save(path)
    return root


@pytest.fixture(scope="module")
def street_weights(street: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the nineteen classes."""
    data = open_dataset("cityscapes", root=street)
    images = torch.stack([torch.from_numpy(data.load("val", i)[0].copy()) for i in range(2)])
    net = network(19, images)
    return weights(tmp_path_factory.mktemp("street") / "promotion", cityscapes.CLASSES, net)


def test_miou_is_that_of_cityscapes_own_scripts(street, street_weights, tmp_path) -> None:
    official = pytest.importorskip(
        "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling",
        reason="cityscapesscripts is not installed",
    )
    settings = [f"data.root={street}"]
    out = tmp_path / "out"
    found = run(
        street_weights, data="cityscapes", settings=settings, output=out, submission=True,
        size="own", scales=("0.9", "1"), flip=True,
    )  # fmt: skip
    arguments = official.args
    arguments.evalInstLevelScore = arguments.JSONOutput = False
    arguments.quiet, arguments.predictionPath = True, str(out / "submission")
    truths = sorted(map(str, street.glob("gtFine/val/*/*_labelIds.png")))
    answers = [official.getPrediction(arguments, truth) for truth in truths]
    expected = official.evaluateImgLists(answers, truths, arguments)
    assert found["scores"]["miou"] == pytest.approx(expected["averageScoreClasses"], abs=1e-6)
    for name, known in found["classes"].items():
        theirs = expected["classScores"][name]
        assert known["iou"] == (None if np.isnan(theirs) else pytest.approx(theirs, abs=1e-6))
    hit = [known["iou"] for known in found["classes"].values() if known["iou"]]
    assert len(hit) >= 5
    assert None in [known["iou"] for known in found["classes"].values()]


@pytest.fixture(scope="module")
def scenes_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The promotion of a run on scenes of the size that it was trained at."""
    path = tmp_path_factory.mktemp("runs") / "scenes"
    settings = ["data.scenes=[2, 5]", "promotion.size=[32, 48]", "engine.device=cpu"]
    made = RunDirectory.create(path, configs.load("quickstart", settings))
    data = open_dataset("scenes", train=2, val=5, size=SIZE)
    images = torch.stack([torch.from_numpy(data.load("val", i)[0].copy()) for i in range(5)])
    return weights(made.promotions / "trial-0003", data.classes, network(11, images))


def test_it_is_what_the_training_measured(scenes_run, tmp_path) -> None:
    data = open_dataset("scenes", train=2, val=5, size=SIZE)
    cpu = torch.device("cpu")
    packed = DeviceSplit(open_packed(pack(data, Sight(cover=SIZE), tmp_path)).val, cpu)
    images = torch.stack([torch.from_numpy(data.load("val", i)[0].copy()) for i in range(5)])
    validation = Validation(11, cpu)
    validation.add(network(11, images), packed, 2)
    expected = validation.result()
    found = run(scenes_run)
    assert found["data"] | {"fingerprint": ""} == {
        "name": "scenes", "root": None, "split": "val", "images": 5, "fingerprint": "",
        "unknown": [], "left_out": [],
    }  # fmt: skip
    assert found["sight"] == {"cover": list(SIZE)}
    assert found["scores"]["miou"] == pytest.approx(expected.miou, abs=1e-4)
    for known, theirs in zip(found["classes"].values(), expected.class_iou, strict=True):
        assert known["iou"] == pytest.approx(theirs, abs=1e-3)


def test_it_is_kept_beside_the_weights_and_made_anew_where_it_is_the_same(scenes_run) -> None:
    (scenes_run / evaluations.FILE).unlink(missing_ok=True)
    first = run(scenes_run)
    run(scenes_run, flip=True)
    run(scenes_run / "best.safetensors", split="train")
    again = run(scenes_run)
    kept = evaluations.load_all(scenes_run)
    assert [(e.views.flip, e.data.split, e.data.images) for e in kept] == [
        (True, "val", 5), (False, "train", 2), (False, "val", 5),
    ]  # fmt: skip
    assert kept[-1].to_dict() == again
    assert again | {"date": ""} == first | {"date": ""}
    assert again["weights"] == sha256(scenes_run / "best.safetensors")


def test_the_report_has_every_class_and_every_figure(scenes_run) -> None:
    values = run(scenes_run)
    file = StringIO()
    evaluate(scenes_run, Options(), Console(file=file, width=100))
    text = file.getvalue()
    assert "on scenes val, 5 images" in text
    assert "seen just large enough to cover 32x48; labels at their own size" in text
    for name, known in values["classes"].items():
        (line,) = (line for line in text.splitlines() if line.split()[:1] == [name])
        assert line.split()[-1] == f"{100 * known['share']:.2f}"
    for name in ("miou", "pixel_accuracy", "mean_accuracy", "boundary_f"):
        assert f"{100 * values['scores'][name]:5.1f} %  " in text


def folder(root: Path, classes: tuple[str, ...], order: tuple[int, ...]) -> Path:
    """Two images to validate on; label values are places in ``classes``, and the same classes
    stand at the same pixels whatever their order."""
    rng = np.random.default_rng(0)
    for split, name in (("train", "a"), ("val", "b"), ("val", "c")):
        noise(root / split / "images" / f"{name}.png", rng, (45, 70))
        blocks = np.array(order, np.uint8)[rng.integers(0, 3, (5, 7))]
        path = root / split / "labels" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(blocks.repeat(9, 0).repeat(10, 1)).save(path)
    (root / "classes.txt").write_text("\n".join(classes))
    return root


@pytest.fixture
def road(tmp_path: Path) -> Path:
    """Weights that tell apart sky, road and car."""
    root = folder(tmp_path / "seen", ("sky", "road", "car"), (0, 1, 2))
    images = [np.asarray(Image.open(root / f"val/images/{name}.png")) for name in "bc"]
    net = network(3, torch.from_numpy(np.stack(images)))
    return weights(tmp_path / "road", ("sky", "road", "car"), net, Sight(stretch=SIZE))


def test_classes_meet_by_name_in_whatever_order(road, tmp_path) -> None:
    other = folder(tmp_path / "other", ("car", "sky", "road"), (1, 2, 0))
    found = [
        run(road, data="folder", settings=[f"data.root={root}"], window="20x32")
        for root in (tmp_path / "seen", other)
    ]
    assert found[0]["scores"] == found[1]["scores"]
    assert {k: found[1]["classes"][k] for k in found[0]["classes"]} == found[0]["classes"]
    assert len([c for c in found[0]["classes"].values() if c["iou"]]) >= 2


def test_classes_that_only_one_side_has_are_never_found_or_not_chosen(road, tmp_path) -> None:
    root = folder(tmp_path / "more", ("car", "road", "moon"), (2, 1, 0))
    out = tmp_path / "out"
    found = run(road, data="folder", settings=[f"data.root={root}"], output=out, submission=True)
    assert (found["data"]["unknown"], found["data"]["left_out"]) == (["moon"], ["sky"])
    assert found["classes"]["moon"]["iou"] == 0
    assert found["classes"]["moon"]["share"] > 0
    labels = np.asarray(Image.open(out / "submission" / "b.png"))
    image = Image.open(root / "val/images/b.png").resize(SIZE[::-1], Image.Resampling.BILINEAR)
    net = Weights.open(road / "best.safetensors").network()
    with torch.no_grad():
        low = net.forward_low(normalise(torch.from_numpy(np.array(image))[None]))
    logits = interpolate(low, (45, 70), mode="bilinear")[0]
    car_or_road = logits[[2, 1]].argmax(0).numpy()
    assert np.array_equal(labels, car_or_road)
    assert len(np.unique(labels)) == 2
    colours = Image.open(out / "colours" / "b.png")
    assert np.array_equal(np.asarray(colours), labels)
    assert colours.getpalette()[:9] == [128, 0, 0, 0, 128, 0, 128, 128, 0]
    assert {path.name for path in out.iterdir()} == {"colours", "submission", evaluations.FILE}
    kept = yaml.safe_load((out / evaluations.FILE).read_text())["evaluations"]
    assert kept == [found]


def test_nothing_is_kept_where_that_is_asked_for(road, tmp_path) -> None:
    data = {"data": "folder", "settings": [f"data.root={tmp_path / 'seen'}"]}
    (road / evaluations.FILE).unlink(missing_ok=True)
    found = run(road, **data, keep=False)
    assert not (road / evaluations.FILE).exists()
    (road / evaluations.FILE).write_text("somebody's own")
    assert run(road, **data, keep=False)["scores"] == found["scores"]
    assert (road / evaluations.FILE).read_text() == "somebody's own"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_place_that_is_read_only_costs_the_record_alone(
    road, tmp_path, monkeypatch, capsys, as_json
) -> None:
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(evaluations, "replace_text", read_only)
    file, settings = StringIO(), [f"data.root={tmp_path / 'seen'}"]
    options = Options("folder", settings, as_json=as_json)
    evaluate(road, options, Console(file=file, width=200))
    line = f"not kept: {road / evaluations.FILE}: cannot be written: Read-only file system"
    assert capsys.readouterr().err == f"{line}; --no-keep leaves it\n"
    assert "mIoU" in file.getvalue() or json.loads(file.getvalue())["scores"]["miou"] > 0


def test_exports_score_as_their_weights_and_keep_nothing(road, tmp_path, monkeypatch) -> None:
    file = road / "best.safetensors"
    classes = ("sky", "road", "car")
    subject = Subject(BACKBONE, SCALE, classes, SIZE, weights=file)
    for module in (standalone, huggingface):  # the comparison has tests of its own
        monkeypatch.setattr(module, "compare", lambda *_, **__: None)
    standalone.PYTHON.export(subject, tmp_path / "python")
    huggingface.HUGGINGFACE.export(subject, tmp_path / "hub")
    settings = [f"data.root={tmp_path / 'seen'}"]
    expected = run(road, data="folder", settings=settings)
    for name, weights_file in (("python", "weights.pt"), ("hub", "model.safetensors")):
        found = run(tmp_path / name, data="folder", settings=settings)
        assert found["scores"] == pytest.approx(expected["scores"], abs=1e-4)
        assert found["weights"] == sha256(tmp_path / name / weights_file)
        assert not (tmp_path / name / evaluations.FILE).exists()
        other_weights_are_refused(tmp_path / name / weights_file, settings)


def other_weights_are_refused(file: Path, settings: list[str]) -> None:
    """By the digest of an export; those of earlier releases have none."""
    kept = file.read_bytes()
    content = bytearray(kept)
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"{file.name}: not the weights that were exported, by"):
        run(file.parent, data="folder", settings=settings)
    with pytest.raises(UserError, match="not the weights that were exported"):
        open_predictor(file.parent)
    file.write_bytes(kept)
    (file.parent / SUMS).unlink()
    assert run(file.parent, data="folder", settings=settings)["scores"]


def test_images_are_seen_as_the_weights_say_and_size_overrides_it(road, tmp_path) -> None:
    settings = [f"data.root={tmp_path / 'seen'}"]
    data = {"data": "folder", "settings": settings}
    assert run(road, **data)["sight"] == {"stretch": list(SIZE)}
    assert run(road, **data, size="own")["sight"] == {"factor": 1.0}
    assert run(road, **data, size="24x40")["sight"] == {"stretch": [24, 40]}
    assert run(road, **data, window="20x32")["sight"] == {"factor": 1.0}
    net = Weights.open(road / "best.safetensors").network()
    half = weights(tmp_path / "half", ("sky", "road", "car"), net, Sight(factor=0.5))
    found = run(half, **data, window="20x32")
    assert (found["sight"], found["views"]["window"]) == ({"factor": 0.5}, [20, 32])


def test_a_test_part_is_scored_where_there_is_one(road, tmp_path) -> None:
    settings = [f"data.root={tmp_path / 'seen'}"]
    with pytest.raises(UserError, match="--split test: folder has no images there"):
        run(road, data="folder", settings=settings, split="test")
    shutil.copytree(tmp_path / "seen" / "val", tmp_path / "seen" / "test")
    found = run(road, data="folder", settings=settings, split="test")
    assert (found["data"]["split"], found["data"]["images"]) == ("test", 2)
    assert found["scores"] == run(road, data="folder", settings=settings)["scores"]


def test_records_of_before_sights_are_read(scenes_run, tmp_path) -> None:
    """Those kept a size among the views; none was the image's own."""
    values = run(scenes_run)
    sight, views = values.pop("sight"), values["views"]
    assert sight == {"cover": [32, 48]}
    old = [values | {"views": {"size": size} | views} for size in ([32, 48], None)]
    text = strict_yaml.render({"format": evaluations.FORMAT, "evaluations": old})
    (tmp_path / evaluations.FILE).write_text(text)
    found = evaluations.load_all(tmp_path)
    assert [each.sight for each in found] == [Sight(stretch=(32, 48)), OWN]
    evaluations.save(tmp_path, found[0])
    assert evaluations.load_all(tmp_path) == [found[1], found[0]]


def test_a_broken_image_leaves_nothing_behind(road, tmp_path) -> None:
    (tmp_path / "seen/val/labels/c.png").write_bytes(b"no image")
    settings = [f"data.root={tmp_path / 'seen'}"]
    with pytest.raises(UserError, match=r"c\.png cannot be read"):
        run(road, data="folder", settings=settings, output=tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"seen", "road"}
    assert not (road / evaluations.FILE).exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give --data NAME"),
        ({"data": "nope"}, "--data nope: write scenes, folder, "),
        ({"data": "/"}, "--data /: is a folder; write --data folder --set data.root=/, or"),
        ({"data": "scenes"}, "the network knows a, b, c, the data set sky, building"),
        ({"split": "all"}, "--split all: write train, val or test"),
        ({"size": "big"}, "--size big: write pixels"),
        ({"window": "0"}, "--window 0: an image has"),
        ({"scales": ("1", "one")}, "--scales 1 one: write numbers"),
        ({"boundary": -1.0}, "--boundary -1"),
        ({"submission": True}, "--submission: needs -o"),
        ({"output": Path(__file__).parent}, "exists already"),
    ],
)
def test_a_users_mistake_is_told_in_one_line(options, message, tmp_path) -> None:
    net = network(3, torch.zeros(2, *SIZE, 3, dtype=torch.uint8))
    made = weights(tmp_path / "road", ("a", "b", "c"), net)
    with pytest.raises(UserError, match=message) as refused:
        run(made, **options)
    assert "\n" not in str(refused.value)


def test_a_damaged_record_is_told_of_before_the_work(scenes_run, tmp_path) -> None:
    (tmp_path / "best.safetensors").write_bytes((scenes_run / "best.safetensors").read_bytes())
    (tmp_path / evaluations.FILE).write_text("format: other")
    with pytest.raises(UserError, match="is not a record of evaluations"):
        run(tmp_path, data="nope")
