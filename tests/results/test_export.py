"""What an export promises: it runs without us, computes the same, and is written whole."""

import importlib.util
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import build
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job
from results.export import standalone, subject
from results.export.ending import NetworkSpec
from results.export.readme import readme
from results.export.sources import OWN_PACKAGES
from results.export.spec import SPEC
from results.export.standalone import PYTHON
from results.export.subject import Subject
from search_space import architecture_file, catalog
from search_space.architecture import Architecture, Block, features
from search_space.backbone import Backbone
from search_space.backbone_encoder import BackboneEncoder
from search_space.errors import UserError
from search_space.heads import HEADS
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.spine import SpineSpace
from tests.support.shown import Shown

torch.set_num_threads(1)

SCALE = Scale(filters=0.125, endpoint_filters=16, aspp_filters=16)
SIZE = (64, 96)
CLASSES = ("sky", 'a "quoted" name', "grün")
SIGHT = Sight(short_side=40)
INTENSITIES = Intensities((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
SHOWN = Shown(CLASSES, SIGHT, INTENSITIES, ((1, 2, 3), (4, 5, 6), (7, 8, 9)))
PLUS = replace(SCALE, filters=0.0625, alpha=1.0, repeats=2, head="deeplabv3+")
"""S143+ made small: every value of the scale differs from that of S49."""
RESNET = DilatedResNet(stages=(1, 2, 2, 1), output_stride=8)
RESNET_PLUS = replace(RESNET, output_stride=16, head="deeplabv3+")


def random_architecture(seed: int) -> Architecture:
    """Twelve blocks at levels 2 to 7, three of them outputs."""
    rng = np.random.default_rng(seed)
    levels = [*rng.integers(2, 8, size=9), 3, 4, 5]
    blocks = [
        Block(
            level=int(level),
            type=str(rng.choice(["bottleneck", "residual"])),
            inputs=tuple(int(i) for i in rng.choice(index, 2, replace=False)),
            dilation=int(rng.choice([1, 2, 4])),
            output=index >= 11,
        )
        for index, level in enumerate(levels, start=2)
    ]
    return Architecture((Block(2, "bottleneck"),) * 2, tuple(blocks), (3, 4, 5))


def trained(backbone: Backbone, folder: Path, scale: Scale = SCALE) -> tuple[torch.nn.Module, Path]:
    """A network whose batch norms have seen something, and its weights file."""
    torch.manual_seed(3)
    network = build(backbone, scale, len(CLASSES), SIZE).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    checkpoint = Checkpoint(folder)
    job = Job(0, "job", backbone, Fidelity(epochs=1, size=SIZE, scale=scale))
    checkpoint.save_weights(network, job, SHOWN)
    return network, checkpoint.weights


@dataclass(frozen=True)
class Exported:
    """An export, and the network of ours that it stands for. Leave its folder as it is."""

    network: torch.nn.Module
    folder: Path
    written: list[Path]


def export_once(backbone: Backbone, folder: Path, scale: Scale = SCALE) -> Exported:
    network, weights = trained(backbone, folder / "run", scale)
    provenance = {"run": "first", "trial": 7}
    written = export(backbone, folder / "out", weights, scale=scale, provenance=provenance)
    return Exported(network, folder / "out", written)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory) -> Exported:
    return export_once(RESNET, tmp_path_factory.mktemp("resnet"))


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Exported:
    return export_once(random_architecture(1), tmp_path_factory.mktemp("searched"))


@pytest.fixture(scope="module")
def searched_plus(tmp_path_factory) -> Exported:
    return export_once(random_architecture(2), tmp_path_factory.mktemp("searched_plus"), PLUS)


def export(
    backbone: Backbone, folder: Path, weights: Path | None, scale: Scale = SCALE, **more
) -> list[Path]:
    made = Subject(backbone, scale, CLASSES, SIZE, weights=weights, **more)
    return PYTHON.export(made, folder)


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_network", path)
    network = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = network  # dataclasses look their module up
    spec.loader.exec_module(network)
    return network


def run_isolated(code: str, folder: Path, cwd: Path) -> subprocess.CompletedProcess:
    """In a new interpreter that finds torch, the folder's files, and nothing of this project."""
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in OWN_PACKAGES)
    code = f"import sys; {blocked}; sys.path.insert(0, {str(folder)!r})\n{code}"
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("kind", ["searched", "resnet", "searched_plus"])
def test_exported_network_computes_the_same_without_this_project(kind, request, tmp_path):
    exported = request.getfixturevalue(kind)
    names = {path.name for path in exported.written}
    assert names == {"network.py", "README.md", "weights.pt", "SHA256SUMS"}
    image_HW3 = np.random.default_rng(0).integers(0, 256, (51, 77, 3), dtype=np.uint8)
    np.save(tmp_path / "image.npy", image_HW3)
    done = run_isolated(
        "import network, numpy, torch\n"
        "torch.set_num_threads(1)  # as here: sums are rounded in another order with more\n"
        "image = numpy.load('image.npy')\n"
        "model = network.load()\n"
        "with torch.no_grad():\n"
        "    torch.save(model(network.preprocess(image)), 'logits.pt')\n"
        "numpy.save('labels.npy', model.predict(image))\n",
        exported.folder,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    seen = Image.fromarray(image_HW3).resize((60, 40), Image.Resampling.BILINEAR)
    mean, std = (torch.tensor(each)[:, None, None] for each in (INTENSITIES.mean, INTENSITIES.std))
    x_13HW = (torch.from_numpy(np.array(seen)).permute(2, 0, 1)[None] / 255 - mean) / std
    with torch.no_grad():
        expected = exported.network(x_13HW)
        low = exported.network.forward_low(x_13HW)
    found = torch.load(tmp_path / "logits.pt")
    assert expected.std() > 0.01
    # Normalised in another order here, which a network of random weights enlarges.
    atol = 1e-4 * float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)
    labels = torch.nn.functional.interpolate(low, (51, 77), mode="bilinear").argmax(1)[0]
    assert len(labels.unique()) > 1
    assert (torch.from_numpy(np.load(tmp_path / "labels.npy")) == labels).float().mean() > 0.999


