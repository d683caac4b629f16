"""Exports in empty environments: what is run, and what it is called when it goes wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import export_environments
from benchmarks.export_environments import Result, table


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is said of a README's lines, run by this Python in place of a new environment's."""
    monkeypatch.setattr(export_environments, "made", lambda *_: Path(sys.executable))
    image = np.zeros((40, 50, 3), np.uint8)
    np.savez(tmp_path / "cases.npz", image=image, labels=image[..., 0])
    (tmp_path / "onnx").mkdir()

    def called(lines: str) -> Result:
        page = f"# Title\n\n```python\n{lines}\n```\n\n```python\nraise SystemExit(1)\n```\n"
        (tmp_path / "onnx" / "README.md").write_text(page, encoding="utf-8")
        return export_environments._result("onnx", tmp_path, tmp_path / "cases", tmp_path)

    return called


def test_the_lines_of_the_readme_are_what_runs(result) -> None:
    found = result("labels_HW = image[..., 0] + 0")
    assert (found.trouble, found.difference, found.largest) == ("", 0.0, None)
    other = result("labels_HW = image[..., 0] + 0\nlabels_HW[0, 0] = 1")
    assert (other.trouble, other.difference) == ("", 1 / 2000)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("labels_HW = image[..., 0] + 1", "more than 0.001"),
        ("labels_HW = image[:9, :, 0]", "AssertionError: (9, 50)"),
        ("raise ValueError('no such file')", "ValueError: no such file"),
    ],
)
def test_what_goes_wrong_is_said(result, lines: str, said: str) -> None:
    assert result(lines).trouble == said


def test_a_row_a_format() -> None:
    results = [Result("onnx", "onnxruntime 1", 1e-4, 2.0), Result("python", "", trouble="gone")]
    assert table(results).row_count == 2
