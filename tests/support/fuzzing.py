"""Damaged and hostile files for the readers of files: whatever they hold, a reader takes it or says
in one line why not, within seconds and a bound of memory."""

from __future__ import annotations

import copy
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from search_space.errors import UserError

SECONDS = 10
"""Of the processor: the machine may be busy."""
BYTES = 2 << 30
"""More than the process had before."""

# FUZZ=1000 looks longer, where somebody changes a reader.
EXAMPLES = settings(
    max_examples=int(os.environ.get("FUZZ", "30")),
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, 1, -1, 2, 255, 256, 65536, 10**9, 10**18, 10**30, 10**299, -(10**18),
        0.0, 0.5, -0.5, 1e9, 1e300, 1e-300, float("inf"), float("-inf"), float("nan"),
        "", "x", "../x", "/etc/passwd", "\x1b[2J", "\u202e", "\x00", "1e3", "x" * 5000, "0" * 400,
        [], [[]], {}, [None], [1, 2], [0, 0], [-1, 10**9], ["x"], {"x": 1}, {"": None}, [1.5, 1.5],
        [[1, 2, 3]], {"0": {}}, [10**9, 10**9], [[[[[[]]]]]],
    ]
)  # fmt: skip


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of all values in it, but for the whole."""
    inner = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in inner:
        yield (*path, key)
        yield from _places(value, (*path, key))


@st.composite
def changed(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with up to three of its values replaced, removed or doubled."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(tree))
        if not places:
            return draw(ODD)
        *path, last = draw(st.sampled_from(places))
        holder = tree
        for key in path:
            holder = holder[key]
        how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "double"]))
        if how == "replace":
            holder[last] = copy.deepcopy(draw(ODD))
        elif how == "remove":
            del holder[last]
        elif isinstance(holder, list):
            holder.insert(last, copy.deepcopy(holder[last]))
        else:
            holder[f"{last}x"] = copy.deepcopy(holder[last])
    return tree


@st.composite
def torn(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes cut off, or with some of them others."""
    if draw(st.booleans()):
        return data[: draw(st.integers(0, len(data)))]
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 8))):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


def files(tree: Any, text: Callable[[Any], str] = json.dumps) -> st.SearchStrategy[bytes]:
    """What may stand in the place of the file that ``text`` makes of the tree."""
    whole = text(tree).encode("utf-8")
    return st.one_of(
        changed(tree).map(lambda each: text(each).encode("utf-8", "surrogatepass")),
        changed(tree).map(lambda each: text(each).encode("utf-8", "surrogatepass")),
        torn(whole),
        st.sampled_from([b"", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 50_000, b"\0" * 99, b"null"]),
    )


def refused_or_read(read: Callable[[], Any]) -> None:
    """Call it, bounded: it returns, or raises a UserError."""
    with suppress(UserError), _bounded():
        read()


@contextmanager
def _bounded() -> Iterator[None]:
    """A MemoryError beyond BYTES, a TimeoutError after SECONDS."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before, limit = signal.signal(signal.SIGPROF, late), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_size() + BYTES, limit[1]))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limit)


def _size() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
