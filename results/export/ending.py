"""The last part of an exported file: the numbers of one network, and what builds and loads it."""

from __future__ import annotations

import json
import pprint
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from results.export.sources import RULE
from search_space.architecture import Architecture, Block
from search_space.backbone import Backbone, head_of
from search_space.scales import DEEPLABV3, DEEPLABV3_PLUS, Scale

NETWORKS = {
    DEEPLABV3: ("proxy_tasks.networks.deeplab", "DeepLabV3"),
    DEEPLABV3_PLUS: ("proxy_tasks.networks.deeplab_plus", "DeepLabV3Plus"),
}
"""Head -> module and class of the network."""


@dataclass(frozen=True)
class NetworkSpec:
    """All that an exported file says of its network.

    ``rates`` are ASPP's atrous rates; ``size`` is the (height, width) in pixels that the network
    was trained at, though it takes any; ``mean`` and ``std`` normalise RGB values in [0, 1].
    """

    backbone: Backbone
    scale: Scale
    classes: tuple[str, ...]
    rates: tuple[int, int, int]
    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    provenance: dict[str, Any] = field(default_factory=dict)


def ending(spec: NetworkSpec, load: str | None = None, imports: str = "import zipfile") -> str:
    """Python source that follows the definitions of the networks. ``load`` is the source of its
    function of that name and ``imports`` what that needs; None reads ``weights.pt``."""
    _, network = NETWORKS[head_of(spec.backbone, spec.scale)]
    functions = "\n\n\n".join([_BUILD, load or _LOAD, _PREPROCESS, _MAIN])
    functions = functions.replace("ENCODER", encoder(spec)).replace("NETWORK", network)
    return f"{_IMPORTS}{imports}\n{constants(spec)}\n\n\n{functions}"


def constants(spec: NetworkSpec) -> str:
    """The numbers of one network, as Python source."""
    name, literal, _ = _backbone(spec.backbone)
    lines = [
        f"{RULE}\n# This network\n{RULE}\n\n",
        f"{name} = {literal}",
        f"SCALE = {spec.scale!r}",
        _sequence("CLASSES", (_quoted(name) for name in spec.classes)),
        f"RATES = {spec.rates!r}",
        '"""Atrous rates of ASPP."""',
        f"SIZE = {spec.size!r}",
        '"""(height, width) in pixels that the network was trained at. Any size runs."""',
        f"MEAN, STD = {spec.mean!r}, {spec.std!r}",
        '"""Of RGB values in [0, 1]."""',
        f"PROVENANCE = {pprint.pformat(spec.provenance, sort_dicts=False, width=88)}",
    ]
    return "\n".join(lines)


def encoder(spec: NetworkSpec) -> str:
    """The expression that builds the backbone."""
    name, _, kind = _backbone(spec.backbone)
    return f"{kind}({name}, SCALE)"


def loading(trained: bool) -> str:
    """The three lines that load and run an exported network."""
    made = 'load("weights.pt")' if trained else "build().eval()"
    return f"""import network
model = network.{made}
classes_HW = model(network.preprocess(image_HW3)).argmax(1)[0]"""


def described(spec: NetworkSpec) -> str:
    """What the network is, in a few words."""
    searched = isinstance(spec.backbone, Architecture)
    kind = "a scale-permuted backbone" if searched else "a dilated ResNet"
    plus = head_of(spec.backbone, spec.scale) == DEEPLABV3_PLUS
    return f"DeepLabv3{'+' if plus else ''} on {kind}"


def modules(spec: NetworkSpec) -> tuple[str, ...]:
    """Our modules that define what ``ending`` uses."""
    kind = "backbone" if isinstance(spec.backbone, Architecture) else "resnet"
    network, _ = NETWORKS[head_of(spec.backbone, spec.scale)]
    return (f"proxy_tasks.networks.{kind}", network)


def _backbone(backbone: Backbone) -> tuple[str, str, str]:
    """(constant's name, its value, class of the network) as source."""
    if isinstance(backbone, Architecture):
        return "ARCHITECTURE", _architecture(backbone), "ScalePermutedBackbone"
    return "RESNET", repr(backbone), "DilatedResNetBackbone"


def _architecture(architecture: Architecture) -> str:
    stem = _blocks("stem", architecture.stem, first=0)
    blocks = _blocks("blocks", architecture.blocks, first=len(architecture.stem))
    levels = f"    output_levels={architecture.output_levels!r},"
    return "\n".join(["Architecture(", *stem, *blocks, levels, ")"])


def _blocks(name: str, blocks: Sequence[Block], first: int) -> list[str]:
    rows = [f"        {_block(block)},  # {index}" for index, block in enumerate(blocks, first)]
    return [f"    {name}=(", *rows, "    ),"]


def _block(block: Block) -> str:
    """Every value but those that say that something is not there."""
    values = [f"level={block.level}", f"type={_quoted(block.type)}"]
    values += [f"inputs={block.inputs!r}"] if block.inputs else []
    values += [f"dilation={block.dilation}"]
    values += ["output=True"] if block.output else []
    return f"Block({', '.join(values)})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # double quotes; JSON's escapes are Python's


def _sequence(name: str, values: Iterable[str]) -> str:
    return "\n".join([f"{name} = (", *(f"    {value}," for value in values), ")"])


_IMPORTS = """\
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
"""

_BUILD = '''\
def build() -> NETWORK:
    """The network with random weights, in training mode."""
    return NETWORK(ENCODER, len(CLASSES), SCALE, RATES)'''

_LOAD = '''\
WEIGHTS = Path(__file__).with_name("weights.pt")


def load(weights: str | Path = WEIGHTS) -> NETWORK:
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
def preprocess(image_HW3: Any) -> Tensor:
    """An RGB image, uint8 (a tensor or an array) -> what the network takes, x_13HW."""
    x_13HW = torch.as_tensor(image_HW3).permute(2, 0, 1)[None].float() / 255
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return (x_13HW - mean[:, None, None].to(x_13HW)) / std[:, None, None].to(x_13HW)'''

_MAIN = '''\
def main() -> None:
    """Say how large the network is and run it once."""
    network = build().eval()
    image_HW3 = torch.randint(0, 256, (*SIZE, 3), dtype=torch.uint8)
    with torch.no_grad():
        logits = network(preprocess(image_HW3))
    print(f"parameters {sum(p.numel() for p in network.parameters()):,}")
    print(f"image {tuple(image_HW3.shape)} -> logits {tuple(logits.shape)}")


if __name__ == "__main__":
    main()
'''
