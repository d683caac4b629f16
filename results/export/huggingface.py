"""Export as a Hugging Face style folder: config, safetensors, image processor, card, code."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import save

from proxy_tasks.sight import OWN
from results import units
from results.export.ending import RUNNING, NetworkSpec, described, ending, modules
from results.export.exporter import Exporter
from results.export.fresh_process import compare
from results.export.readme import image_notes, seen
from results.export.sources import bundle
from results.export.standalone import docstring, logits_of
from results.export.subject import Subject
from results.export.sums import SUMS
from search_space import strict_yaml
from search_space.architecture_file import to_dict
from search_space.canonical import canonical_key
from search_space.cost import cost

MODULE, WEIGHTS = "modeling_spinenet_seg.py", "model.safetensors"
CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
LINES = """import modeling_spinenet_seg as network
model = network.load()
labels_HW = model.predict(image)"""
_RUN = """\
import modeling_spinenet_seg as network
model = network.load()
def run(x): return [model(x)]
label = model.predict
"""


def _write(subject: Subject, stage: Path) -> None:
    _save_weights(subject, stage / WEIGHTS)
    (stage / MODULE).write_text(_source(subject.spec), encoding="utf-8")
    _write_json(stage / CONFIG, config(subject))
    _write_json(stage / PROCESSOR, processor(subject.spec))
    compare(stage, _RUN, logits_of(subject), pictures=subject.pictures, needs=HUGGINGFACE.needs)
    size = (stage / WEIGHTS).stat().st_size
    (stage / "README.md").write_text(card(subject, size), encoding="utf-8")


def config(subject: Subject) -> dict[str, Any]:
    """What ``config.json`` holds: the whole network, by the names that transformers has for what
    it has too."""
    spec = subject.spec
    return {
        "model_type": "spinenet_seg",
        "id2label": {str(index): name for index, name in enumerate(spec.classes)},
        "label2id": {name: index for index, name in enumerate(spec.classes)},
        "image_size": list(spec.size),
        "smallest_side": spec.smallest,
        "sight": spec.sight.to_dict(),
        "image_mean": list(spec.intensities.mean),
        "image_std": list(spec.intensities.std),
        "image_top": spec.intensities.top,
        "palette": [list(colour) for colour in spec.palette],
        "atrous_rates": list(spec.rates),
        "scale": asdict(spec.scale),
        "backbone": to_dict(spec.backbone),
        "canonical_key": canonical_key(spec.backbone),
        "trained": subject.trained,
        "provenance": spec.provenance,
    }


def processor(spec: NetworkSpec) -> dict[str, Any]:
    """What ``preprocessor_config.json`` holds, in transformers' words. Those have none for a share
    of an image's own size and for a size to cover: ``sight`` says it, and the code's ImageProcessor
    reads it."""
    sight, known = spec.sight, spec.intensities
    size = {"shortest_edge": sight.short_side} if sight.short_side else None
    if sight.stretch:
        size = {"height": sight.stretch[0], "width": sight.stretch[1]}
    return {
        "image_processor_type": "ImageProcessor",
        "auto_map": {"AutoImageProcessor": f"{MODULE.removesuffix('.py')}.ImageProcessor"},
        "do_resize": sight.factor != OWN.factor,
        "size": size,
        "resample": 2,  # Pillow's number of bilinear
        "sight": sight.to_dict(),
        "do_rescale": True,
        "rescale_factor": 1 / known.top,
        "do_normalize": True,
        "image_mean": list(known.mean),
        "image_std": list(known.std),
    }


def card(subject: Subject, weights_bytes: int) -> str:
    """The model card: YAML for the hub, then what people read."""
    spec = subject.spec
    origin = strict_yaml.render(dict(spec.provenance))
    state = "" if subject.trained else "\n**Its weights are random: train it first.**\n"
    return f"""---
{strict_yaml.render(_front_matter(spec)).strip()}
---

# {described(spec)}
{state}
| | |
|---|---|
{_figures(subject, weights_bytes)}

## Use
In this folder, with `torch`, `numpy` and `safetensors`:

```python
{LINES}
```

{image_notes(spec)}

{seen(spec)}

`{MODULE}` holds all of its code; it is no `transformers` model, so `AutoModel` does not load it.
Its `ImageProcessor` is for code that is written around those of transformers:

```python
processor = network.ImageProcessor()
logits_BKhw = model.forward_low(processor(image)["pixel_values"])
labels_HW = processor.post_process_semantic_segmentation(logits_BKhw, [(height, width)])[0]
```

## Where it comes from
Exported by spinenet-seg-nas, which searches SpineNet-Seg backbones (arXiv 2103.12270).
Canonical key of the backbone: `{canonical_key(spec.backbone)}`. The block spec stands in
`config.json`.

