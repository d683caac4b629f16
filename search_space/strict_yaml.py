"""YAML without surprises: plain data only, no key twice, no aliases, errors in one line."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from search_space.errors import UserError


class _StrictLoader(yaml.SafeLoader):
    """A safe loader: no tag can run code. Aliases are refused since they can grow without bound."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
                problem = f"key {key.value!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class _PlainDumper(yaml.SafeDumper):
    """Writes a shared value out each time, as the loader refuses aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # Left to itself, PyYAML writes some line separators bare and reads them back as spaces.
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_PlainDumper.add_representer(str, _PlainDumper.represent_text)


def parse(text: str, source: str) -> Any:
    """The data of one YAML document.

    Raises:
        UserError: one line that names the source and, where known, the line in it.
    """
    try:
        return yaml.load(text, _StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise UserError(f"{source}: {line}{reason}") from None
    except RecursionError:
        raise UserError(f"{source}: nested too deeply") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        # PyYAML's constructors let plain Python errors through for values such as 2024-13-99.
        reason = " ".join(str(error).split())
        raise UserError(f"{source}: not valid YAML: {reason}") from None


def render(data: Any) -> str:
    """Plain data as block-style YAML, keys in the given order.

    Raises:
        TypeError: for a value that is not plain data, such as a numpy number.
    """
    try:
        return yaml.dump(data, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        what, value = error.args
        raise TypeError(f"{what}: {type(value).__name__} {value!r}") from None