@pytest.mark.parametrize(
    ("backbone", "scale", "words", "others"),
    [
        (RESNET, PLUS, "DeepLabv3 on a dilated ResNet", "class DeepLabV3Plus"),
        (RESNET_PLUS, SCALE, "DeepLabv3+ on a dilated ResNet", "class MergeBlock"),
        (random_architecture(2), SCALE, "DeepLabv3 on a scale-permuted backbone", "class Decoder"),
        (random_architecture(2), PLUS, "DeepLabv3+ on a scale-permuted backbone", "class Dilated"),
    ],
)
def test_an_export_names_its_network_and_carries_no_other(backbone, scale, words, others):
    spec = NetworkSpec(backbone, scale, CLASSES, (1, 2, 3), SIZE, SIGHT, INTENSITIES, SHOWN.palette)
    code = standalone.source(spec, trained=True)
    compile(code, "network.py", "exec")
    assert code.startswith(f'"""{words}: ')
    assert others not in code
    assert f"class Model({'DeepLabV3Plus' if '+' in words else 'DeepLabV3'}):" in code
    assert readme(spec, trained=True).startswith(f"# {words}\n")


def test_a_classifier_is_not_exported_as_a_segmentation_network(tmp_path):
    scale = replace(SCALE, head="classifier")
    with pytest.raises(UserError, match="labels no pixels"):
        export(random_architecture(1), tmp_path / "out", None, scale=scale)
    assert list(tmp_path.iterdir()) == []


def test_the_lines_of_the_readme_run_as_they_stand(resnet):
    page = (resnet.folder / "README.md").read_text()
    lines = page.split("```python\n")[1].split("```")[0]
    image = "import numpy\nimage = numpy.zeros((40, 50, 3), numpy.uint8)\n"
    done = run_isolated(f"{image}{lines}print(labels_HW.shape)", resnet.folder, resnet.folder)
    assert done.stdout.strip() == "(40, 50)", done.stderr
    assert "trial: 7" in page
    assert all(name in page for name in CLASSES)
    assert "sees an image with its short side at 40 pixels" in page


def test_an_exported_file_says_what_the_weights_say_of_images(resnet):
    network = imported(resnet.folder / "network.py")
    assert asdict(network.SIGHT) == asdict(SIGHT)
    assert asdict(network.INTENSITIES) == asdict(INTENSITIES)
    assert network.CLASSES == CLASSES
    assert SHOWN.palette == network.PALETTE


def test_what_is_no_image_for_the_network_is_refused_by_name(resnet):
    network = imported(resnet.folder / "network.py")
    model = network.load()
    with pytest.raises(ValueError, match=r"\(height, width, 3\) of uint8, .* \(4, 5, 4\) of uint8"):
        model.predict(np.zeros((4, 5, 4), np.uint8))
    with pytest.raises(ValueError, match="of float32"):
        model.predict(np.zeros((4, 5, 3), np.float32))
    with pytest.raises(ValueError, match="training mode"):
        network.build().predict(np.zeros((4, 5, 3), np.uint8))


@pytest.mark.parametrize("which", ["resnet", "searched", "searched_plus"])
def test_an_exported_network_is_scripted_as_it_is(which, request):
    """In the mode it is in; its weights stay under their names."""
    network = imported(request.getfixturevalue(which).folder / "network.py").load()
    scripted = torch.jit.script(network)
    assert scripted.state_dict().keys() == network.state_dict().keys()
    for shape in ((1, 3, 64, 96), (2, 3, 97, 131)):
        x = torch.randn(*shape)
        with torch.no_grad():
            assert torch.equal(scripted(x), network(x))
    assert torch.jit.script(network.train()).training


INNER = BackboneEncoder(catalog.load("spinenet-seg-camvid-60"), Scale(1 / 16), 'our "own"')
NESTED = BackboneEncoder(Architecture(features(INNER), (), (3, 4, 5)), Scale(1 / 16))


