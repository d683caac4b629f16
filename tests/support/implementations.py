"""Who implements a protocol: found in the source, so that a newcomer is found without a list."""

from __future__ import annotations

import ast
from functools import cache
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("search_space", "proxy_tasks", "results", "nas", "benchmarks")


def implementations(*methods: str, first: str | None = None) -> set[str]:
    """``module.Class`` of every class that defines all these methods and properties, protocols left
    out; the first argument of the first one is called ``first``, where that is given."""
    return {name for name, found in _classes().items() if _defines(found, methods, first)}


@cache
def _classes() -> dict[str, ast.ClassDef]:
    found = {}
    for path in chain.from_iterable((ROOT / folder).rglob("*.py") for folder in CODE):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and "Protocol" not in map(ast.unparse, node.bases):
                found[f"{module}.{node.name}"] = node
    return found


def _defines(found: ast.ClassDef, methods: tuple[str, ...], first: str | None) -> bool:
    own = {node.name: node.args.args for node in found.body if isinstance(node, ast.FunctionDef)}
    if not own.keys() >= set(methods):
        return False
    return first is None or [each.arg for each in own[methods[0]]][1:2] == [first]
