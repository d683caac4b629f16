"""``nas controllers``: what a config may name, read off the config's own types.

``--json`` prints one object, {"default": NAME, "controllers": [...]}, of each controller:

    name, summary
    options               {option: {default, description, ...}}: type and bounds of its values as
                          JSON Schema has them (type, minimum, exclusiveMinimum, items, ...)
"""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas.config.controller import DEFAULT
from nas.controllers import CONTROLLERS
from nas.settings.section import Section

USAGE = "nas search --set controller.name=NAME --set controller.OPTION=VALUE"
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
TYPES = {"object": "mapping", "string": "name"}


def controllers(as_json: bool, console: Console) -> None:
    """Print every controller with a line each, and its options with types and defaults."""
    listed = [_as_dict(name, section) for name, section in CONTROLLERS.items()]
    if as_json:
        values = {"default": DEFAULT, "controllers": listed}
        console.file.write(json.dumps(values, indent=2) + "\n")
        return
    for each in listed:
        default = ("  (the default)", "dim") if each["name"] == DEFAULT else ""
        console.print(Text.assemble((each["name"], "bold"), default, f"  {each['summary']}"))
        if each["options"]:
            console.print(_options_table(each["options"]))
    console.print(Text(USAGE, "dim"))


def _as_dict(name: str, section: type[Section]) -> dict[str, Any]:
    described = section.model_json_schema()
    options = described["properties"]
    del options["name"]
    for option in options.values():
        option.pop("title", None)
    summary = described["description"].partition("\n")[0]
    return {"name": name, "summary": summary, "options": options}


def _options_table(options: dict[str, dict[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=16, no_wrap=True)
    table.add_column(min_width=10, no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for name, option in options.items():
        kind = Text.assemble(option["description"], (f"  ({_kind(option)})", "dim"))
        table.add_row(f"   {name}", Text(_yaml(option["default"])), kind)
    return table


def _kind(option: dict[str, Any]) -> str:
    """What may be given: the type with its bounds, or what there is to choose from."""
    if option["type"] == "array":
        return f"list of {option.get('minItems', 0)} or more: {', '.join(option['items']['enum'])}"
    bounds = [f"{sign} {option[bound]:g}" for bound, sign in BOUNDS.items() if bound in option]
    return " ".join([TYPES.get(option["type"], option["type"]), ", ".join(bounds)]).strip()


def _yaml(value: Any) -> str:
    """As it would be written after --set."""
    return f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
