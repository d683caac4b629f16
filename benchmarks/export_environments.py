"""Every export where it has to run: in an empty environment with nothing but what it needs.

    python -m benchmarks.export_environments RUN --image street.jpg

For each format pip fills a new virtual environment, the lines of the export's own README run there
on a real image, and what comes out, labels or maps, is held against our network's. RUN has a
promoted trial.
``--environments DIR`` keeps the environments for the next call, a gigabyte for each with PyTorch.
``--format mmsegmentation timm`` has the libraries themselves beside the export; the latter takes
5.5 GB where pip finds torch for GPUs alone.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks import export_checks as checks
from nas.commands.export import export
from nas.prediction.predictors import open_predictor
from nas.runs import promotion_records
from nas.runs.directory import RunDirectory
from proxy_tasks.datasets.images import read_image
from proxy_tasks.labelling import shown
from proxy_tasks.resizing import resized
from proxy_tasks.sight import OWN
from results.export.feature_maps import FeatureMaps
from results.export.fresh_process import DISAGREEING
from results.export.timm_backbone import feature_info
from search_space.errors import UserError

TORCH = "torch==2.13.0"


@dataclass(frozen=True)
class Environment:
    """``packages`` come with what they depend on; ``stand_ins`` are modules, by their paths among
    the packages, of what a wheel does not bring."""

    packages: tuple[str, ...]
    stand_ins: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of its folder."""
        return re.sub(r"[^a-z0-9.]+", "-", "-".join(self.packages).lower())


@dataclass(frozen=True)
class Check:
    """An export ``format``, its folder below the exports', and what runs around its lines.

    ``tolerance`` is the largest difference of a map, or share of other labels, that is let through.
    """

    format: str
    folder: str
    environment: Environment
    before: str
    after: str
    tolerance: float = 1e-5


ALONE, WITH_NUMPY = Environment((TORCH,)), Environment((TORCH, "numpy"))
MMSEG = Environment(
    # 1.2.2 takes mmcv below 2.2, and imports two packages that it does not ask for.
    (TORCH, "numpy", "mmengine", "mmcv-lite==2.1.0", "mmsegmentation==1.2.2", "ftfy", "regex"),
    {"mmcv/_ext.py": checks.NO_KERNELS},
)
CHECKS: Mapping[str, Check] = {
    "python": Check("python", "", WITH_NUMPY, checks.WITH_IMAGE, checks.LABELS, 0),
    "torch-export": Check(
        "torch-export", "torch-export", WITH_NUMPY, checks.WITH_IMAGE, checks.LABELS, 0
    ),
    "timm-style": Check("timm", "timm", ALONE, checks.WITH_TORCH, checks.MAPS),
    "huggingface": Check(
        "huggingface", "huggingface", Environment((TORCH, "numpy", "safetensors")),
        checks.WITH_IMAGE, checks.LABELS, 0,
    ),
    "onnx": Check(
        "onnx", "onnx", Environment(("onnxruntime",)), checks.WITH_IMAGE, checks.LABELS, DISAGREEING
    ),
    "mmsegmentation": Check(
        "mmseg", "mmseg", MMSEG,
        checks.WITH_TORCH, checks.MMSEG,
    ),
    "timm": Check(
        "timm", "timm", Environment(("torch", "torchvision", "timm")), checks.WITH_TORCH,
        checks.TIMM,
    ),
}  # fmt: skip
USUAL = ("python", "torch-export", "timm-style", "huggingface", "onnx")
_SAY = """
differences = [float(abs(a - b).max()) for a, b in zip(found, expected, strict=True)]
from importlib.metadata import distributions
listed = {each.metadata["Name"].lower(): each.version for each in distributions()}
largest = max(float(abs(each).max()) for each in expected)
print(json.dumps([max(differences), largest, listed]))
"""


@dataclass(frozen=True)
class Result:
    """Of one check: what was installed, the largest difference and the largest output (of labels:
    the share of other ones, and None), or why there are none."""

    name: str
    installed: str
    difference: float | None = None
    largest: float | None = None
    trouble: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--image", type=Path, required=True, help="any photograph")
    parser.add_argument("--format", nargs="+", choices=CHECKS, default=USUAL)
    parser.add_argument("--environments", type=Path, help="keep them there, use those that are")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = given.environments or Path(scratch) / "environments"
        try:
            results = check(given.run, given.image, given.format, Path(scratch), place)
        except UserError as error:
            raise SystemExit(f"{error}") from None
    Console(width=150).print(table(results))
    sys.exit(any(result.trouble for result in results))


