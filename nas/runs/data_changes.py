"""What differs between the files of a data set then and now, counted and in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

Files = Mapping[str, tuple[str, str]]
"""Name of a file -> the part of the data that it is in, and the digest of its content."""


@dataclass(frozen=True)
class Changes:
    """Names of files, as they were and, of ``new`` ones, as they are; ``renamed`` and ``moved``
    with the name and the part of now. ``number`` is how many there were, ``now`` how many there
    are."""

    number: int
    now: int
    differ: tuple[str, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    renamed: Mapping[str, str]
    moved: Mapping[str, str]

    @classmethod
    def between(cls, before: Files, now: Files) -> Self:
        """In whatever order they are listed."""
        both = [name for name in before if name in now]
        gone = [name for name in before if name not in now]
        new = [name for name in now if name not in before]
        renamed = _renamed({n: before[n][1] for n in gone}, {n: now[n][1] for n in new})
        return cls(
            len(before),
            len(now),
            tuple(name for name in both if before[name][1] != now[name][1]),
            tuple(name for name in gone if name not in renamed),
            tuple(name for name in new if name not in renamed.values()),
            renamed,
            {name: now[name][0] for name in both if before[name][0] != now[name][0]},
        )

    def of_content(self, thing: str) -> list[str]:
        """``12 of 60 label maps differ from those that the run began with, first a.png``."""
        verbs = "differs", "differ"
        return self._told(self.differ, thing, verbs, "from those that the run began with")

    def of_listing(self, thing: str) -> list[str]:
        """What came, went, or is called or divided otherwise: a sentence a kind."""
        since, than = "since the run began", "than when the run began"
        is_are, has_have = ("is", "are"), ("has", "have")
        return [
            *self._told(self.gone, thing, is_are, f"gone {since}"),
            *self._told(self.new, thing, is_are, f"new {since}", self.now),
            *self._told(self.renamed, thing, has_have, f"another name {than}"),
            *self._told(self.moved, thing, is_are, f"in another part {than}"),
        ]

    def _told(
        self,
        names: Sequence[str] | Mapping[str, str],
        thing: str,
        verbs: tuple[str, str],
        end: str,
        of: int | None = None,
    ) -> list[str]:
        if not names:
            return []
        first = next(iter(names))
        now = f", now {names[first]}" if isinstance(names, Mapping) else ""
        many = f"{len(names)} of {of or self.number} {thing} {verbs[len(names) > 1]}"
        return [f"{many} {end}, first {first}{now}"]


def _renamed(gone: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Old name -> new name, of files that hold the same; each name once."""
    there = defaultdict[str, list[str]](list)
    for name, digest in new.items():
        there[digest].append(name)
    return {name: there[digest].pop(0) for name, digest in gone.items() if there[digest]}


def told(images: Changes, labels: Changes) -> list[str]:
    """Of both; a pair that came or went is told of once."""
    maps = "label maps" if labels.number == images.number else "label files"
    listed = images.of_listing("images") or labels.of_listing(maps)
    return [*labels.of_content(maps), *images.of_content("images"), *listed]


def files(parts: Iterable[tuple[str, Mapping[str, str]]]) -> Files:
    """From (part, name -> digest)."""
    return {name: (part, digest) for part, known in parts for name, digest in known.items()}
