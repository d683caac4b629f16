"""Export as a Hugging Face style folder: config, safetensors, model card, code."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save

from results import units
from results.export.ending import NetworkSpec, described, ending, modules
from results.export.fresh_process import cases_of, compare
from results.export.sources import bundle
from results.export.staging import check_folder, publish, staged
from results.export.standalone import docstring
from results.export.subject import Subject
from search_space.architecture_file import to_dict
from search_space.canonical import canonical_key
from search_space.cost import cost

MODULE, WEIGHTS = "modeling_spinenet_seg.py", "model.safetensors"
LINES = """import modeling_spinenet_seg as network
model = network.load()
classes_HW = model(network.preprocess(image_HW3)).argmax(1)[0]"""
_RUN = """\
import modeling_spinenet_seg as network
model = network.load()
def run(x): return [model(x)]
"""


def export_huggingface(subject: Subject, folder: Path) -> list[Path]:
    """Write ``config.json``, ``model.safetensors``, the code and the card ``README.md`` into the
    folder, made if missing.

    Raises:
        UserError: if a file is in the folder's place.
        RuntimeError: if the code does not compute what our network does; nothing is written.
    """
    check_folder(folder)
    with staged(folder) as stage:
        _save_weights(subject, stage / WEIGHTS)
        (stage / MODULE).write_text(_source(subject.spec), encoding="utf-8")
        text = json.dumps(config(subject), indent=2, ensure_ascii=False) + "\n"
        (stage / "config.json").write_text(text, encoding="utf-8")
        cases = cases_of(lambda x: [subject.network(x)], subject.checked_sizes)
        compare(stage, _RUN, cases, needs=("torch", "safetensors"))
        size = (stage / WEIGHTS).stat().st_size
        (stage / "README.md").write_text(card(subject, size), encoding="utf-8")
        return publish(stage, folder, (WEIGHTS, MODULE, "config.json", "README.md"))


def config(subject: Subject) -> dict[str, Any]:
    """What ``config.json`` holds: the whole network, by the names that transformers has for what
    it has too."""
    spec = subject.spec
    return {
        "model_type": "spinenet_seg",
        "id2label": {str(index): name for index, name in enumerate(spec.classes)},
        "label2id": {name: index for index, name in enumerate(spec.classes)},
        "image_size": list(spec.size),
        "image_mean": list(spec.mean),
        "image_std": list(spec.std),
        "atrous_rates": list(spec.rates),
        "scale": asdict(spec.scale),
        "backbone": to_dict(spec.backbone),
        "canonical_key": canonical_key(spec.backbone),
        "trained": subject.trained,
        "provenance": spec.provenance,
    }


def card(subject: Subject, weights_bytes: int) -> str:
    """The model card: YAML for the hub, then what people read."""
    spec = subject.spec
    height, width = spec.size
    origin = yaml.safe_dump(spec.provenance, sort_keys=False, allow_unicode=True)
    state = "" if subject.trained else "\n**Its weights are random: train it first.**\n"
    return f"""---
{yaml.safe_dump(_front_matter(spec), sort_keys=False, allow_unicode=True).strip()}
---

# {described(spec)}
{state}
| | |
|---|---|
{_figures(subject, weights_bytes)}

## Use
In this folder, with `torch` and `safetensors`:

```python
{LINES}
```

`image_HW3` is an RGB image, uint8, as an array or a tensor. The network was made for images of
{height} x {width} pixels (height x width) and takes any size. `{MODULE}` holds all of its code;
it is no `transformers` model, so `AutoModel` does not load it. Classes: {", ".join(spec.classes)}.

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
        "tags": ["semantic-segmentation", "neural-architecture-search", "deeplabv3", "spinenet"],
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


def _source(spec: NetworkSpec) -> str:
    body = ending(spec, _LOAD, "from safetensors.torch import load_file")
    first = f"{described(spec)}: it needs torch and safetensors."
    return bundle(modules(spec), body, docstring(spec, LINES, first))


_LOAD = '''\
WEIGHTS = Path(__file__).with_name("model.safetensors")


def load(weights: str | Path = WEIGHTS) -> NETWORK:
    """The network with the weights of a file, on the CPU and in eval mode."""
    network = build()
    network.load_state_dict(load_file(weights))
    return network.eval()'''
