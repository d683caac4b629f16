"""The page that lies beside an exported network."""

from __future__ import annotations

import yaml

from results.export.ending import NetworkSpec, described, loading


def readme(spec: NetworkSpec, trained: bool) -> str:
    """The page beside ``network.py``."""
    notes = f"""{IMAGE} {_takes(spec)} It gives one of {len(spec.classes)} classes a
pixel, named in `network.CLASSES`: {", ".join(spec.classes)}.

`python network.py` prints its size and runs it once."""
    return page(
        spec, trained, "`network.py` needs PyTorch and nothing else", loading(trained), notes
    )


IMAGE = "`image_HW3` is an RGB image, uint8, as an array or a tensor."


def page(spec: NetworkSpec, trained: bool, needs: str, lines: str, notes: str) -> str:
    """Markdown: how to load the network, what it takes and gives, where it comes from."""
    state = "with its trained weights" if trained else "with random weights: train it first"
    return f"""# {described(spec)}

{needs}; it runs {state}.

```python
{lines}
```

{notes}
{_origin(spec)}"""


def tensor_notes(spec: NetworkSpec) -> str:
    """What a network without a ``preprocess`` of its own takes and gives."""
    return f"""`x_B3HW` are RGB images, float32: values in [0, 1], less the mean {list(spec.mean)},
divided by {list(spec.std)}, channel by channel. {_takes(spec)}
It gives logits_BKHW at the images' size. The {len(spec.classes)} classes are
{", ".join(spec.classes)}."""


def _takes(spec: NetworkSpec) -> str:
    height, width = spec.size
    return f"""The network was made for images of
{height} x {width} pixels (height x width) and takes any size."""


def _origin(spec: NetworkSpec) -> str:
    if not spec.provenance:
        return ""
    written = yaml.safe_dump(dict(spec.provenance), sort_keys=False, allow_unicode=True)
    return f"\n## Where it comes from\n\n```yaml\n{written}```\n"
