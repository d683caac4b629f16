"""A plan as people read it: on the terminal, and as a config with a reason beside each value."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas.planning.decision import Plan
from search_space import strict_yaml

_WIDTH = 96
"""Of a comment in the file."""


def show(plan: Plan, title: str, console: Console) -> None:
    """Each decision with its value, its cost and its reason, before anything starts."""
    console.print(Text(title, "bold"), soft_wrap=True)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for each in plan.decisions:
        costs = f"  ({each.costs})" if each.costs else ""
        table.add_row(each.what, Text.assemble(each.shown, (costs, "dim")))
        table.add_row("", Text(each.why, "dim"))
    console.print(table)
    for warning in plan.warnings:
        console.print(Text.assemble(("warning  ", "yellow"), warning))


def to_yaml(values: Mapping[str, Any], plan: Plan, heading: str) -> str:
    """The ``values`` of a config, each with the reason that the plan has for it."""
    lines = [f"# {line}" for line in textwrap.wrap(heading, _WIDTH)]
    lines += [
        f"# warning: {line}" for each in plan.warnings for line in textwrap.wrap(each, _WIDTH)
    ]
    said: set[str] = set()
    for key, value in values.items():
        lines += ["", *_section(key, value, plan, said, 0)]
    return "\n".join(lines) + "\n"


def _section(path: str, value: Any, plan: Plan, said: set[str], depth: int) -> list[str]:
    """A key with its value; a reason stands above the first value that has it."""
    indent = "  " * depth
    key = path.rpartition(".")[2]
    why = plan.reason(path)
    comment = []
    if why and why not in said:
        said.add(why)
        comment = [f"{indent}# {line}" for line in textwrap.wrap(why, _WIDTH - len(indent))]
    if isinstance(value, Mapping) and value and key not in ("values", "resolution"):
        inner = [
            line
            for name, each in value.items()
            for line in _section(f"{path}.{name}", each, plan, said, depth + 1)
        ]
        return [*comment, f"{indent}{key}:", *inner]
    return [*comment, f"{indent}{key}: {strict_yaml.render_inline(value)}"]
