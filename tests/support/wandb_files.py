"""What stands in an offline run of Weights & Biases, read by its format: a head of 7 bytes, then
blocks of 32 KiB with pieces of records, each with a checksum (4), a length (2), and which piece it
is (1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEAD = 32768, 7
WHOLE, LAST = 1, 4


def records(folder: Path) -> Iterator[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("*.wandb")
    data, place, record = file.read_bytes(), HEAD, b""
    while place + HEAD <= len(data):
        if BLOCK - place % BLOCK < HEAD:
            place += BLOCK - place % BLOCK
            continue
        length, piece = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        record += data[place + HEAD : place + HEAD + length]
        place += HEAD + length
        if piece in (WHOLE, LAST):
            yield Record.FromString(record)
            record = b""


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) by name."""
    found: dict[str, list[tuple[int, float]]] = {}
    for record in records(folder):
        if record.HasField("history"):
            known = values(record.history.item)
            for name, value in known.items():
                found.setdefault(name, []).append((known["training_iteration"], value))
    return found


def run(folder: Path) -> Any:
    """What was known when the training began."""
    return next(record.run for record in records(folder) if record.HasField("run"))


def values(items: Any) -> dict[str, Any]:
    """Of a message's list of names and JSON."""
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}
