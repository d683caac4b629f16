"""Export of backbone and neck for mmsegmentation 1.x, with a config for its DeepLabv3 head."""

from __future__ import annotations

import pprint
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from proxy_tasks.networks.endpoints import Endpoints
from results.export.ending import SEEING, backbone_modules, constants, encoder
from results.export.exporter import Exporter
from results.export.fresh_process import cases_of, compare
from results.export.readme import page, tensor_notes
from results.export.sources import bundle
from results.export.staging import saved
from results.export.standalone import docstring
from results.export.subject import Subject
from results.export.sums import SUMS
from search_space.backbone import scale_of
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.heads import HEADS, segmenting

MODULE, CONFIG, WEIGHTS = "spinenet_seg_mmseg.py", "deeplabv3_config.py", "weights.pth"
LINES = """from mmengine.config import Config
from mmseg.registry import MODELS
model = MODELS.build(Config.fromfile("deeplabv3_config.py").model)"""
_RUN = """\
import spinenet_seg_mmseg as parts
backbone, neck = parts.SpineNetSegBackbone().eval(), parts.SpineNetSegNeck().eval()
weights = torch.load("weights.pth", weights_only=True)
for name, part in (("backbone.", backbone), ("neck.", neck)):
    own = {key.removeprefix(name): value for key, value in weights.items() if key.startswith(name)}
    part.load_state_dict(own)
def run(x):
    maps = backbone(x)
    return [*maps, *neck(maps)]
"""


def _write(subject: Subject, stage: Path) -> None:
    (stage / MODULE).write_text(_source(subject), encoding="utf-8")
    (stage / CONFIG).write_text(config(subject), encoding="utf-8")
    saved(partial(torch.save, _weights(subject)), stage / WEIGHTS)
    channels = subject.spec.intensities.channels
    cases = cases_of(lambda x: _maps(subject, x), subject.checked_sizes, channels=channels)
    compare(stage, _RUN, cases)
    (stage / "README.md").write_text(_readme(subject), encoding="utf-8")


def _refuse(subject: Subject) -> None:
    head = HEADS[segmenting(subject.backbone, subject.scale)]
    if not head.atrous:
        raise UserError(
            f"--format mmseg: {head.title} has no atrous rates for mmsegmentation's ASPPHead:"
            " choose another format"
        )
    if scale_of(subject.backbone, subject.scale).head_separable:
        raise UserError(
            "--format mmseg: mmsegmentation's ASPPHead has no separable convolutions: choose"
            " another format"
        )


def _neck(subject: Subject) -> Endpoints:
    """What makes the one map of the levels that a pyramid reads."""
    endpoints = subject.network.endpoints
    assert endpoints is not None
    return endpoints


