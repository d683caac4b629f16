"""The last part of an exported file: the numbers of one network, and what builds and loads it."""

from __future__ import annotations

import json
import pprint
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any

from proxy_tasks.datasets.base import Colour
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import SEGMENTERS
from proxy_tasks.networks.encoders import ENCODER_NETWORKS
from proxy_tasks.sight import Sight
from results.export.sources import RULE
from search_space.architecture import Architecture, Block, stated, stated_of_network
from search_space.backbone import Backbone, encoder_of, head_of
from search_space.backbone_encoder import BackboneEncoder
from search_space.encoders import ENCODERS, EncoderSpec
from search_space.heads import HEADS
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.taps import smallest_side

SEEING = ("proxy_tasks.sight", "proxy_tasks.intensities")
LABELLING = ("proxy_tasks.labelling",)
RUNNING = ("proxy_tasks.running", "results.export.scripting")
"""Our modules that define what ``seeing``, a labeller, and a labeller of a network of ours use."""
_BACKBONES = {
    "ScalePermutedBackbone": "proxy_tasks.networks.backbone",
    "EncoderBackbone": "proxy_tasks.networks.encoder_backbone",
    "DilatedResNetBackbone": "proxy_tasks.networks.resnet",
}
"""Class of a backbone's network -> our module that defines it."""
_OWN_ENCODER = "proxy_tasks.networks.backbone_encoder"


@dataclass(frozen=True)
class NetworkSpec:
    """All that an exported file says of its network.

    ``rates`` are the head's atrous ones; ``size`` is the (height, width) in pixels of the crops
    that the network was trained on, though it takes any; ``sight`` says how large it sees an image
    and ``intensities`` how that is normalised; ``palette`` has a colour for each class.
    """

    backbone: Backbone
    scale: Scale
    classes: tuple[str, ...]
    rates: tuple[int, ...]
    size: tuple[int, int]
    sight: Sight
    intensities: Intensities
    palette: tuple[Colour, ...]
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """One of SEGMENTERS."""
        return head_of(self.backbone, self.scale)

    @property
    def smallest(self) -> int:
        """Pixels of the shorter side of an image from which on all kernels reach their maps."""
        return smallest_side(self.backbone, self.rates)


def ending(spec: NetworkSpec, load: str | None = None, imports: str = "import zipfile") -> str:
    """Python source that follows the definitions of the networks. ``load`` is the source of its
    function of that name and ``imports`` what that needs; None reads ``weights.pt``."""
    network = SEGMENTERS[spec.head].__name__
    functions = "\n\n\n".join([_MODEL, load or _LOAD, _PREPROCESS, _MAIN])
    functions = functions.replace("ENCODER", encoder(spec)).replace("NETWORK", network)
    return f"{_IMPORTS}{imports}\n{constants(spec)}\n\n\n{functions}"


def constants(spec: NetworkSpec) -> str:
    """The numbers of one network, as Python source."""
    name, literal, _ = _backbone(spec.backbone)
    lines = [
        _HEADING,
        f"{name} = {literal}",
        f"SCALE = {spec.scale!r}",
        f"RATES = {spec.rates!r}",
        '"""Atrous rates of ASPP."""',
        *_seeing(spec),
    ]
    return "\n".join(lines)


def seeing(spec: NetworkSpec) -> str:
    """As ``constants``, but only what stands between an image and its label map."""
    return "\n".join([_HEADING, *_seeing(spec)])


def _seeing(spec: NetworkSpec) -> list[str]:
    sight = ", ".join(
        f"{name}={tuple(value) if isinstance(value, list) else value!r}"
        for name, value in spec.sight.to_dict().items()
    )
    known = spec.intensities
    return [
        _sequence("CLASSES", (_quoted(name) for name in spec.classes)),
        _sequence("PALETTE", map(repr, spec.palette)),
        '"""A colour for each class, for pictures."""',
        f"SIZE = {spec.size!r}",
        '"""(height, width) of the crops that it was trained on, in pixels as it saw them.',
        'Any size runs."""',
        f"SMALLEST = {spec.smallest}",
        '"""Pixels that the shorter side of an image should have, as the network sees it: in',
        'smaller ones some of its kernels read nothing but padding."""',
        f"SIGHT = Sight({sight})",
        '"""How large the network sees an image: as in training and when it was evaluated."""',
        f"INTENSITIES = Intensities(\n    mean={known.mean!r},\n    std={known.std!r},\n"
        f"    top={known.top},\n)",
        f"PROVENANCE = {pprint.pformat(spec.provenance, sort_dicts=False, width=88)}",
    ]


def encoder(spec: NetworkSpec) -> str:
    """The expression that builds the backbone."""
    name, _, kind = _backbone(spec.backbone)
    if known := encoder_of(spec.backbone):
        return f"{kind}({name}, SCALE, {_network(known)})"
    return f"{kind}({name}, SCALE)"


def loading(trained: bool) -> str:
    """The three lines that load an exported network and label an image."""
    made = 'load("weights.pt")' if trained else "build().eval()"
    return f"""import network
model = network.{made}
labels_HW = model.predict(image)"""


def described(spec: NetworkSpec) -> str:
    """What the network is, in a few words."""
    kind = "a scale-permuted backbone"
    if isinstance(spec.backbone, DilatedResNet):
        kind = "a dilated ResNet"
    elif known := spec.backbone.encoder_spec:
        blocks = "scale-permuted blocks on " if spec.backbone.blocks else ""
        kind = blocks + known.title
    return f"{HEADS[spec.head].title} on {kind}"


def modules(spec: NetworkSpec) -> tuple[str, ...]:
    """Our modules that define the network and its backbone."""
    return (*backbone_modules(spec.backbone), SEGMENTERS[spec.head].__module__)


