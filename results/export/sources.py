"""Makes one readable Python file out of our own modules.

An exported network is our own source, cut at top-level statements and put together again: there
is no second copy of the network code to keep in step. A module can be bundled if it imports our
own code by ``from package.module import Name`` at its top only.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OWN_PACKAGES = ("search_space", "proxy_tasks", "results", "nas")
RULE = "# " + "-" * 77


@dataclass(frozen=True)
class Chunk:
    """A top-level statement with the comments above it and the docstring below it."""

    text: str
    defines: frozenset[str]
    uses: frozenset[str]
    kept_always: bool


@dataclass(frozen=True)
class Module:
    """One of our modules, taken apart. ``needs`` names the modules of ours that it imports."""

    name: str
    docstring: str
    needs: tuple[str, ...]
    imports: tuple[tuple[str, str], ...]
    """External imports as (bound name, statement)."""
    chunks: tuple[Chunk, ...]


def bundle(roots: Sequence[str], ending: str, docstring: str = "") -> str:
    """The modules ``roots`` and what they need, as one source text that ends with ``ending``.

    Only the definitions that ``ending`` reaches are kept, with their comments. ``ending`` may
    start with external imports; ``docstring`` is a literal, quotes included.

    Raises:
        ValueError: if a module breaks the rule above, or two modules define the same name.
    """
    modules = list(_in_order(roots))
    _check_names([chunk for module in modules for chunk in module.chunks])
    tree = ast.parse(ending)
    kept, used = _reachable(modules, _names_used(tree))
    imports = [pair for module in modules for pair in module.imports if pair[0] in used]
    imports += [pair for node in tree.body for pair in _external_imports(node)]
    bodies = [_section(module, kept) for module in modules]
    head = f"{docstring}\n\n{_import_block({line for _, line in imports})}".strip()
    parts = [part for part in (*bodies, _without_imports(ending)) if part]
    return head + "\n\n" + "\n\n\n".join(parts) + "\n"


def _without_imports(source: str) -> str:
    """What follows the imports that a source starts with."""
    ends = [
        node.end_lineno or node.lineno
        for node in ast.parse(source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return "\n".join(source.splitlines()[max(ends, default=0) :]).strip()


def _in_order(roots: Sequence[str]) -> Iterator[Module]:
    """Depth first: every module comes after those that it imports, each once."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[Module]:
        if name not in seen:
            seen.add(name)
            module = read_module(name)
            for needed in module.needs:
                yield from visit(needed)
            yield module

    for root in roots:
        yield from visit(root)


def read_module(name: str) -> Module:
    """Take one of our modules apart. ValueError if it imports our code in another form."""
    source = _source(name)
    tree = ast.parse(source)
    _check_imports(name, tree)
    docstring = ast.get_docstring(tree) or ""
    body = tree.body[1:] if docstring else tree.body
    own = [node for node in body if isinstance(node, ast.ImportFrom) and _is_own(node.module)]
    return Module(
        name=name,
        docstring=docstring,
        needs=tuple(dict.fromkeys(str(node.module) for node in own)),
        imports=tuple(pair for node in body for pair in _external_imports(node)),
        chunks=tuple(_chunks(source.splitlines(), tree.body, skip=bool(docstring))),
    )


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ValueError(f"no module {name}")
    return Path(spec.origin).read_text(encoding="utf-8")


def _is_own(module: str | None) -> bool:
    return module is not None and module.split(".")[0] in OWN_PACKAGES


def _check_imports(name: str, tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            foul = any(_is_own(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.level or _is_own(node.module)):
            renamed = any(alias.asname or alias.name == "*" for alias in node.names)
            foul = bool(node.level) or renamed or node not in tree.body
        else:
            continue
        if foul:
            raise ValueError(
                f"{name}, line {node.lineno}: import our own code by"
                " `from package.module import Name` at the top of the module"
            )


def _external_imports(node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            yield bound, ast.unparse(ast.Import([alias]))
    elif isinstance(node, ast.ImportFrom) and not _is_own(node.module):
        if node.module == "__future__":  # stands at the top of every bundle
            return
        for alias in node.names:
            single = ast.ImportFrom(node.module, [alias], 0)
            yield alias.asname or alias.name, ast.unparse(single)


def _chunks(lines: Sequence[str], body: Sequence[ast.stmt], skip: bool) -> Iterator[Chunk]:
    """Cut at statements; a string below an assignment is its docstring and stays with it."""
    start = body[0].end_lineno or 0 if skip else 0
    index = int(skip)
    while index < len(body):
        node = body[index]
        last = node
        if index + 1 < len(body) and _is_string(body[index + 1]):
            index += 1
            last = body[index]
        end = last.end_lineno or last.lineno
        if not isinstance(node, ast.Import | ast.ImportFrom):
            yield Chunk(
                text="\n".join(lines[start:end]).rstrip(),
                defines=frozenset(_names_defined(node)),
                uses=frozenset(_names_used(node)),
                kept_always=not _names_defined(node),
            )
        start = end
        index += 1


def _is_string(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _names_defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {node.name}
    stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {n.id for n in stored if isinstance(n.ctx, ast.Store)}


def _names_used(node: ast.AST) -> set[str]:
    """Every bare name inside: too many rather than too few."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _check_names(chunks: Iterable[Chunk]) -> None:
    seen: set[str] = set()
    for chunk in chunks:
        if twice := seen & chunk.defines:
            raise ValueError(f"defined in two modules: {', '.join(sorted(twice))}")
        seen |= chunk.defines


def _reachable(modules: Sequence[Module], used: set[str]) -> tuple[set[int], set[str]]:
    """Ids of the chunks that ``used`` names lead to, and all names used by then."""
    chunks = [chunk for module in modules for chunk in module.chunks]
    kept: set[int] = set()
    while True:
        found = [c for c in chunks if id(c) not in kept and (c.kept_always or c.defines & used)]
        if not found:
            return kept, used
        kept.update(id(chunk) for chunk in found)
        used = used.union(*(chunk.uses for chunk in found))


def _section(module: Module, kept: set[int]) -> str:
    """The module's kept chunks under a ruled heading; nothing if nothing is kept."""
    texts = [chunk.text for chunk in module.chunks if id(chunk) in kept]
    if not texts:
        return ""
    comment = [f"# {line}".rstrip() for line in module.docstring.splitlines()]
    path = module.name.replace(".", "/") + ".py"
    heading = "\n".join([RULE, f"# {path}", *comment, RULE])
    return heading + "\n\n\n" + "\n".join(texts).strip("\n")


def _import_block(lines: Iterable[str]) -> str:
    """As isort has it: the standard library first, names of one module on one line."""
    merged: dict[str, list[str]] = {}
    for line in sorted(lines):
        module, _, names = line.partition(" import ")
        merged.setdefault(module, []).extend([names] if names else [])
    written = [m + (f" import {', '.join(n)}" if n else "") for m, n in merged.items()]
    written.sort(key=lambda line: (line.startswith("from"), line))
    standard = [line for line in written if _is_standard(line)]
    others = [line for line in written if not _is_standard(line)]
    groups = ["from __future__ import annotations", "\n".join(standard), "\n".join(others)]
    return "\n\n".join(group for group in groups if group)


def _is_standard(line: str) -> bool:
    return line.split()[1].split(".")[0] in sys.stdlib_module_names
