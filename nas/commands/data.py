"""``nas data``: what can be trained on, what is wrong with it, and packing it beforehand.

``nas data check --json`` prints one object:

    name, classes
    splits        {"train": {...}, "val": {...}}, of each:
                  number   pairs of an image and a label map
                  sizes    [{"size": [height, width], "images": how many}], the most usual first
                  void     share of all pixels
                  classes  {name: {"share": of the labelled pixels, "images": that show it}}
    faults        [{"file", "what"}]: what has to be put right; the exit code is 1 then
    notes         [text]: what may be meant

Pairs with a fault are in none of the counts but ``number``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from proxy_tasks.datasets.catalogue import CATALOGUE, Entry

DEFAULT = "quickstart"
USAGE = "nas data check --set data.name=NAME --set data.root=DIR reads everything once."


def list_datasets(as_json: bool, console: Console) -> None:
    """Print every data set with the files and the options that it takes."""
    if as_json:
        listed = [{"name": name, **asdict(entry)} for name, entry in CATALOGUE.items()]
        console.file.write(json.dumps({"datasets": listed}, indent=2) + "\n")
        return
    for name, entry in CATALOGUE.items():
        _print_entry(name, entry, console)
    console.print(Text(USAGE, "dim"))


def check(source: str | None, as_json: bool, settings: Sequence[str], console: Console) -> None:
    """Read the config's data set once and print what is there and what is wrong.

    Raises:
        UserError: where there is no such data set.
        RunFailed: when something is wrong with it.
    """
    from nas import build
    from nas import config as configs
    from nas.data_report import as_dict, report
    from nas.failures import RunFailed
    from proxy_tasks.datasets.survey import survey

    config = configs.load(source or DEFAULT, settings)
    dataset = build.dataset(config, config.proxy.size, strict=False)
    with console.status(f"reading {dataset.name}") as status:
        found = survey(
            dataset, lambda done, total: status.update(f"reading {dataset.name}: {done} of {total}")
        )
    if as_json:
        console.file.write(json.dumps(as_dict(found), indent=2) + "\n")
    else:
        report(found, console)
    if found.faults:
        counted = "one thing is" if len(found.faults) == 1 else f"{len(found.faults)} things are"
        raise RunFailed(f"{dataset.name}: {counted} wrong")


def pack(source: str | None, settings: Sequence[str], console: Console) -> None:
    """Pack the config's data set at the sizes of its proxy and its promotion.

    Raises:
        UserError: for data that cannot be trained on, or a cache that cannot be written.
    """
    from nas import build
    from nas import config as configs

    config = configs.load(source or DEFAULT, settings)
    sections = {section.size: section for section in (config.promotion, config.proxy)}
    for section in reversed(sections.values()):
        path = build.packed(config, section, console)
        megabytes = sum(file.stat().st_size for file in path.iterdir()) / 1e6
        console.print(f"{path}  {megabytes:,.0f} MB", markup=False, highlight=False, soft_wrap=True)


def _print_entry(name: str, entry: Entry, console: Console) -> None:
    classes = f"  ({entry.classes} classes)" if entry.classes else ""
    console.print(Text.assemble((name, "bold"), f"  {entry.summary}", (classes, "dim")))
    for line in entry.layout:
        console.print(Text(f"   {line}"), soft_wrap=True)
    if entry.takes:
        options = ", ".join(f"data.{option}" for option in entry.takes)
        console.print(Text(f"   takes {options}", "dim"), soft_wrap=True)
