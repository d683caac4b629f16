"""A latency table: what the operators of some networks took on one device, as a CSV file.

    # format: spinenet-seg-latency/1
    # device: AMD EPYC
    # runtime: onnxruntime 1.23.2
    # threads: 1
    # date: '2026-12-01'
    operator,channels,filters,height,width,out_height,out_width,kernel,...,ms,spread,count
    conv,32,32,48,64,48,64,3,1,1,1,1,0,0,conv,0.1310,0.02,4

The header is YAML behind ``#``; the columns are the fields of
``search_space.latency.operators.Operator``, then the median milliseconds over the networks that the
operator was seen in, their relative spread (a quarter of them lies further off), and their number.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from search_space import strict_yaml
from search_space.errors import UserError
from search_space.files import replacing
from search_space.latency.operators import KINDS, READERS, Operator
from search_space.printable import one_line

FORMAT = "spinenet-seg-latency/1"
_NUMBERS = ("channels", "filters", "height", "width", "out_height", "out_width", "kernel", "stride",
            "dilation", "inputs")  # fmt: skip
_FLAGS = ("relu", "padded", "fused")
COLUMNS = ("operator", *_NUMBERS, *_FLAGS, "reader", "ms", "spread", "count")
_LARGEST = 1 << 24
"""Of a whole number in a row."""
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Row:
    """Median milliseconds of an operator, their relative spread, and how many were measured."""

    operator: Operator
    ms: float
    spread: float = 0.0
    count: int = 1


@dataclass(frozen=True)
class Measured:
    """Where and when a table was measured; ``runtime`` with its version."""

    device: str
    runtime: str
    threads: int
    date: str


@dataclass(frozen=True)
class LatencyTable:
    """Rows that were measured; no operator has two."""

    measured: Measured
    rows: tuple[Row, ...]

    def to_text(self) -> str:
        """The file's content."""
        header = {"format": FORMAT, **vars(self.measured)}
        lines = [f"# {line}\n" for line in strict_yaml.render(header).splitlines()]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(_cells, self.rows))
        return "".join(lines) + text.getvalue()

    def save(self, path: Path) -> None:
        """Whole or not at all. UserError where it cannot be written."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as draft:
                draft.write_text(self.to_text(), "utf-8")
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def load(path: Path) -> LatencyTable:
    """UserError for what is none, naming the file and the line."""
    try:
        if path.exists() and not path.is_file():  # a pipe has no end
            raise UserError(f"{path}: is no file")
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: is larger than any latency table")
        return parse(path.read_text("utf-8"), str(path))
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no latency table: it is not text") from None
    except OSError as error:
        why = f"{path}: {error.strerror}; nas latency measure writes a table"
        raise UserError(why) from error


def parse(text: str, source: str) -> LatencyTable:
    """The table of a file's content. UserError as ``load``."""
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("#")]
    if lines[: len(header)] != header or not header:
        raise UserError(f"{source}: is no latency table: it does not begin with '# format: ...'")
    measured = _measured("\n".join(line[1:].removeprefix(" ") for line in header), source)
    first = len(header) + 1
    try:
        found = list(csv.reader(lines[len(header) :], strict=True))
    except csv.Error as error:
        raise UserError(f"{source}: {error}") from None
    if not found or tuple(found[0]) != COLUMNS:
        raise UserError(f"{source}: line {first}: the columns must be {','.join(COLUMNS)}")
    rows = list(_rows(found[1:], source, first + 1))
    if not rows:
        raise UserError(f"{source}: holds no rows: measure it again")
    return LatencyTable(measured, tuple(rows))


def _measured(text: str, source: str) -> Measured:
    told = strict_yaml.parse(text, source)
    if not isinstance(told, Mapping) or "format" not in told:
        raise UserError(f"{source}: is no latency table: its first lines do not say the format")
    if told["format"] != FORMAT:
        said = one_line(str(told["format"]))
        raise UserError(f"{source}: format {said} is unknown; this release reads {FORMAT}")
    names = {each.name for each in fields(Measured)}
    if told.keys() - {"format"} != names:
        raise UserError(f"{source}: the header must have just format, {', '.join(sorted(names))}")
    threads = told["threads"]
    if type(threads) is not int or not 1 <= threads <= _LARGEST:
        raise UserError(f"{source}: threads must be at least 1, not {one_line(str(threads))}")
    words = {name: one_line(str(told[name])) for name in names - {"threads"}}
    return Measured(threads=threads, **words)


def _rows(found: Sequence[Sequence[str]], source: str, first: int) -> Iterator[Row]:
    seen: dict[Operator, int] = {}
    for line, cells in enumerate(found, first):
        try:
            row = _row(cells)
        except ValueError as error:
            raise UserError(f"{source}: line {line}: {one_line(str(error))}") from None
        if (before := seen.setdefault(row.operator, line)) != line:
            raise UserError(f"{source}: line {line}: the operator of line {before} again")
        yield row


def _row(cells: Sequence[str]) -> Row:
    """ValueError for what is none."""
    if len(cells) != len(COLUMNS):
        raise ValueError(f"has {len(cells)} values instead of {len(COLUMNS)}")
    told = dict(zip(COLUMNS, cells, strict=True))
    for name, allowed in (("operator", KINDS), ("reader", READERS)):
        if told[name] not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {told[name][:40]!r}")
    number = {name: _whole(told, name, 1, _LARGEST) for name in _NUMBERS}
    flag = {name: bool(_whole(told, name, 0, 1)) for name in _FLAGS}
    operator = Operator(
        told["operator"],
        number["channels"],
        number["filters"],
        (number["height"], number["width"]),
        (number["out_height"], number["out_width"]),
        number["kernel"],
        number["stride"],
        number["dilation"],
        number["inputs"],
        **flag,
        reader=told["reader"],
    )
    count = _whole(told, "count", 1, _LARGEST)
    return Row(operator, _real(told, "ms"), _real(told, "spread"), count)


def _whole(told: Mapping[str, str], name: str, least: int, most: int) -> int:
    text = told[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise ValueError(f"{name} must be a whole number of {least} to {most}, not {text[:40]!r}")
    return int(text)


def _real(told: Mapping[str, str], name: str) -> float:
    try:
        value = float(told[name])
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e9:
        raise ValueError(f"{name} must be a number of at least 0, not {told[name][:40]!r}")
    return value


def _cells(row: Row) -> list[Any]:
    made = row.operator
    numbers = (made.channels, made.filters, *made.size, *made.out, made.kernel, made.stride,
               made.dilation, made.inputs)  # fmt: skip
    flags = [int(flag) for flag in (made.relu, made.padded, made.fused)]
    taken = (f"{row.ms:.5f}", f"{row.spread:.3f}", row.count)
    return [made.kind, *numbers, *flags, made.reader, *taken]
