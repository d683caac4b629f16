"""Export as code and weights: one Python file that needs torch alone.

``network.py`` is put together from our own sources and compared, in a process that has none of
our packages, with the network it stands for. Only then does it appear in the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from proxy_tasks.checkpoint import Weights
from proxy_tasks.networks import DeepLabV3, build_segmenter
from results.export.ending import NetworkSpec, described, ending, loading, modules
from results.export.fresh_process import TOLERANCE, differences
from results.export.readme import readme
from results.export.sources import bundle
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.scales import Scale
from search_space.shapes import aspp_rates

CHECKED_PIXELS = 256
"""Longest side of the images that are compared: the network is the same at every size."""


def export_python(
    backbone: Backbone,
    scale: Scale,
    classes: tuple[str, ...],
    size: tuple[int, int],
    folder: Path,
    *,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    weights: Path | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write ``network.py``, ``README.md`` and, where there are weights, ``weights.pt``.

    Args:
        size: (height, width) in pixels that the network was trained at; it sets ASPP's rates.
        folder: made if missing; files of an earlier export are replaced.
        mean, std: per channel of RGB values in [0, 1], as in training.
        weights: as a full training keeps them (see proxy_tasks.checkpoint); None leaves the
            weights random.
        provenance: run, trial, controller, scores: kept in the file.

    Returns:
        the paths of the files written.

    Raises:
        UserError: if the weights cannot be read or belong to another network.
        RuntimeError: if the file does not compute what our network does; nothing is written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder to export to")
    if weights is None:
        network = build_segmenter(backbone, scale, len(classes), size).eval()
    else:
        network = _trained(weights, backbone, scale, classes, size)
    rates = aspp_rates(size, 2**network.finest)
    spec = NetworkSpec(backbone, scale, classes, rates, size, mean, std, _plain(provenance))
    with _staged(folder) as stage:
        (stage / "network.py").write_text(source(spec, weights is not None), encoding="utf-8")
        (stage / "README.md").write_text(readme(spec, weights is not None), encoding="utf-8")
        torch.save(network.state_dict(), stage / "weights.pt")
        _compare(stage, network, size)
        if weights is None:
            (stage / "weights.pt").unlink()
        return _publish(stage, folder)


def source(spec: NetworkSpec, trained: bool) -> str:
    """The text of ``network.py``."""
    return bundle(modules(spec), ending(spec), _docstring(spec, loading(trained)))


def _docstring(spec: NetworkSpec, lines: str) -> str:
    return f'''"""{described(spec)}: this one file and torch are all it needs.

Exported by spinenet-seg-nas from its own sources (SPDX-License-Identifier: Apache-2.0).
Canonical key of the backbone: {canonical_key(spec.backbone)}

{textwrap.indent(lines, "    ")}
"""'''


def _plain(provenance: Mapping[str, Any] | None) -> dict[str, Any]:
    """As JSON has it, so that it can stand as a literal in Python and in YAML. NaN is None."""
    text = json.dumps(provenance or {}, default=str)
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return plain


def _trained(
    weights: Path, backbone: Backbone, scale: Scale, classes: tuple[str, ...], size: tuple[int, int]
) -> DeepLabV3:
    """Our network with these weights. Weights of another dilation would fit without a word, so
    what the file says of its network has to agree."""
    kept = Weights.open(weights)
    pairs = {
        "backbone": (kept.backbone, backbone),
        "scale": (kept.scale, scale),
        "image size": (kept.size, size),
        "list of classes": (kept.classes, classes),
    }
    for name, (theirs, ours) in pairs.items():
        if theirs != ours:
            raise UserError(f"{weights}: the weights were trained with another {name}: {theirs}")
    try:
        return kept.network()
    except (RuntimeError, SafetensorError) as error:
        raise UserError(f"{weights}: the weights do not fit the network they name") from error


def _compare(stage: Path, network: DeepLabV3, size: tuple[int, int]) -> None:
    height, width = (min(side, CHECKED_PIXELS) for side in size)
    odd = (height * 3 // 4 | 1, width // 2 | 1)
    found = differences(stage / "network.py", stage / "weights.pt", network, [(height, width), odd])
    if not all(difference <= TOLERANCE for difference in found):  # NaN fails too
        raise RuntimeError(
            f"the exported network's logits differ from ours by {found}; at most {TOLERANCE:g}"
            " was expected: not written"
        )


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """An empty folder next to the target, on its disk, gone at the end whatever happens."""
    parent = folder.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=parent))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _publish(stage: Path, folder: Path) -> list[Path]:
    """Move every file in one step each, the weights before the code that loads them."""
    folder.mkdir(exist_ok=True)
    if not (stage / "weights.pt").exists():
        (folder / "weights.pt").unlink(missing_ok=True)  # of an earlier export
    written = []
    for name in ("weights.pt", "network.py", "README.md"):
        if (stage / name).exists():
            os.replace(stage / name, folder / name)
            written.append(folder / name)
    return written
