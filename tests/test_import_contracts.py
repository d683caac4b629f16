"""The arrows between the floors, and what an import may cost."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "ray", "optuna", "pandas", "matplotlib"}


def loaded_after(statement: str) -> set[str]:
    """Top-level modules in a new interpreter after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_imports_keep_the_contracts_of_pyproject():
    code = "from importlinter.cli import lint_imports_command as run; run(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    "statement",
    [
        "import search_space, search_space.catalog",
        "import proxy_tasks.task",
        "import results",
        "from nas.cli import main",
    ],
)
def test_light_imports_stay_light(statement):
    assert not loaded_after(statement) & HEAVY
