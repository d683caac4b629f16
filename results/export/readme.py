"""The page that lies beside an exported network."""

from __future__ import annotations

import yaml

from results.export.ending import NetworkSpec, described, loading


def readme(spec: NetworkSpec, trained: bool) -> str:
    """Markdown: how to load the network, what it takes and gives, where it comes from."""
    height, width = spec.size
    state = "with its trained weights" if trained else "with random weights: train it first"
    return f"""# A semantic segmentation network

{described(spec)}. `network.py` needs PyTorch and nothing else; it runs
{state}.

```python
{loading(trained)}
```

`image_HW3` is an RGB image, uint8, as an array or a tensor. The network was made for images of
{height} x {width} pixels (height x width) and takes any size. It gives one of
{len(spec.classes)} classes a pixel, named in `network.CLASSES`: {", ".join(spec.classes)}.

`python network.py` prints its size and runs it once.
{_origin(spec)}"""


def _origin(spec: NetworkSpec) -> str:
    if not spec.provenance:
        return ""
    written = yaml.safe_dump(dict(spec.provenance), sort_keys=False, allow_unicode=True)
    return f"\n## Where it comes from\n\n```yaml\n{written}```\n"
