"""Export of the backbone alone, as a features-only backbone in the manner of timm."""

from __future__ import annotations

import pprint
from functools import partial
from pathlib import Path
from typing import Any

import torch

from proxy_tasks.networks.backbone import ScalePermutedBackbone
from proxy_tasks.networks.blocks import LOW_LEVEL, Encoder
from proxy_tasks.networks.encoder_backbone import EncoderBackbone
from proxy_tasks.networks.level_encoder import StagedEncoder
from results.export.ending import SEEING, backbone_modules, constants, encoder
from results.export.exporter import Exporter
from results.export.feature_maps import FeatureMaps, map_keys
from results.export.fresh_process import cases_of, compare
from results.export.readme import page, tensor_notes
from results.export.sources import bundle
from results.export.staging import saved
from results.export.standalone import docstring
from results.export.subject import Subject
from results.export.sums import SUMS
from search_space.backbone import zoom_of
from search_space.errors import UserError

LINES = """import spinenet_seg_backbone
backbone = spinenet_seg_backbone.create(pretrained=PRETRAINED, out_indices=(1, 2)).eval()
maps = backbone(x_BCHW)"""

WEIGHTS, MODULE = "backbone.pt", "spinenet_seg_backbone.py"
_RUN = """\
import spinenet_seg_backbone
backbone = spinenet_seg_backbone.create(pretrained=True).eval()
run = backbone
"""


def _write(subject: Subject, stage: Path) -> None:
    ours = subject.network.backbone
    info = feature_info(ours)
    kept = set(ours.extras)
    try:
        maps = FeatureMaps(ours, info)
        channels = subject.spec.intensities.channels
        cases = cases_of(maps, subject.checked_sizes, channels=channels)
    finally:
        ours.extras = kept  # the network's own head asks for no more than before
    (stage / MODULE).write_text(_source(subject, info), encoding="utf-8")
    saved(partial(torch.save, maps.state_dict()), stage / WEIGHTS)
    compare(stage, _RUN, cases)
    (stage / "README.md").write_text(_readme(subject, info), encoding="utf-8")


def _refuse(subject: Subject) -> None:
    if (zoom := zoom_of(subject.backbone)) != 1:
        raise UserError(
            f"--format timm: holds no zoom but got {zoom}: timm's maps are of whole fractions of an"
            " image: choose another format"
        )


def feature_info(encoder: Encoder) -> list[dict[str, Any]]:
    """timm's ``feature_info``: channels, reduction and module of each map."""
    return [
        {"num_chs": channels, "reduction": 2**level, "module": f"encoder.{module}"}
        for level, channels, module in (_described(encoder, key) for key in map_keys(encoder))
    ]


def _described(encoder: Encoder, key: int) -> tuple[int, int, str]:
    """(level, channels, module) of a map."""
    low = key == LOW_LEVEL
    level, channels = (2, encoder.low_channels) if low else (key, encoder.out_channels[key])
    if isinstance(encoder, ScalePermutedBackbone):
        return level, channels, f"blocks.{encoder.low_block if low else encoder.output_blocks[key]}"
    if not isinstance(encoder, EncoderBackbone):
        return level, channels, f"stages.{0 if low else 3}"
    index = "0" if low else str(encoder.output_blocks[key])
    staged = f"encoder.levels.{level}" if isinstance(encoder.encoder, StagedEncoder) else "encoder"
    return level, channels, f"blocks.{index}" if index in encoder.blocks else staged


def _source(subject: Subject, info: list[dict[str, Any]]) -> str:
    roots = (*backbone_modules(subject.backbone), *SEEING, "results.export.feature_maps")
    listed = pprint.pformat(info, sort_dicts=False, width=88)
    create = _CREATE.replace("ENCODER", encoder(subject.spec))
    create = create.replace("CHANNELS", str(subject.spec.scale.channels))
    ending = "\n".join([_IMPORTS, constants(subject.spec), f"FEATURES = {listed}", "", create])
    return bundle(
        roots,
        ending,
        docstring(
            subject.spec, _lines(subject), "A backbone: this one file and torch are all it needs."
        ),
    )


def _lines(subject: Subject) -> str:
    return LINES.replace("PRETRAINED", str(subject.trained))


def _readme(subject: Subject, info: list[dict[str, Any]]) -> str:
    rows = [f"| {i} | {f['num_chs']} | {f['reduction']} |" for i, f in enumerate(info)]
    table = "\n".join(["| index | channels | reduction |", "|---|---|---|", *rows])
    notes = f"""Only the backbone, as timm's `features_only=True` gives it: a list of maps, finest
first, and `backbone.feature_info` with `channels()`, `reduction()`, `module_name()` and
`out_indices`. A map has ceil(side / reduction) pixels a side.

{table}

{tensor_notes(subject.spec)}"""
    needs = "`spinenet_seg_backbone.py` needs PyTorch and nothing else, timm neither"
    return page(subject.spec, subject.trained, needs, _lines(subject), notes)


_IMPORTS = """\
from collections.abc import Sequence
from pathlib import Path

import torch
"""

_CREATE = '''
def create(
    pretrained: bool = False,
    features_only: bool = True,
    out_indices: Sequence[int] | None = None,
    in_chans: int = CHANNELS,
) -> FeatureMaps:
    """The backbone, in training mode; the arguments are those of ``timm.create_model``.

    Raises:
        ValueError: for what it does not have: other channels, a classifier, a map.
    """
    if in_chans != SCALE.channels or not features_only:
        raise ValueError(f"this backbone takes {SCALE.channels} channels and gives features only")
    backbone = FeatureMaps(ENCODER, FEATURES, out_indices)
    if pretrained:
        weights = Path(__file__).with_name("backbone.pt")
        backbone.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return backbone
'''


TIMM = Exporter(
    name="timm",
    files=(WEIGHTS, MODULE, "README.md", SUMS),
    write=_write,
    refuse=_refuse,
    lines=_lines,
    weights=WEIGHTS,
    folder="timm",
    needs=("torch",),
)
