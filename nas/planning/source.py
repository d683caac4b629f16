"""What DATA is: a folder in any layout that is read, or a YAML file with a ``data`` section."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas import config as configs
from nas.config import Config
from nas.parts import build
from nas.planning.decision import Decision
from nas.planning.learning import validation
from proxy_tasks.datasets import Dataset
from proxy_tasks.datasets.annotations import detect
from proxy_tasks.datasets.catalogue import CATALOGUE
from proxy_tasks.datasets.colours import propose_values
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.folder import laid_out
from search_space.errors import UserError
from search_space.files import at_home

PUBLISHED = {"cityscapes": ("leftImg8bit", "gtFine"), "camvid": ("trainannot", "valannot")}
"""Folders by which a published data set is recognised."""


@dataclass(frozen=True)
class Source:
    """``config`` has the complete data section; ``dataset`` is opened with it. ``validation`` says
    on which images networks are chosen, in ``folds`` if those are above 1."""

    config: Config
    dataset: Dataset
    validation: Decision

    @property
    def folds(self) -> int:
        split = self.config.data.split
        return (split and split.folds) or 1


def values_of(data: str) -> dict[str, Any]:
    """What a folder or a file says of a config.

    Raises:
        UserError: where it is neither.
    """
    path = at_home(Path(data))
    if not path.exists() and data not in {*configs.presets(), *CATALOGUE}:
        raise UserError(
            f"{data}: no such folder or file; give the folder of your images, or a YAML file with a"
            " data section"
        )
    if not path.is_dir():
        configs.refuse_demonstration(data)
        return configs.raw(data)
    found = detect(path)
    named = [
        name
        for name, folders in PUBLISHED.items()
        if all((path / folder).is_dir() for folder in folders)
    ]
    told = {"name": found or (named[0] if named else "folder"), "root": str(path)}
    return {"data": told | _colours(path) if told["name"] == "folder" else told}


def _colours(root: Path) -> dict[str, Any]:
    """The value map, if a file beside the label maps has one that agrees with them."""
    if (root / "classes.txt").exists():
        return {}
    with suppress(UserError):
        proposal = propose_values(root, laid_out(root).everything)
        if proposal and proposal.sure:
            return {"values": dict(proposal.values)}
    return {}


def opened(config: Config) -> Source:
    """The data set of a config, with a rule for its validation images where there is none yet.

    Raises:
        UserError: for data that cannot be read.
    """
    dataset, ruled = _divided(config)
    _refuse_empty(dataset)
    if not ruled:
        decided = validation(dataset, given=True)
        return Source(config, dataset, decided)
    decided = validation(dataset, given=False)
    rule = {name.rpartition(".")[2]: value for name, value in decided.values.items()}
    config = _split(config, **{"share": None, "folds": None} | rule)
    if rule.get("folds") != 2:
        dataset = build.dataset(config, config.proxy.size, strict=False)
    return Source(config, dataset, decided)


def _refuse_empty(dataset: Dataset) -> None:
    """UserError where there are too few images; it says what is missing, if that is known."""
    if (number := dataset.count("train")) >= 2:
        return
    if isinstance(dataset, FileDataset):
        dataset.refuse_faults()
    raise UserError(
        f"{dataset.name}: {number} {'image has' if number == 1 else 'images have'} labels to train"
        " on; at least two are needed"
    )


def _divided(config: Config) -> tuple[Dataset, bool]:
    """The data set, and whether it was divided into folds because nothing says how to divide it."""
    size = config.proxy.size
    split = config.data.split
    if split and (split.val or split.share or split.folds):
        return build.dataset(config, size, strict=False), False
    whole = _split(config, folds=2)
    try:
        dataset = build.dataset(config, size, strict=False)
        if dataset.count("val"):
            return dataset, False
    except UserError as error:
        try:
            return build.dataset(whole, size, strict=False), True
        except UserError as second:
            raise (second if "data.split" in str(error) else error) from None
    return build.dataset(whole, size, strict=False), True


def _split(config: Config, **rule: Any) -> Config:
    """With parts of the rule changed."""
    known = config.data.split.model_dump() if config.data.split else {}
    data = config.data.model_copy(
        update={"split": configs.SplitConfig.model_validate(known | rule)}
    )
    return config.model_copy(update={"data": data})
