"""Prints what failed: check and attribute -> the end of a traceback, empty where it held."""

from __future__ import annotations

import json
import traceback
from typing import Any

import torch

from search_space.architecture import ATTRIBUTES
from search_space.attributes import Attribute
from tests.support.attribute_checks import CHECKS, VALUES


def failure(name: str, attribute: Attribute, value: Any) -> str:
    try:
        CHECKS[name](attribute, value)
    except Exception:
        return traceback.format_exc(limit=-3)
    return ""


torch.set_num_threads(1)  # the networks are tiny
added = {each: VALUES[each.name] for each in ATTRIBUTES if each.name in VALUES}
found = {
    f"{name}: {each.name}": failure(name, each, value)
    for each, value in added.items()
    for name in CHECKS
}
print(json.dumps(found))
