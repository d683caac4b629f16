"""YAML means what the core schema of YAML 1.2 says, and what is written comes back exactly."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from search_space import strict_yaml
from search_space.errors import UserError

MEANS: dict[str, Any] = {
    "1:30": "1:30",
    "190:20:30.15": "190:20:30.15",
    "yes": "yes",
    "on": "on",
    "No": "No",
    "y": "y",
    "true": True,
    "FALSE": False,
    "tRue": "tRue",
    "null": None,
    "~": None,
    "": None,
    "nUll": "nUll",
    "0100": 100,
    "-017": -17,
    "08": 8,
    "0o10": 8,
    "-0o10": "-0o10",
    "0x1F": 31,
    "0b11": "0b11",
    "1_000": "1_000",
    "+1": 1,
    "1e-3": 0.001,
    "12E+2": 1200.0,
    ".5": 0.5,
    "-.5": -0.5,
    "5.": 5.0,
    ".": ".",
    "e3": "e3",
    ".inf": math.inf,
    "-.INF": -math.inf,
    "inf": "inf",
    "2024-01-01": "2024-01-01",
    "=": "=",
    "<<": "<<",
    "١": "١",
}
"""What the specification's examples and its patterns say (YAML 1.2.2, chapter 10.3.2)."""


@pytest.mark.parametrize(("text", "value"), MEANS.items(), ids=MEANS)
def test_a_plain_scalar_means_what_the_core_schema_says(text: str, value: Any) -> None:
    (found,) = strict_yaml.parse(f"[{text}]" if text else "[~]", "x")
    assert (found, type(found)) == (value, type(value))
    assert strict_yaml.parse(f"'{text}'", "x") == text


def test_not_a_number_is_one() -> None:
    assert math.isnan(strict_yaml.parse(".NaN", "x"))


def test_nothing_at_all_is_null() -> None:
    assert strict_yaml.parse("", "x") is None
    assert strict_yaml.parse("a:", "x") == {"a": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "x: line 3: key 'a' is given twice, first in line 1"),
        ("a: {c: 1, 'c': 2}", "x: line 1: key 'c' is given twice, first in line 1"),
        ("1: a\n2: b\n0x1: c", "x: line 3: key '0x1' is given twice, first in line 1"),
        ("1: a\n'1': b", "x: line 2: key '1' is given twice, first in line 1"),
        ("'1': a\n1: b", "x: line 2: key '1' is given twice, first in line 1"),
        ("[a]: 1", "x: line 1: a key must be a string or a number"),
        ("a: &x 1\nb: *x", "x: line 2: aliases are not allowed"),
        ("a: !!set {b}", "x: line 1: the tag !!set is not known; write plain values"),
        ("a: !!int yes", "x: line 1: 'yes' is not of type int"),
        ("a: !!int 1_000", "x: line 1: '1_000' is not of type int"),
        ("a: !!bool 'yes'", "x: line 1: 'yes' is not of type bool"),
        ("a: !!int [1]", "x: line 1: expected a scalar node, but found sequence"),
        ("a: !!map b", "x: line 1: this is not a mapping of keys to values"),
        ("a: !own 1", "x: line 1: the tag !own is not known; write plain values"),
        ("9" * 5000, "x: line 1: a number of 5,000 characters is too long"),
    ],
)
def test_what_is_not_plain_or_stands_twice_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        strict_yaml.parse(text, "x")
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_a_tag_says_what_a_scalar_is() -> None:
    assert strict_yaml.parse("[!!str 1, !!int '3', !!float 1, !!null '']", "x") == ["1", 3, 1, None]


ODD = st.sampled_from([*MEANS, "a: b", "#x", "- x", "x ", "\u2028", "\x85", "a\nb", "&a", "!x"])
TEXT = st.text() | ODD | st.from_regex(r"[-+.0-9eEox_:]{1,6}", fullmatch=True)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
DATA = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXT | st.integers(), inner)
).filter(lambda data: not _keys_alike(data))


def _keys_alike(data: Any) -> bool:
    """Whether some mapping has, say, the keys 1 and "1", which are refused when they are read."""
    if isinstance(data, list):
        return any(map(_keys_alike, data))
    if not isinstance(data, dict):
        return False
    return len({str(key) for key in data}) < len(data) or any(map(_keys_alike, data.values()))


@settings(max_examples=50, deadline=None)
@given(DATA)
@example(["1e3", "08", ".5", "-.5", "0o7", "1:30", "yes", "0100", "2024-01-01", "=", 1e-5, 1e22])
def test_what_is_written_means_the_same_to_every_reader(data: Any) -> None:
    for text in (
        strict_yaml.render(data),
        strict_yaml.render(data, width=100, ascii_only=True),
        strict_yaml.render(data, leaves_inline=True),
        strict_yaml.render_inline(data),
    ):
        assert strict_yaml.parse(text, "x") == data
        assert strict_yaml.parse_record(text, "x") == data
        assert yaml.safe_load(text) == data


@settings(max_examples=50, deadline=None)
@given(DATA)
@example(["1e3", "08", "-.5", "0o7"])
@example({"12e4567890123456": 0})
def test_files_of_earlier_releases_read_as_they_were_meant(data: Any) -> None:
    assert strict_yaml.parse_record(yaml.safe_dump(data, sort_keys=False), "x") == data


def test_numbers_of_both_versions_are_numbers_in_a_record() -> None:
    assert strict_yaml.parse_record("[0100, 1:30, yes, 2.5, 1e3]", "x") == [
        *(100, "1:30", "yes", 2.5, "1e3")
    ]


def test_a_long_line_is_broken_at_its_width_or_not_at_all() -> None:
    words = " ".join(["word"] * 40)
    assert max(map(len, strict_yaml.render([words], width=40).splitlines())) <= 45
    assert strict_yaml.render_inline([words]) == f"[{words}]"
