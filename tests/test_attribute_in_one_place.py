"""An attribute of a block is declared in one place: nothing loses one that is added there.

Three are added to a copy of the lowest floor, each with one field; ``girth`` gets a meaning too.
Then tests.support.attribute_checks runs in a process of its own, against that copy and all else
as it is.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.attribute_checks import CHECKS, VALUES

ROOT = Path(__file__).parent.parent
FIELDS = {
    "girth": "int = field(default=1, metadata=attribute('map', 'g', 'Girth', 'girths'))",
    "pooled": "bool = field(default=False, metadata=attribute("
    "'values', 'p', 'Pooled', 'pooled ones', values=(False, True)))",
    "mixing": "str = field(default='sum', metadata=attribute("
    "'values', 'm', 'Mixing', 'mixings', values=('sum', 'max')))",
}
FILTERS = "def block_filters(block: Block, scale: Scale) -> int:\n"
"""In shapes.py: what the girth multiplies."""


def widened(package: Path) -> None:
    """Declare the fields behind the last one of ``Block``, and give ``girth`` its meaning."""
    path = package / "architecture.py"
    text = path.read_text("utf-8")
    block = next(n for n in ast.parse(text).body if getattr(n, "name", "") == "Block")
    assert isinstance(block, ast.ClassDef)
    lines = text.splitlines()
    lines[block.end_lineno : block.end_lineno] = [f"    {n}: {rest}" for n, rest in FIELDS.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    shapes = package / "shapes.py"
    text = shapes.read_text("utf-8")
    assert text.count(FILTERS) == 1
    meaning = f"\n\n{FILTERS}    return slim_filters(block, scale) * block.girth\n"
    text = text.replace(FILTERS, FILTERS.replace("block_filters", "slim_filters")) + meaning
    shapes.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Check and attribute -> what failed."""
    folder = tmp_path_factory.mktemp("floor")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "search_space", folder / "search_space", ignore=ignored)
    widened(folder / "search_space")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.support.attribute_checks"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT)))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("attribute", VALUES)
@pytest.mark.parametrize("name", CHECKS)
def test_nothing_loses_an_added_attribute(
    name: str, attribute: str, failures: dict[str, str]
) -> None:
    assert failures[f"{name}: {attribute}"] == ""
