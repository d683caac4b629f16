"""Whether the data of a run are those that it began with, and what is packed of them is whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nas.config import Config, TrainingConfig
from nas.parts import build
from nas.runs import data_identity
from nas.runs.data_identity import Identity
from nas.runs.directory import RunDirectory
from nas.runs.wholeness import Look, Part, faults
from proxy_tasks.datasets import Dataset
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.packed import damaged, is_whole
from proxy_tasks.datasets.packing import place
from search_space.errors import UserError


class Data:
    """Of a run under its config. Every file is read, whatever is remembered of it in the cache."""

    def __init__(self, run: RunDirectory, config: Config) -> None:
        self._run, self._config = run, config
        self._opened: dict[tuple[int, int], Dataset] = {}

    def parts(self) -> Iterator[Part]:
        """The data, then their packs, which only the data name."""
        data = self._data()
        yield data
        yield Part("packs", None) if data.faults else self._packs()

    def _data(self) -> Part:
        root = self._config.data.root
        where: Path = self._run.path if root is None else root
        found: list[Identity] = []
        wrong = faults([(where, partial(self._compare, found))], "put it back")
        if not found:
            return Part("data", None, wrong)
        images = sum(len(part.images) for part in found[0].parts.values())
        seen = f"{images} images" if images else found[0].name
        if not self._run.data_file.is_file():
            seen += ", nothing to compare them with: the run did not keep what it began with"
        return Part("data", seen, wrong)

    def _compare(self, found: list[Identity]) -> None:
        """UserError for others than the run began with."""
        data_identity.refuse_missing(self._config)
        labelled = self._dataset(self._config.proxy)
        found.append(data_identity.of_dataset(self._config, labelled, remembered=False))
        data_identity.refuse(self._run, found[0], self._config)

    def _packs(self) -> Part:
        sections = (self._config.proxy, self._config.promotion)
        try:
            cache = build.cache_of(self._config)
        except UserError:  # a home that is not known has none
            return Part("packs", None)
        packs = dict.fromkeys(
            place(build.training_data(self._config, each, self._dataset(each)), each.sight, cache)
            for each in sections
        )
        there = [path for path in packs if path.is_dir()]
        looks: list[Look] = [(path, partial(_check, path)) for path in there]
        size = sum(file.stat().st_size for path in there for file in path.iterdir())
        seen = f"{len(there)} of {len(packs)} are in the cache, {size / 1e6:,.0f} MB"
        return Part("packs", seen, faults(looks))

    def _dataset(self, training: TrainingConfig) -> Dataset:
        """Drawn ones are of one size each; files are hashed once."""
        for known in self._opened.values():
            if isinstance(known, FileDataset):
                return known
        size = training.size
        if size not in self._opened:
            self._opened[size] = build.dataset(self._config, size, remember=False)
        return self._opened[size]


def _check(pack: Path) -> None:
    mend = "the next search or promotion packs the data again; the folder may be removed"
    if not is_whole(pack):
        raise UserError(f"{pack}: files are missing or cut off; {mend}")
    if bad := damaged(pack):
        raise UserError(f"{pack}: {', '.join(bad)} not as packed; {mend}")
