"""Export as code and weights: one Python file that needs torch and numpy alone.

``network.py`` is put together from our own sources and compared, in a process that has none of
our packages, with the network it stands for. Only then does it appear in the folder.
"""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path

import torch

from results.export.ending import RUNNING, NetworkSpec, described, ending, loading, modules
from results.export.exporter import Exporter
from results.export.fresh_process import TORCH, Case, cases_of, compare
from results.export.readme import readme
from results.export.sources import bundle
from results.export.staging import saved
from results.export.subject import Subject
from results.export.sums import SUMS
from search_space.canonical import canonical_key

_RUN = """\
import network
model = network.load("weights.pt")
def run(x): return [model(x)]
label = model.predict
"""


def _write(subject: Subject, stage: Path) -> None:
    spec, trained = subject.spec, subject.trained
    (stage / "network.py").write_text(source(spec, trained), encoding="utf-8")
    (stage / "README.md").write_text(readme(spec, trained), encoding="utf-8")
    saved(partial(torch.save, subject.network.state_dict()), stage / "weights.pt")
    compare(stage, _RUN, logits_of(subject), pictures=subject.pictures, reader=TORCH)


def logits_of(subject: Subject) -> list[Case]:
    """What an export that is code is compared at."""
    channels = subject.spec.intensities.channels
    return cases_of(lambda x: [subject.network(x)], subject.checked_sizes, channels=channels)


def source(spec: NetworkSpec, trained: bool) -> str:
    """The text of ``network.py``."""
    roots = (*modules(spec), *RUNNING)
    return bundle(roots, ending(spec), docstring(spec, loading(trained)))


def docstring(spec: NetworkSpec, lines: str, first: str | None = None) -> str:
    """The literal that an exported file begins with: its ``first`` sentence, and what loads it."""
    first = first or f"{described(spec)}: this one file, torch and numpy are all it needs."
    return f'''"""{first}

Exported by spinenet-seg-nas from its own sources (SPDX-License-Identifier: Apache-2.0).
Canonical key of the backbone: {canonical_key(spec.backbone)}

{textwrap.indent(lines, "    ")}
"""'''


PYTHON = Exporter(
    name="python",
    files=("weights.pt", "network.py", "README.md", SUMS),
    write=_write,
    weights="weights.pt",
    lines=lambda subject: loading(subject.trained),
    needs=("torch", "numpy"),
)
