"""Who implements a protocol: found in the source, so that a newcomer is found without a list."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("search_space", "proxy_tasks", "results", "nas", "benchmarks")


def implementations(*methods: str, first: str | None = None) -> set[str]:
    """``module.Class`` of every class that defines all these methods and properties, protocols left
    out; in the place of one that leaves some of its work to its heirs, these. The first argument of
    the first method is called ``first``, where that is given."""
    files = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    texts = {path: path.read_text("utf-8") for path in files}
    found = {
        (path, node.name): node
        for path, text in texts.items()
        for node in _classes(text, methods)
        if _defines(node, methods, first)
    }
    bases = {key for key, node in found.items() if _unfinished(node)}
    heirs = {
        (path, node.name)
        for _, base in bases
        for path, text in texts.items()
        if f"({base})" in text
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and base in map(ast.unparse, node.bases)
    }
    whole = (found.keys() - bases) | heirs
    return {f"{'.'.join(p.relative_to(ROOT).with_suffix('').parts)}.{name}" for p, name in whole}


def _unfinished(found: ast.ClassDef) -> bool:
    return "raise NotImplementedError" in ast.unparse(found)


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