def check(run: Path, image: Path, names: Sequence[str], scratch: Path, place: Path) -> list[Result]:
    """Export the run's best promotion in all these formats, and check each where it runs alone."""
    promotions = promotion_records.load_all(RunDirectory.open(run))
    known = [p for p in promotions if p.weights is not None and p.trial is not None]
    if not known:
        raise UserError(f"{run}: nothing has been promoted; nas promote {run} --top 1")
    formats = list(dict.fromkeys(CHECKS[name].format for name in names))
    exports = scratch / "exports"
    export(str(run), str(known[0].trial), formats, exports, Console(quiet=True))
    assert known[0].weights is not None
    _save_cases(known[0].weights, image, scratch / "cases")
    return [_result(name, exports, scratch / "cases", place) for name in names]


@torch.no_grad()
def _save_cases(weights: Path, image: Path, path: Path) -> None:
    """The image, its labels as ``nas predict`` makes them, and our network's maps of it."""
    predictor, pixels_HWC = open_predictor(weights), read_image(image)
    seen_HWC = resized(pixels_HWC, predictor.sight.seen(pixels_HWC.shape[:2]))
    x_BCHW = torch.from_numpy(shown(seen_HWC, OWN, predictor.intensities))
    network = predictor.network
    maps = network.backbone(x_BCHW)
    levels = [maps[level] for level in network.backbone.out_channels]
    features = FeatureMaps(network.backbone, feature_info(network.backbone), (1, 2))
    cases: dict[str, Any] = {"seen_HWC": torch.from_numpy(seen_HWC), "x_BCHW": x_BCHW}
    assert network.endpoints is not None
    cases |= {"mmseg": [*levels, network.endpoints(maps)], "timm": features(x_BCHW)}
    torch.save(cases, path.with_suffix(".pt"))
    labels_HW = predictor.labeller().predict(pixels_HWC)
    np.savez(path.with_suffix(".npz"), image=pixels_HWC, labels=labels_HW)


def _result(name: str, exports: Path, cases: Path, place: Path) -> Result:
    each = CHECKS[name]
    folder = exports / each.folder
    lines = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    known = f"import json\nCASES, FORMAT = {str(cases)!r}, {each.format!r}\n"
    script = "\n".join([known, each.before, lines[0], each.after, _SAY])
    (folder / "check.py").write_text(script, encoding="utf-8")
    try:
        python = made(each.environment, place)
        said = _called([str(python), "check.py"], folder)
    except RuntimeError as error:
        return Result(name, " ".join(each.environment.packages), trouble=str(error))
    difference, largest, installed = json.loads(said.splitlines()[-1])
    largest = None if each.after == checks.LABELS else largest
    wrong = "" if difference <= each.tolerance else f"more than {each.tolerance:g}"
    return Result(name, _listed(each.environment, installed), difference, largest, wrong)


def made(environment: Environment, place: Path) -> Path:
    """The Python of a virtual environment that has these packages, made where it is missing.

    Raises:
        RuntimeError: if pip cannot install them.
    """
    folder = place / environment.name
    python, complete = folder.resolve() / "bin" / "python", folder / "complete"
    if complete.exists():
        return python
    _called([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    _called([*pip, *environment.packages])
    for name, text in environment.stand_ins.items():
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / name).write_text(text, encoding="utf-8")
    complete.touch()
    return python


def _called(command: Sequence[str], folder: Path | None = None) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(lines[-1])
    return done.stdout


def _listed(environment: Environment, installed: Mapping[str, str]) -> str:
    """What was asked for, with versions, and how much came with it."""
    asked = [re.split("[=<>]", name)[0] for name in environment.packages]
    rest = len(installed) - len(asked) - len({"pip", "setuptools"} & set(installed))
    words = ", ".join(f"{name} {installed.get(name.lower(), '?')}" for name in asked)
    return f"{words} + {rest} more"


def table(results: Sequence[Result]) -> Table:
    """For a terminal."""
    shown = Table("format", "packages installed", "largest difference", "of outputs up to", "ok")
    for each in results:
        difference = "" if each.difference is None else f"{each.difference:.1e}"
        largest = "" if each.largest is None else f"{each.largest:.3g}"
        shown.add_row(each.name, each.installed, difference, largest, each.trouble or "yes")
    return shown


if __name__ == "__main__":
    main()