def backbone_modules(backbone: Backbone) -> tuple[str, ...]:
    """Our modules that define the network of a backbone, and of the encoder that it stands on."""
    known, own = encoder_of(backbone), _BACKBONES[_kind(backbone)]
    if known is None:
        return (own,)
    if isinstance(known, BackboneEncoder):
        return (*backbone_modules(known.backbone), _OWN_ENCODER, own)
    return (ENCODER_NETWORKS[type(known)].__module__, own)


def _network(known: EncoderSpec) -> str:
    """The expression for what makes the network of an encoder."""
    if not isinstance(known, BackboneEncoder):
        return ENCODER_NETWORKS[type(known)].__name__
    built, inner = _kind(known.backbone), encoder_of(known.backbone)
    return f"on_backbone({f'on_encoder({_network(inner)})' if inner else built})"


def _kind(backbone: Backbone) -> str:
    """The class of its network."""
    if isinstance(backbone, DilatedResNet):
        return "DilatedResNetBackbone"
    return "EncoderBackbone" if backbone.encoder else "ScalePermutedBackbone"


def _backbone(backbone: Backbone) -> tuple[str, str, str]:
    """(constant's name, its value, class of the network) as source."""
    if isinstance(backbone, Architecture):
        return "ARCHITECTURE", _architecture(backbone), _kind(backbone)
    return "RESNET", repr(backbone), _kind(backbone)


def _architecture(architecture: Architecture) -> str:
    stem = _blocks("stem", architecture.stem, first=0)
    if known := architecture.encoder_spec:
        stem = [f"    stem=features({_encoder(known)}),"]
    blocks = _blocks("blocks", architecture.blocks, first=len(architecture.stem))
    levels = f"    output_levels={architecture.output_levels!r},"
    said = [f"    {n}={_literal(value)}," for n, value in stated_of_network(architecture).items()]
    return "\n".join(["Architecture(", *stem, *blocks, levels, *said, ")"])


def _encoder(known: EncoderSpec) -> str:
    """A registered one by its name, any other in full."""
    if known.name in ENCODERS:
        return _quoted(known.name)
    if not isinstance(known, BackboneEncoder):
        return repr(known)
    _, backbone, _ = _backbone(known.backbone)
    values = {"backbone": backbone, "scale": repr(known.scale), "title": _quoted(known.title)}
    lines = [f"{name}={value}," for name, value in values.items()]
    lines += [f"mean={known.mean!r},", f"std={known.std!r},"]
    return f"BackboneEncoder(\n{indent(chr(10).join(lines), ' ' * 8)}\n    )"


def _blocks(name: str, blocks: Sequence[Block], first: int) -> list[str]:
    rows = [f"        {_block(block)},  # {index}" for index, block in enumerate(blocks, first)]
    return [f"    {name}=(", *rows, "    ),"] if rows else [f"    {name}=(),"]


def _block(block: Block) -> str:
    said = [f"{name}={_literal(value)}" for name, value in stated(block).items()]
    return f"Block({', '.join(said)})"


def _literal(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # double quotes; JSON's escapes are Python's


def _sequence(name: str, values: Iterable[str]) -> str:
    return "\n".join([f"{name} = (", *(f"    {value}," for value in values), ")"])


_HEADING = f"{RULE}\n# This network\n{RULE}\n\n"

_IMPORTS = """\
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx
"""

_MODEL = '''\
class Model(NETWORK):
    """The network, and what labels images with it."""

    def predict(self, image: Any) -> Any:
        """The class of each pixel: an array (H, W) of uint8, at the image's own size.

        Args:
            image: (H, W, channels) of uint8, or of uint16 where INTENSITIES have a top of 65535;
                or what numpy makes such an array of, as an image of Pillow's.

        Raises:
            ValueError: for another image, or in training mode.
        """
        if self.training:
            raise ValueError("the network is in training mode: call eval() first")
        return Labeller(running(self), SIGHT, INTENSITIES).predict(image)

    def __prepare_scriptable__(self) -> fx.GraphModule:
        """Asked for by ``torch.jit.script``."""
        return scriptable(self)


def build() -> Model:
    """The network with random weights, in training mode."""
    return Model(ENCODER, len(CLASSES), SCALE, RATES)'''

_LOAD = '''\
WEIGHTS = Path(__file__).with_name("weights.pt")


def load(weights: str | Path = WEIGHTS) -> Model:
    """The network with the weights of a file, on the CPU and in eval mode.

    Raises:
        ValueError: if the file is damaged (every entry carries a checksum).
    """
    try:
        with zipfile.ZipFile(weights) as file:
            damaged = file.testzip()
    except zipfile.BadZipFile as error:
        raise ValueError(f"{weights}: damaged, or no weights file") from error
    if damaged:
        raise ValueError(f"{weights}: damaged at {damaged}")
    network = build()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()'''

_PREPROCESS = '''\
def preprocess(image: Any) -> Tensor:
    """What ``predict`` shows the network of a whole image, x_1CHW, for those who train on: its
    forward gives logits at this size."""
    return torch.from_numpy(shown(image, SIGHT, INTENSITIES))'''

_MAIN = '''\
def main() -> None:
    """Say how large the network is and run it once."""
    network = build().eval()
    x_1CHW = torch.randn(1, INTENSITIES.channels, *SIZE)
    with torch.no_grad():
        logits = network(x_1CHW)
    print(f"parameters {sum(p.numel() for p in network.parameters()):,}")
    print(f"image {tuple(x_1CHW.shape)} -> logits {tuple(logits.shape)}")


if __name__ == "__main__":
    main()
'''
