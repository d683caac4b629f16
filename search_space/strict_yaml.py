"""YAML without surprises: the core schema of YAML 1.2, plain data only, no key twice, no aliases.

PyYAML parses, but left to itself it reads YAML 1.1, in which ``1:30`` is ninety, ``0100`` is
sixty-four, ``yes`` is true and ``1e-3`` is a string. Here ``1:30`` and ``yes`` are strings, and
the others are the numbers that they look like (https://yaml.org/spec/1.2.2/#103-core-schema).

What is written here means the same to readers of both versions. Earlier releases wrote what only
YAML 1.2 takes for a number, such as the name ``1e3``, without quotes: ``parse_record`` reads their
files, and today's, as they were meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, ClassVar

import yaml

from search_space.errors import UserError

_TAG = "tag:yaml.org,2002:"
_STRING = f"{_TAG}str"
_CORE = re.compile(
    r"(?P<null>~|null|Null|NULL|)"
    r"|(?P<bool>true|True|TRUE|false|False|FALSE)"
    r"|(?P<int>[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
"""What a scalar without quotes looks like that is no string."""


def _core_tag(text: str) -> str:
    """What YAML 1.2 takes a scalar without quotes for."""
    found = _CORE.fullmatch(text)
    return f"{_TAG}{found.lastgroup}" if found else _STRING


_LONGEST = 300
"""Characters of a number: one of more cannot be a float, and Python writes none of 4,300 out."""
_YAML_1_1 = yaml.resolver.Resolver()


def _old_tag(text: str) -> str:
    """What YAML 1.1, or PyYAML's part of it, takes it for."""
    tag: str = _YAML_1_1.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:] if base != 10 else text, base)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_VALUES: Mapping[str, Callable[[str], Any]] = {
    f"{_TAG}null": lambda text: None,
    f"{_TAG}bool": lambda text: text.lower() == "true",
    f"{_TAG}int": _integer,
    f"{_TAG}float": _float,
}


class _StrictLoader(yaml.SafeLoader):
    """No tag can run code. Aliases are refused since they can grow without bound."""

    @staticmethod
    def tag_of(text: str) -> str:
        """Of a scalar without quotes."""
        return _core_tag(text)

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: tuple[bool, bool]) -> Any:
        if kind is yaml.ScalarNode:
            return self.tag_of(value) if implicit[0] else _STRING
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if not isinstance(node, yaml.MappingNode):  # but tagged as one
            raise _wrong(node, "this is no mapping of keys to values")
        found: dict[Hashable, Any] = {}
        lines: dict[Hashable, int] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise _wrong(key_node, "a key must be a string or a number")
            # By what it says and by what it means: 1 and "1" are one key too, and 1 and 0x1.
            first = lines.get(key, lines.get(key_node.value))
            if first is not None:
                problem = f"key {key_node.value!r} is given twice, first in line {first}"
                raise _wrong(key_node, problem)
            lines[key] = lines[key_node.value] = key_node.start_mark.line + 1
            found[key] = self.construct_object(value_node, deep=deep)
        return found

    def _plain(self, node: yaml.Node) -> Any:
        text = self.construct_scalar(node)  # type: ignore[arg-type]
        kind = node.tag.removeprefix(_TAG)
        looks = _core_tag(text).removeprefix(_TAG)
        if looks != kind and (looks, kind) != ("int", "float"):  # it has a tag, as in !!int yes
            raise _wrong(node, f"{text!r} is no {kind}")
        value = _VALUES[node.tag](text)
        if len(text) > _LONGEST:
            raise _wrong(node, f"a number of {len(text):,} characters is no number to work with")
        return value

    def _unknown(self, node: yaml.Node) -> Any:
        tag = node.tag.replace(_TAG, "!!")
        raise _wrong(node, f"the tag {tag} is not known; write plain values")

    yaml_constructors: ClassVar[dict[Any, Any]] = {
        **dict.fromkeys(_VALUES, _plain),
        **{
            _TAG + kind: yaml.SafeLoader.yaml_constructors[_TAG + kind]
            for kind in ("str", "seq", "map")
        },
        None: _unknown,
    }


class _RecordLoader(_StrictLoader):
    """What either version takes for a string is one."""

    @staticmethod
    def tag_of(text: str) -> str:
        return _STRING if _old_tag(text) == _STRING else _core_tag(text)


class _PlainDumper(yaml.SafeDumper):
    """Writes a shared value out each time, as the loader refuses aliases, and quotes every string
    that either version would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: tuple[bool, bool]) -> Any:
        tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        plain = kind is yaml.ScalarNode and implicit[0]
        return _core_tag(value) if plain and tag == _STRING else tag

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # Left to itself, PyYAML writes some line separators bare and reads them back as spaces.
        style = None if text.isprintable() else '"'
        return self.represent_scalar(_STRING, text, style)


_PlainDumper.add_representer(str, _PlainDumper.represent_text)


def _wrong(node: yaml.Node, problem: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def parse(text: str, source: str) -> Any:
    """The data of one YAML document.

    Raises:
        UserError: one line that names the source and, where known, the line in it.
    """
    return _load(text, source, _StrictLoader)


def parse_record(text: str, source: str) -> Any:
    """The data of a file that this or an earlier release of the project wrote, and people seldom
    change. Raises UserError, as ``parse``."""
    return _load(text, source, _RecordLoader)


def _load(text: str, source: str, loader: type[_StrictLoader]) -> Any:
    try:
        return yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise UserError(f"{source}: {line}{reason}") from None
    except RecursionError:
        raise UserError(f"{source}: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        # Characters that YAML does not allow, and numbers of more digits than Python reads.
        reason = " ".join(str(error).split())
        raise UserError(f"{source}: not valid YAML: {reason}") from None


def render(
    data: Any, width: int = 80, ascii_only: bool = False, leaves_inline: bool = False
) -> str:
    """Plain data as block-style YAML, keys in the given order, in lines of about ``width``.

    With ``ascii_only`` other characters are escaped; with ``leaves_inline`` lists and mappings of
    nothing but words and numbers stand on one line.

    Raises:
        TypeError: for a value that is not plain data, such as a numpy number.
    """
    flow = None if leaves_inline else False  # PyYAML's own three states
    return _dump(data, width=width, allow_unicode=not ascii_only, default_flow_style=flow)


def render_inline(data: Any) -> str:
    """Plain data in flow style, on one line. Raises TypeError, as ``render``."""
    text = _dump(data, width=float("inf"), allow_unicode=True, default_flow_style=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _dump(data: Any, **layout: Any) -> str:
    try:
        text: str = yaml.dump(data, Dumper=_PlainDumper, sort_keys=False, **layout)
        return text
    except yaml.representer.RepresenterError as error:
        what, value = error.args
        raise TypeError(f"{what}: {type(value).__name__} {value!r}") from None