```yaml
{origin.strip()}
```
"""


def _figures(subject: Subject, weights_bytes: int) -> str:
    spec = subject.spec
    figures = cost(spec.backbone, spec.scale, len(spec.classes), spec.size)
    height, width = spec.size
    miou = _miou(spec)
    rows = {
        "mIoU, validation split": "not measured" if miou is None else f"{units.percent(miou)} %",
        "data set": str(spec.provenance.get("data", "none")),
        f"MACs at {height} x {width}": units.giga(figures.macs),
        "parameters": units.mega(figures.parameters),
        WEIGHTS: f"{units.three_digits(weights_bytes / 1e6)} MB",
    }
    return "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _miou(spec: NetworkSpec) -> float | None:
    """Of the full training; a proxy's score says nothing of these weights."""
    scores = spec.provenance.get("scores")
    return scores.get("promoted_miou") if isinstance(scores, dict) else None


def _front_matter(spec: NetworkSpec) -> dict[str, Any]:
    matter: dict[str, Any] = {
        "pipeline_tag": "image-segmentation",
        "library_name": "pytorch",
        # The hub's tags have no plus sign: DeepLabv3+ goes by DeepLabv3's.
        "tags": [
            "semantic-segmentation",
            "neural-architecture-search",
            spec.head.rstrip("+"),
            "spinenet",
        ],
    }
    if (miou := _miou(spec)) is not None:
        data = str(spec.provenance.get("data", "unknown"))
        result = {
            "task": {"type": "image-segmentation"},
            "dataset": {"name": data, "type": data, "split": "validation"},
            "metrics": [{"type": "mean_iou", "value": round(miou, 4)}],
        }
        matter["model-index"] = [{"name": described(spec), "results": [result]}]
    return matter


def _save_weights(subject: Subject, path: Path) -> None:
    tensors = {name: value.contiguous() for name, value in subject.network.state_dict().items()}
    # Not save_file: its files are for their owner alone.
    path.write_bytes(save(tensors, {"format": "pt"}))


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _source(spec: NetworkSpec) -> str:
    body = ending(spec, f"{_LOAD}\n\n\n{_PROCESSOR}", _IMPORTS)
    first = f"{described(spec)}: it needs torch, numpy and safetensors."
    return bundle((*modules(spec), *RUNNING), body, docstring(spec, LINES, first))


_IMPORTS = """\
import json
from collections.abc import Sequence
from safetensors.torch import load_file"""

_LOAD = '''\
WEIGHTS = Path(__file__).with_name("model.safetensors")


def load(weights: str | Path = WEIGHTS) -> Model:
    """The network with the weights of a file, on the CPU and in eval mode."""
    network = build()
    network.load_state_dict(load_file(weights))
    return network.eval()'''

_PROCESSOR = '''\
class ImageProcessor:
    """As image processors of transformers: images to what the network takes, and what it puts out
    to label maps. ``Model.predict`` does both, with windows where images are large."""

    def __init__(self, **known: Any) -> None:
        self.known = known

    @classmethod
    def from_dict(cls, values: dict[str, Any], **_: Any) -> ImageProcessor:
        """Of ``preprocessor_config.json``, which says what this file does."""
        return cls(**values)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **_: Any) -> ImageProcessor:
        """Of a folder with ``preprocessor_config.json``."""
        text = (Path(folder) / "preprocessor_config.json").read_text("utf-8")
        return cls(**json.loads(text))

    @classmethod
    def register_for_auto_class(cls, auto_class: str = "AutoImageProcessor") -> None:
        """transformers calls it when it has loaded this code."""

    def to_dict(self) -> dict[str, Any]:
        return dict(self.known)

    def __call__(self, images: Any, return_tensors: str = "pt", **_: Any) -> dict[str, Tensor]:
        """``{"pixel_values": x_BCHW}`` of one image or a list of them.

        Raises:
            ValueError: for images that are not seen at one size: give them one by one.
        """
        listed = images if isinstance(images, (list, tuple)) else [images]
        shown_BCHW = [shown(image, SIGHT, INTENSITIES) for image in listed]
        if len({each.shape for each in shown_BCHW}) > 1:
            raise ValueError("these images are seen at several sizes: give them one by one")
        return {"pixel_values": torch.cat([torch.from_numpy(each) for each in shown_BCHW])}

    def post_process_semantic_segmentation(
        self, outputs: Any, target_sizes: Sequence[tuple[int, int]] | None = None
    ) -> list[Tensor]:
        """A label map (H, W) of each image, of logits or what has ``logits``. Those of
        ``forward_low`` give what ``predict`` gives of an image that is seen as a whole."""
        logits_BKHW = getattr(outputs, "logits", outputs).detach().cpu().numpy()
        sizes = target_sizes or [logits_BKHW.shape[2:]] * len(logits_BKHW)
        pairs = zip(logits_BKHW, sizes, strict=True)
        return [torch.from_numpy(label_map(each, tuple(size))) for each, size in pairs]'''


HUGGINGFACE = Exporter(
    name="huggingface",
    files=(WEIGHTS, MODULE, CONFIG, PROCESSOR, "README.md", SUMS),
    write=_write,
    lines=lambda _: LINES,
    folder="huggingface",
    needs=("torch", "numpy", "safetensors"),
)
