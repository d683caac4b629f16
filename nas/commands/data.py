"""``nas data``: list the data sets, check one, pack one beforehand.

``nas data check --json`` prints one object:

    name, classes
    splits        {"train": {...}, "val": {...}, "test": {...}}, of each:
                  number      pairs of an image and a label map
                  groups      scene folders they come from
                  sizes       [{"size": [height, width], "images": how many}], most usual first
                  void        share of all pixels
                  unlabelled  [names] of the images that are void throughout
                  classes     {name: {"share": of the labelled pixels, "pixels",
                              "images": that show it}}
    folded        true where train is validated on in folds
    channels      [{...}], values as shares of full brightness: mean, std, lowest, dark
                  (0.5 percentile), bright (99.5 percentile), highest
    depth, bits   bits a channel in the files, and how many of them are used
    thickness     {class: {...}}, of its structures in pixels: lower (quartile over the images),
                  middle (median), images (that show an edge of it); null where none does
    growth        thickness ~ short side ** slope: {"slope", "error" (standard), "pairs" (images and
                  classes)}; null where sizes hardly differ
    upright       true where some class stands higher or lower than the middle
    sided         true where some class stands left or right of the middle
    vertical      {class: {...}}, 0 top to 1 bottom: mean, error (standard), agree (share of the
                  images that have it on that side), images, aside (beyond doubt)
    horizontal    the same from left to right
    twins         [{"part", "name", "other_part", "other", "exact"}]: an image of one part that
                  stands in another too
    faults        [{"file", "what", "kind"}]: what has to be put right; the exit code is 1 then
    wrong         [text]: the same in a line for each kind, with what mends it
    notes         [text]: what may be meant

All but ``splits``, ``twins`` and what follows them is of the training images.
Pairs with a fault are in none of the counts but ``number``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from proxy_tasks.datasets.catalogue import CATALOGUE, Entry

DEFAULT = "quickstart"
USAGE = "nas data check --set data.name=NAME --set data.root=DIR reads everything once."


def list_datasets(as_json: bool, console: Console) -> None:
    """Print every data set with the files and the options that it takes."""
    if as_json:
        listed = [{"name": name, **_as_dict(entry)} for name, entry in CATALOGUE.items()]
        console.file.write(json.dumps({"datasets": listed}, indent=2) + "\n")
        return
    for name, entry in CATALOGUE.items():
        _print_entry(name, entry, console)
    console.print(Text(USAGE, "dim"))


def _as_dict(entry: Entry) -> dict[str, Any]:
    """What a person is told of it."""
    told = asdict(entry)
    del told["opens"]
    return told


def check(source: str | None, as_json: bool, settings: Sequence[str], console: Console) -> None:
    """Read the config's data set once and print what is there and what is wrong.

    Raises:
        UserError: where there is no such data set.
        RunFailed: when something is wrong with it.
    """
    from nas import config as configs
    from nas.parts import build
    from nas.terminal.reading import check_dataset

    config = configs.load(source or DEFAULT, settings)
    check_dataset(build.dataset(config, config.proxy.size, strict=False), as_json, console)


def pack(source: str | None, settings: Sequence[str], console: Console) -> None:
    """Pack the config's data set as its proxy and its promotion see it.

    Raises:
        UserError: for data that cannot be trained on, or a cache that cannot be written.
    """
    from nas import config as configs
    from nas.parts import build

    config = configs.load(source or DEFAULT, settings)
    sections = {section.sight: section for section in (config.promotion, config.proxy)}
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
