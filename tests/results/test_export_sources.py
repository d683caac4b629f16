"""The bundler: which source it keeps, in which order, and what it refuses."""

import sys
import textwrap

import pytest

from results.export import sources

BASE = '''
"""The base. Shapes: none."""

from __future__ import annotations

import math
import os

# Twice the radius.
LIMIT = 2
"""What LIMIT means."""

UNUSED = os.sep
"""Nobody asks for this."""


# Why it is so.
def area(radius: float) -> float:
    """Square metres."""
    return _square(min(radius, LIMIT)) * math.pi  # a trailing remark


def _square(value):
    return value * value
'''
USER = '''
"""Uses the base."""

from __future__ import annotations

import json
from math import floor

from toy.base import area


def whole(radius: float) -> int:
    return floor(area(radius))


def never(radius: float) -> str:
    return json.dumps(area(radius))
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Writes modules of a package that counts as our own."""
    monkeypatch.setattr(sources, "OWN_PACKAGES", ("toy",))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "__init__.py").touch()

    def write(name: str, text: str) -> None:
        (tmp_path / "toy" / f"{name}.py").write_text(textwrap.dedent(text).lstrip())

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
        del sys.modules[name]


def test_a_bundle_runs_alone_with_all_that_it_needs_in_order(toy):
    toy("base", BASE)
    toy("user", USER)
    names: dict = {}
    exec(sources.bundle(["toy.user"], "RESULT = whole(1.0)"), names)
    assert names["RESULT"] == 3


def test_a_bundle_keeps_comments_and_drops_what_nothing_reaches(toy):
    toy("base", BASE)
    toy("user", USER)
    text = sources.bundle(["toy.user"], "import zlib\n\nRESULT = whole(1.0)")
    kept = (
        '# Twice the radius.\nLIMIT = 2\n"""What LIMIT means."""',
        "# Why it is so.\ndef area",
        "# a trailing remark",
        "# The base. Shapes: none.",
        "import math\nimport zlib\nfrom math import floor",
    )
    for fragment in kept:
        assert fragment in text
    for fragment in ("UNUSED", "Nobody asks", "never", "json", "import os", "toy.base"):
        assert fragment not in text
    assert text.count("from __future__") == 1


def test_a_module_that_two_others_need_stands_once(toy):
    toy("base", BASE)
    toy("user", USER)
    text = sources.bundle(["toy.base", "toy.user"], "RESULT = whole(area(1.0))")
    assert text.count("def area") == 1


@pytest.mark.parametrize(
    "line",
    [
        "import toy.base",
        "from . import base",
        "from .base import area",
        "from toy.base import area as surface",
        "from toy.base import *",
        "def late():\n    from toy.base import area\n    return area",
    ],
)
def test_our_own_code_must_be_imported_by_name_at_the_top(toy, line):
    toy("base", BASE)
    toy("other", line)
    with pytest.raises(ValueError, match=r"toy\.other, line \d"):
        sources.bundle(["toy.other"], "")


def test_two_modules_must_not_define_the_same_name(toy):
    toy("base", BASE)
    toy("other", "from toy.base import area\n\n\ndef _square(value):\n    return area(value)\n")
    with pytest.raises(ValueError, match="defined in two modules: _square"):
        sources.bundle(["toy.other"], "RESULT = _square(1)")
