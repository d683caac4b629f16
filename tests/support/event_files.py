"""What stands in TensorBoard's event files, read by their format: records of a length (8 bytes),
its checksum (4), an event, and its checksum (4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event


def events(folder: Path) -> Iterator[Event]:
    for file in sorted(folder.glob("events.out.tfevents.*")):
        data, place = file.read_bytes(), 0
        while place < len(data):
            length = int.from_bytes(data[place : place + 8], "little")
            yield Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) by tag."""
    found: dict[str, list[tuple[int, float]]] = {}
    for event in events(folder):
        for value in event.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def words(folder: Path) -> str:
    """All that is no curve: hyperparameters among it."""
    return "".join(
        value.metadata.plugin_data.content.decode("latin-1")
        for event in events(folder)
        for value in event.summary.value
    )
