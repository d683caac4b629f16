"""Runs an exported file where our packages cannot be imported, and compares its outputs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from results.export.sources import OWN_PACKAGES

TOLERANCE = 1e-5
"""Largest difference of a logit that passes. The arithmetic is the same, so it is 0 as a rule."""

_SCRIPT = """
import importlib.util, json, sys
network_file, weights, cases, threads, *forbidden = sys.argv[1:]
for name in forbidden:
    sys.modules[name] = None  # importing it raises ImportError
spec = importlib.util.spec_from_file_location("network", network_file)
network_module = importlib.util.module_from_spec(spec)
sys.modules["network"] = network_module
spec.loader.exec_module(network_module)
import torch
torch.set_num_threads(int(threads))  # another number rounds sums in another order
network = network_module.load(weights)
differences = []
with torch.no_grad():
    for x, expected in torch.load(cases, weights_only=True):
        differences.append((network(x) - expected).abs().max().item())
for name in list(sys.modules):
    assert name.split(".")[0] not in forbidden or sys.modules[name] is None, name
print(json.dumps(differences))
"""


def differences(
    network_file: Path, weights: Path, network: nn.Module, sizes: Sequence[tuple[int, int]]
) -> list[float]:
    """Largest absolute difference of the logits to those of ``network``, per image size.

    ``network`` is ours, on the CPU, in eval mode and with the same weights. The other side
    is a new interpreter in isolated mode, elsewhere, that has torch and no package of ours.

    Raises:
        RuntimeError: if the file does not run there, with the last line that it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        cases = Path(folder) / "cases.pt"
        torch.save([_case(network, size) for size in sizes], cases)
        files = [str(path.resolve()) for path in (network_file, weights, cases)]
        command = [sys.executable, "-I", "-c", _SCRIPT, *files, str(torch.get_num_threads())]
        done = subprocess.run(
            [*command, *OWN_PACKAGES], cwd=folder, capture_output=True, text=True, check=False
        )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RuntimeError(f"the exported network does not run on its own: {said[0]}")
    return [float(value) for value in json.loads(done.stdout.splitlines()[-1])]


def _case(network: nn.Module, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x_23HW = torch.randn(2, 3, *size, generator=generator)
    with torch.no_grad():
        return x_23HW, network(x_23HW)
