"""The page that lies beside an exported network."""

from __future__ import annotations

from results.export.ending import NetworkSpec, described, loading
from search_space import strict_yaml
from search_space.taps import dead


def readme(spec: NetworkSpec, trained: bool) -> str:
    """The page beside ``network.py``."""
    notes = f"""{image_notes(spec)}

{seen(spec)}
`network.preprocess(image)` does just that, for those who train on; `model(x_BCHW)` then gives
logits_BKHW. `python network.py` prints the network's size and runs it once."""
    needs = "`network.py` needs PyTorch and NumPy and nothing else"
    return page(spec, trained, needs, loading(trained), notes)


GRAPH = "`{}` is a graph and `predict.py` labels images with it; {} and NumPy are all they need"
"""Of a format's file and what runs it."""


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


def image_notes(spec: NetworkSpec) -> str:
    """What ``predict`` takes and gives."""
    channels, dtype = spec.intensities.channels, "uint8" if spec.intensities.top < 256 else "uint16"
    colours = f"{'an RGB' if channels == 3 else 'an'} image, (height, width, {channels}) {dtype}"
    return f"""`image` is {colours}: an array, or one that Pillow has opened (turn
it by `PIL.ImageOps.exif_transpose` first where a camera may have been held upright). `labels_HW` is
an array of its size, uint8: for each pixel the index of one of {len(spec.classes)} classes,
{", ".join(spec.classes)}. These are the labels that `nas evaluate` scores. Images of any size go;
those that have more than four million pixels as the network sees them are looked at through
windows."""


def tensor_notes(spec: NetworkSpec, labelled: bool = False) -> str:
    """What a network takes that is given tensors; where images are ``labelled`` with it, those
    too."""
    if not labelled:
        return seen(spec)
    return f"{image_notes(spec)}\n\n{seen(spec)} `predict` does all of this."


def seen(spec: NetworkSpec) -> str:
    """How an image becomes what the network takes."""
    height, width = spec.size
    known = spec.intensities
    return f"""The network sees an image {spec.sight}. It is made for crops of
{height} x {width} pixels of that (height x width) in training, and for whole images. `x_BCHW` are
images brought to that size (bilinear, with antialiasing, as Pillow resizes), float32, divided by
{known.top}, less the mean {_listed(known.mean)}, divided by {_listed(known.std)}, channel by
channel.

{good_for(spec)}"""


def good_for(spec: NetworkSpec) -> str:
    """How small an image may be, and whether that is more than it was trained on."""
    said = f"""The shorter side of an image should have at least {spec.smallest} pixels as the
network sees it: in smaller ones some kernels read nothing but padding."""
    if not (asleep := dead(spec.backbone, spec.size)):
        return said
    parts = ", ".join(each.part for each in asleep)
    return f"""{said} **In its training's crops some did so:** the outer taps of
these parts never learnt, and larger images wake them up: {parts}."""


def _listed(values: tuple[float, ...]) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in values) + "]"


def _origin(spec: NetworkSpec) -> str:
    if not spec.provenance:
        return ""
    written = strict_yaml.render(dict(spec.provenance))
    return f"\n## Where it comes from\n\n```yaml\n{written}```\n"
