"""Every export carries it, or refuses the network in one line that names it."""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

import results.export as package
from results.export import sources
from results.export.standalone import source
from results.export.subject import Subject, prepare
from search_space.architecture import Architecture
from search_space.attributes import Attribute
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.attribute_checks.common import CHANGED, PLAIN, changed, check

UNDILATED = replace(PLAIN, blocks=tuple(replace(block, dilation=1) for block in PLAIN.blocks))
"""What every format holds."""
GRAPHS = ("export_onnx", "export_torch_program")
"""Of these a trace of the subject's network is all there is."""
TEXTS = (".py", ".json", ".yaml")
Export = Callable[..., Any]


def exports() -> Iterator[tuple[str, Export]]:
    """Every function that writes a format, newcomers too. What they wrote is not run again: that
    takes seconds, and other tests do it."""
    sources.read_module = cache(sources.read_module)  # the same few, once for all
    for found in pkgutil.iter_modules(package.__path__):
        known = vars(import_module(f"{package.__name__}.{found.name}"))
        if "compare" in known:
            known["compare"] = lambda *_, **__: None
        for name, function in list(known.items()):
            if name.startswith("export_") and function.__module__ == known["__name__"]:
                yield name, function


def subject(backbone: Architecture) -> Subject:
    torch.manual_seed(0)
    scale = Scale(0.125, endpoint_filters=8, aspp_filters=8)
    return prepare(backbone, scale, ("a", "b"), (32, 48))


@cache
def written(export: Export, backbone: Architecture) -> dict[str, str]:
    """File -> its text without the canonical key, of those that people read."""
    given = {"subject": subject(backbone), "backbone": backbone, "provenance": {}}
    wanted = [given[name] for name in inspect.signature(export).parameters if name in given]
    with tempfile.TemporaryDirectory() as folder:
        export(*wanted, Path(folder))
        paths = sorted(path for path in Path(folder).rglob("*") if path.suffix in TEXTS)
        texts = {path.name: path.read_text("utf-8") for path in paths}
    key = canonical_key(backbone)  # the whole of it, or as much as tells two exports apart
    return {name: re.sub(f"{key}|{key[:8]}", "", text) for name, text in texts.items()}


@check
def exports_carry_or_refuse_it(attribute: Attribute, value: Any) -> None:
    for name, export in exports():
        if name not in GRAPHS:
            before = written(export, UNDILATED)
            try:
                after, refused = written(export, changed(attribute, value, of=UNDILATED)), ""
            except UserError as error:
                after, refused = {}, str(error)
            assert after != before, name
            assert f"holds no {attribute.name} but got {value}" in refused or after, refused


@check
def an_exported_file_has_all_that_it_needs_of_it(attribute: Attribute, value: Any) -> None:
    known = subject(changed(attribute, value))
    alone = sys.modules["alone"] = ModuleType("alone")
    alone.__file__ = "alone.py"
    exec(source(known.spec, trained=False), vars(alone))
    assert getattr(alone.ARCHITECTURE.all_blocks[CHANGED], attribute.name) == value
    network, x_1CHW = alone.build(), torch.randn(1, 3, 32, 48)
    network.load_state_dict(known.network.state_dict())
    with torch.no_grad():
        assert torch.equal(network.eval()(x_1CHW), known.network(x_1CHW))
