"""Every export carries it, or refuses the network in one line that names it."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

import results.export as package
from results.export import FORMATS, sources
from results.export.exporter import Exporter, exporter
from results.export.standalone import source
from results.export.subject import Subject
from search_space.architecture import Architecture
from search_space.attributes import Attribute
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.attribute_checks.common import CHANGED, PLAIN, changed, check

UNDILATED = replace(PLAIN, blocks=tuple(replace(block, dilation=1) for block in PLAIN.blocks))
"""What every format holds."""
LEFT_OUT = ("onnx", "torch-export", "diagram")
"""Of the first two a trace of the subject's network is all there is; views are checked beside."""
TEXTS = (".py", ".json", ".yaml")


def exporters() -> Iterator[Exporter]:
    """Every format's, newcomers too. What they wrote is not run again: that takes seconds, and
    other tests do it."""
    sources.read_module = cache(sources.read_module)  # the same few, once for all
    for name in FORMATS:
        known = vars(import_module(f"{package.__name__}.{FORMATS[name].place.partition('.')[0]}"))
        if "compare" in known:
            known["compare"] = lambda *_, **__: None
        if name not in LEFT_OUT:
            yield exporter(name)


def subject(backbone: Architecture) -> Subject:
    torch.manual_seed(0)
    scale = Scale(0.125, endpoint_filters=8, aspp_filters=8)
    return Subject(backbone, scale, ("a", "b"), (32, 48))


@cache
def written(format: Exporter, backbone: Architecture) -> dict[str, str]:
    """File -> its text without the canonical key, of those that people read."""
    with tempfile.TemporaryDirectory() as folder:
        format.export(subject(backbone), Path(folder))
        paths = sorted(path for path in Path(folder).rglob("*") if path.suffix in TEXTS)
        texts = {path.name: path.read_text("utf-8") for path in paths}
    key = canonical_key(backbone)  # the whole of it, or as much as tells two exports apart
    return {name: re.sub(f"{key}|{key[:8]}", "", text) for name, text in texts.items()}


@check
def exports_carry_or_refuse_it(attribute: Attribute, value: Any) -> None:
    for each in exporters():
        before = written(each, UNDILATED)
        try:
            after, refused = written(each, changed(attribute, value, of=UNDILATED)), ""
        except UserError as error:
            after, refused = {}, str(error)
        assert after != before, each.name
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
