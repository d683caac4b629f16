"""Who implements a protocol: found in the source, so that a newcomer is found without a list."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("search_space", "proxy_tasks", "results", "nas", "benchmarks")


def implementations(*methods: str, first: str | None = None) -> set[str]:
    """``module.Class`` of every class that defines all these methods and properties, protocols left
    out; the first argument of the first one is called ``first``, where that is given."""
    return {
        f"{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}.{found.name}"
        for folder in CODE
        for path in (ROOT / folder).rglob("*.py")
        for found in _classes(path.read_text("utf-8"), methods)
        if _defines(found, methods, first)
    }


def _classes(source: str, methods: tuple[str, ...]) -> list[ast.ClassDef]:
    """Of a file that has such methods at all: few are worth parsing."""
    if not all(f"def {each}(" in source for each in methods):
        return []
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return [node for node in classes if "Protocol" not in map(ast.unparse, node.bases)]


def _defines(found: ast.ClassDef, methods: tuple[str, ...], first: str | None) -> bool:
    own = {node.name: node.args.args for node in found.body if isinstance(node, ast.FunctionDef)}
    if not own.keys() >= set(methods):
        return False
    return first is None or [each.arg for each in own[methods[0]]][1:2] == [first]