@pytest.mark.parametrize(
    ("encoder", "blocks"),
    [
        ("efficientnet-lite0", 0),
        ("efficientnet-lite0", 4),
        ("resnet-18", 4),
        (INNER, 4),
        (NESTED, 4),
    ],
)
def test_an_exported_network_on_an_encoder_is_scripted_too(encoder, blocks, tmp_path):
    space = SpineSpace(encoder, blocks)
    backbone = space.decode(tuple(gene.radix - 1 for gene in space.genes))
    made = Subject(backbone, SCALE, CLASSES, SIZE)
    path = tmp_path / "network.py"
    path.write_text(standalone.source(made.spec, False), "utf-8")
    network = imported(path).build().eval()
    x = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        assert torch.equal(torch.jit.script(network)(x), network(x))


def test_random_weights_are_told_no_scores_of_trained_ones(tmp_path):
    """Nor what a network of another scale cost."""
    name = "spinenet-seg-camvid-60"
    spec = catalog.find(name)
    scores = spec.provenance["scores"]
    assert {"promoted_miou", "epoch", "parameters"} <= scores.keys()
    made = Subject(spec.backbone, SCALE, CLASSES, SIZE, name, provenance=spec.provenance)
    assert made.spec.provenance == {
        **{key: spec.provenance[key] for key in ("run", "trial", "controller", "data")},
        "scores": {"proxy_miou": scores["proxy_miou"]},
    }
    assert "promoted" not in readme(made.spec, False)
    as_built = Scale(0.25, endpoint_filters=64, aspp_filters=64)
    told = replace(made, scale=as_built, classes=tuple("abcdefghijk")).spec.provenance["scores"]
    assert told == {key: scores[key] for key in ("proxy_miou", "macs", "parameters")}
    (path,) = SPEC.export(made, tmp_path)  # the spec has no weights to be taken for others
    assert architecture_file.load_spec(path).provenance == spec.provenance


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damaged_exported_weights_are_refused(damage, resnet, tmp_path):
    network = imported(resnet.folder / "network.py")
    data = bytearray((resnet.folder / "weights.pt").read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "weights.pt"
    path.write_bytes(data if damage == "flip" else data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"weights\.pt: damaged"):
        network.load(path)
    assert not network.load().training


def test_damaged_weights_to_export_are_a_users_mistake(tmp_path):
    _, weights = trained(RESNET, tmp_path / "run")
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"best\.safetensors"):
        export(RESNET, tmp_path / "out", weights)
    assert not (tmp_path / "out").exists()


def test_weights_of_another_dilation_are_refused_although_their_shapes_fit(tmp_path):
    first = random_architecture(1)
    last = replace(first.blocks[-1], dilation=3)
    other = replace(first, blocks=(*first.blocks[:-1], last))
    _, weights = trained(other, tmp_path / "run")
    with pytest.raises(UserError, match="another backbone"):
        export(first, tmp_path / "out", weights)
    assert not (tmp_path / "out").exists()


def test_a_network_that_differs_is_not_written(tmp_path, monkeypatch):
    said = replace(HEADS["deeplabv3"], rates=lambda size, stride: (1, 2, 7))
    monkeypatch.setattr(subject, "HEADS", {"deeplabv3": said})
    _, weights = trained(RESNET, tmp_path / "run")
    with pytest.raises(RuntimeError, match="differ"):
        export(RESNET, tmp_path / "out", weights)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_a_file_that_needs_this_project_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(standalone, "bundle", lambda *parts: "import search_space\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "network.py").write_text("the one before")
    with pytest.raises(RuntimeError, match=r"does not run on its own.*search_space"):
        export(RESNET, tmp_path / "out", None)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "network.py").read_text() == "the one before"


def test_an_export_without_weights_leaves_none_of_an_earlier_one(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "weights.pt").write_text("of another network")
    provenance = {"scores": {"miou": float("nan"), "macs": np.float32(2)}, "name": '"""'}
    written = export(RESNET, tmp_path / "out", None, provenance=provenance)
    assert {path.name for path in written} == {"network.py", "README.md"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"network.py", "README.md"}
    assert "network.build()" in (tmp_path / "out" / "README.md").read_text()


def test_the_exported_file_runs_as_a_program(resnet):
    command = [sys.executable, "-I", resnet.folder / "network.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    network = build(RESNET, SCALE, len(CLASSES), SIZE)
    assert f"parameters {sum(p.numel() for p in network.parameters()):,}" in done.stdout
    assert f"logits (1, {len(CLASSES)}, 64, 96)" in done.stdout


@pytest.mark.parametrize("backbone", [random_architecture(1), RESNET], ids=["searched", "resnet"])
def test_an_exported_spec_loads_as_the_same_backbone(backbone, tmp_path):
    provenance = {"run": "first", "trial": 7, "scores": {"miou": 0.5}}
    made = Subject(backbone, SCALE, CLASSES, SIZE, provenance=provenance)
    (path,) = SPEC.export(made, tmp_path / "deep" / "out")
    assert path == tmp_path / "deep" / "out" / "architecture.yaml"
    assert architecture_file.load(path) == backbone
    assert architecture_file.loads(path.read_text()).provenance == provenance
