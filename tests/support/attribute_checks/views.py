"""Diagrams, tables, the dashboard and ``nas describe`` show it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

from nas.cli import main
from results.cost_table import cost_table
from results.drawing import svg
from results.signs import sign, written
from results.text_diagram import legend, text_diagram
from results.views.choices import PROPERTIES, choices_of
from results.views.detail import difference
from search_space import architecture_file
from search_space.architecture import Architecture
from search_space.attributes import Attribute
from search_space.cost import cost, parts
from search_space.scales import Scale
from tests.support.attribute_checks.common import BLOCKS, CHANGED, PLAIN, changed, check


@check
def the_text_diagram_shows_it(attribute: Attribute, value: Any) -> None:
    network = changed(attribute, value)
    assert sign(attribute, value) in text_diagram(network).plain.split()
    assert f"{attribute.sign} {attribute.name}" in legend(network).plain
    assert attribute.name not in legend(PLAIN).plain


@check
def the_drawing_shows_it(attribute: Attribute, value: Any) -> None:
    drawn, heading = svg(changed(attribute, value)).decode(), f">{attribute.name.capitalize()}<"
    assert f">d2 {sign(attribute, value)}<" in drawn
    assert heading in drawn
    assert heading not in svg(PLAIN).decode()


@check
def the_table_of_costs_shows_it(attribute: Attribute, value: Any) -> None:
    assert attribute.name not in table(PLAIN)
    assert {attribute.name, written(value)} <= set(table(changed(attribute, value)))


def table(network: Architecture) -> list[str]:
    """Its words."""
    wanted = network, Scale(), 5, (64, 64)
    console = Console(width=130, file=io.StringIO(), record=True)
    console.print(cost_table(network, parts(*wanted), cost(*wanted), 130))
    return console.export_text().split()


@check
def describe_tells_it(attribute: Attribute, value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "architecture.yaml"
        architecture_file.save(path, changed(attribute, value))
        said = printed("nas", "describe", str(path), "--json")
    found = [block[attribute.name] for block in json.loads(said)["blocks"]]
    assert found == [value if index == CHANGED else attribute.default for index in BLOCKS]


def printed(*words: str) -> str:
    """By a command line."""
    said = io.StringIO()
    with (
        patch.object(sys, "argv", [*words]),
        contextlib.redirect_stdout(said),
        contextlib.suppress(SystemExit),
    ):
        main()
    return said.getvalue()


@check
def the_dashboard_counts_it(attribute: Attribute, value: Any) -> None:
    assert PROPERTIES[attribute.name] == attribute.title
    assert choices_of(changed(attribute, value))[attribute.name][value] == 1


@check
def the_dashboard_tells_two_networks_apart_by_it(attribute: Attribute, value: Any) -> None:
    found = difference(PLAIN, changed(attribute, value))
    assert found is not None
    ((index, ours, theirs),) = found.rows
    assert index == str(CHANGED)
    assert theirs.split() == [*ours.split(), sign(attribute, value)]
