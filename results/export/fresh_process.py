"""Runs an export where our packages cannot be imported, and compares what it makes of tensors and
of images with what we make of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from results.export.sources import OWN_PACKAGES
from results.export.staging import saved

TOLERANCE = 1e-5
"""Largest difference of a logit that passes. The arithmetic is the same, so it is 0 as a rule."""

DISAGREEING = 1e-3
"""Largest share of an image's pixels that may get another label: where two classes are all but
equal, the last bit of a logit decides."""

INSTALLED = (
    "torch", "safetensors", "onnx", "onnxruntime", "onnxscript", "timm", "transformers", "mmseg",
    "mmengine", "ray", "optuna", "pandas", "pydantic", "typer", "rich", "yaml", "PIL", "scipy",
    "matplotlib",
)  # fmt: skip
"""May be installed here and not where the export goes: hidden, but for what it says it needs."""

TORCH = """\
import torch
torch.set_num_threads(threads)  # another number rounds sums in another order
torch.set_grad_enabled(False)
cases = torch.load(cases_file + ".pt", weights_only=True)
"""
NUMPY = """\
import numpy
arrays = numpy.load(cases_file + ".npz")
names = sorted(arrays.files, key=lambda name: [int(part) for part in name.split("-")])
cases = {}
for name in names:
    cases.setdefault(name.split("-")[0], []).append(arrays[name])
cases = list(cases.values())
"""
"""How the fresh process reads the cases: the one needs torch, the other does without."""

_SCRIPT = """
import json, sys
folder, cases_file, threads, reader, loading, *forbidden = sys.argv[1:]
threads = int(threads)
for name in forbidden:
    sys.modules[name] = None  # importing it raises ImportError
sys.path.insert(0, folder)
import os; os.chdir(folder)
exec(reader)
exec(loading)
differences = []
for x, *expected in cases:
    found = list(run(x))
    shapes = [tuple(each.shape) for each in found], [tuple(each.shape) for each in expected]
    assert shapes[0] == shapes[1], f"shapes {shapes[0]} instead of {shapes[1]}"
    each = [float(abs(a - b).max()) for a, b in zip(found, expected)]
    differences.append(max(each, key=lambda value: (value != value, value)))  # NaN is the worst
shares = []
count = 0
if "label" in globals():
    import numpy
    pictures = numpy.load(cases_file + "-pictures.npz")
    count = len(pictures.files) // 2
for number in range(count):
    labels, found = pictures[f"labels-{number}"], numpy.asarray(label(pictures[f"image-{number}"]))
    assert found.shape == labels.shape, f"label map {found.shape} instead of {labels.shape}"
    shares.append(float((found != labels).mean()))
for name in list(sys.modules):
    assert name.split(".")[0] not in forbidden or sys.modules[name] is None, name
print(json.dumps([differences, shares]))
"""

Case = list[Tensor]
"""Images x_BCHW, and what our network puts out for them."""

Picture = tuple[NDArray[Any], NDArray[Any]]
"""An image (H, W, C), and its label map (H, W)."""


def cases_of(
    function: Callable[[Tensor], Sequence[Tensor]],
    sizes: Sequence[tuple[int, int]],
    batches: Sequence[int] = (2,),
    channels: int = 3,
) -> list[Case]:
    """Random images of each (height, width) and batch, with what ``function`` makes of them."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for size in sizes:
        for batch in batches:
            x_BCHW = torch.randn(batch, channels, *size, generator=generator)
            with torch.no_grad():
                made.append([x_BCHW, *(map_.contiguous() for map_ in function(x_BCHW))])
    return made


def compare(
    folder: Path,
    loading: str,
    cases: Sequence[Case],
    *,
    pictures: Sequence[Picture] = (),
    reader: str = TORCH,
    needs: Sequence[str] = ("torch",),
    tolerance: float = TOLERANCE,
) -> list[float]:
    """Largest absolute difference of the outputs to ours, per case.

    The other side is a new interpreter in isolated mode, in the export's folder, that finds the
    standard library, numpy, and of INSTALLED what it ``needs``. ``loading`` is Python that defines
    ``run(x)``, a sequence of outputs, and where there are ``pictures`` ``label(image)``.

    Raises:
        RuntimeError: if the export does not run there, with the last line that it said, if an
            output differs by more than ``tolerance``, or labels of more than DISAGREEING.
    """
    found, shares = _differences(folder, loading, cases, pictures, reader, needs)
    if not all(difference <= tolerance for difference in found):  # NaN fails too
        raise RuntimeError(
            f"the exported network's outputs differ from ours by {found}; at most {tolerance:g}"
            " was expected: not written"
        )
    if not all(share <= DISAGREEING for share in shares):
        raise RuntimeError(
            f"the exported network labels {100 * max(shares):.2g} % of an image's pixels otherwise"
            " than ours: not written"
        )
    return found


def _differences(
    folder: Path,
    loading: str,
    cases: Sequence[Case],
    pictures: Sequence[Picture],
    reader: str,
    needs: Sequence[str],
) -> tuple[list[float], list[float]]:
    """Of the outputs, and the share of pixels that are labelled otherwise."""
    forbidden = [*OWN_PACKAGES, *(name for name in INSTALLED if name not in needs)]
    with tempfile.TemporaryDirectory() as place:
        base = str(Path(place) / "cases")
        _save(cases, base, reader)
        named = {f"image-{i}": image for i, (image, _) in enumerate(pictures)}
        named |= {f"labels-{i}": labels for i, (_, labels) in enumerate(pictures)}
        np.savez(f"{base}-pictures.npz", **named)  # type: ignore[arg-type]
        command = [sys.executable, "-I", "-c", _SCRIPT, str(folder.resolve()), base]
        command += [str(torch.get_num_threads()), reader, loading, *forbidden]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RuntimeError(f"the exported network does not run on its own: {said[0]}")
    differences, shares = json.loads(done.stdout.splitlines()[-1])
    return [float(value) for value in differences], [float(value) for value in shares]


def _save(cases: Sequence[Case], base: str, reader: str) -> None:
    if reader == TORCH:
        saved(partial(torch.save, list(cases)), Path(base + ".pt"))
        return
    arrays = {
        f"{i}-{j}": each.numpy() for i, case in enumerate(cases) for j, each in enumerate(case)
    }
    np.savez(base + ".npz", **arrays)  # type: ignore[arg-type]
