"""The arrows between the floors, and what an import may cost."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def loaded_after(statement: str) -> set[str]:
    """Top-level modules in a new interpreter after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_imports_keep_the_contracts_of_pyproject():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run"]
    command[-1] += "; run(['--no-cache'])"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("heavy", ["torch", "ray", "optuna", "pandas", "matplotlib"])
def test_search_space_loads_nothing_heavy(heavy):
    assert heavy not in loaded_after("import search_space")


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import proxy_tasks.task", {"torch", "ray", "optuna", "pandas"}),
        ("import results", {"torch", "ray", "optuna", "pandas", "matplotlib"}),
        ("from nas.cli import main", {"torch", "ray", "optuna", "pandas", "matplotlib"}),
    ],
)
def test_light_imports_stay_light(statement, absent):
    assert not loaded_after(statement) & absent