def config(subject: Subject) -> str:
    """An mmsegmentation config: the model, as a Python file of one dict."""
    spec = subject.spec
    known = spec.intensities
    norm = {"type": "BN", "requires_grad": True}
    model = {
        "type": "EncoderDecoder",
        "_scope_": "mmseg",  # its parts are looked for there, also where nobody set a default
        "data_preprocessor": {
            "type": "SegDataPreProcessor",
            "mean": [round(known.top * value, 4) for value in known.mean],
            "std": [round(known.top * value, 4) for value in known.std],
            "bgr_to_rgb": known.channels == 3,
            "pad_val": 0,
            "seg_pad_val": 255,
            "size": spec.size,
        },
        "backbone": _part(subject, "Backbone"),
        "neck": _part(subject, "Neck"),
        "decode_head": {
            "type": "ASPPHead",
            "in_channels": _neck(subject).filters,
            "in_index": 0,
            "channels": spec.scale.aspp_filters,
            "dilations": (1, *spec.rates),
            "dropout_ratio": 0.1,
            "num_classes": len(spec.classes),
            "norm_cfg": norm,
            "align_corners": False,
            "loss_decode": {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": 1.0},
        },
        "train_cfg": {},
        "test_cfg": {"mode": "whole"},
    }
    listed = pprint.pformat(model, sort_dicts=False, width=88)
    return f"""# DeepLabv3 on the exported backbone, for mmsegmentation 1.x.
# The folder of {MODULE} has to be on PYTHONPATH; weights are read from the working folder.
custom_imports = {{"imports": ["{MODULE.removesuffix(".py")}"], "allow_failed_imports": False}}
classes = {spec.classes!r}
model = {listed}
"""


def _part(subject: Subject, kind: str) -> dict[str, Any]:
    named: dict[str, Any] = {"type": _name(subject, kind)}
    if subject.trained:
        prefix = f"{kind.lower()}."
        named["init_cfg"] = {"type": "Pretrained", "checkpoint": WEIGHTS, "prefix": prefix}
    return named


def _name(subject: Subject, kind: str) -> str:
    """In the registry, where several exports have to live side by side."""
    return f"SpineNetSeg{kind}_{canonical_key(subject.spec.backbone)[:8]}"


def _source(subject: Subject) -> str:
    roots = (*backbone_modules(subject.backbone), *SEEING, "results.export.mmseg_parts")
    classes = _CLASSES.replace("ENCODER", encoder(subject.spec))
    for kind in ("Backbone", "Neck"):
        classes = classes.replace(f"NAME_{kind}", _name(subject, kind))
    classes = classes.replace("OUT_CHANNELS", repr(dict(subject.network.backbone.out_channels)))
    ending = f"{_IMPORTS}{constants(subject.spec)}\n\n\n{classes}"
    return bundle(
        roots,
        ending,
        docstring(subject.spec, _MODULE_LINES, "Backbone and neck: torch is all that they need."),
    )


def _weights(subject: Subject) -> dict[str, Tensor]:
    parts = {
        "backbone.encoder.": subject.network.backbone,
        "neck.endpoints.": _neck(subject),
    }
    return {
        prefix + name: value
        for prefix, part in parts.items()
        for name, value in part.state_dict().items()
    }


def _maps(subject: Subject, x_BCHW: Tensor) -> list[Tensor]:
    network = subject.network
    maps = network.backbone(x_BCHW)
    return [*(maps[level] for level in network.backbone.out_channels), _neck(subject)(maps)]


def _readme(subject: Subject) -> str:
    notes = f"""With this folder as the working folder and on PYTHONPATH. `model.init_weights()`
then reads the weights, if there are any. The config names the backbone, the neck that
merges its maps, and mmsegmentation's `ASPPHead` with our dilations
{(1, *subject.spec.rates)}. That head is not the one that the weights were trained with
(it projects with a 3x3 convolution): it starts anew.

`{MODULE}` runs with PyTorch alone too: `SpineNetSegBackbone()` gives a tuple of maps, finest first,
and `SpineNetSegNeck()` merges it into a tuple of one.

{tensor_notes(subject.spec)} The config's preprocessor does so but for the size: that
is its pipeline's, a `Resize` before `RandomCrop` to {subject.spec.size}."""
    needs = f"`{MODULE}` needs PyTorch, and `{CONFIG}` mmsegmentation 1.x"
    return page(subject.spec, subject.trained, needs, LINES, notes)


_MODULE_LINES = """import spinenet_seg_mmseg
backbone = spinenet_seg_mmseg.SpineNetSegBackbone()
maps = backbone(x_BCHW)"""

_IMPORTS = """\
from typing import Any
"""

_CLASSES = '''\
CHANNELS = OUT_CHANNELS
"""Of the backbone: level -> channels, finest level first."""


@registered("NAME_Backbone")
class SpineNetSegBackbone(Backbone):
    def __init__(self, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(ENCODER, init_cfg)


@registered("NAME_Neck")
class SpineNetSegNeck(Neck):
    def __init__(self, init_cfg: dict[str, Any] | None = None) -> None:
        endpoints = Endpoints(CHANNELS, SCALE.endpoint_filters)
        super().__init__(endpoints, tuple(CHANNELS), init_cfg)
'''


MMSEG = Exporter(
    name="mmseg",
    files=(WEIGHTS, MODULE, CONFIG, "README.md", SUMS),
    write=_write,
    lines=lambda _: LINES,
    weights=WEIGHTS,
    folder="mmseg",
    refuse=_refuse,
    needs=("torch", "mmengine", "mmseg"),
)
