"""Proxy scores of a run as a compact table that can be read without the run.

    python -m benchmarks.proxy_scores RUN -o results/published/camvid-proxies.csv

The first lines, each after ``# ``, are YAML: the format, the seed, the data set, the space, how the
proxies were trained, and how many rows follow. Then one row per complete candidate; ``genotype``
holds the genes' values in the space's order. Losses are in nats, seconds are wall time.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from nas.config import Config, parse
from nas.parts import build
from nas.runs.directory import RunDirectory
from results.ledger import Ledger
from results.trial import Trial
from search_space import strict_yaml
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace, check

FORMAT = "spinenet-seg-proxies/1"
NUMBERS = ("miou", "loss", "train_loss", "macs", "parameters", "seconds")
COLUMNS = ("trial", "key", "genotype", *NUMBERS)


@dataclass(frozen=True)
class ProxyScores:
    """The rows of a table: ``frame`` has the columns COLUMNS, ``genotypes`` its third in ints."""

    config: Config
    space: SearchSpace
    genotypes: tuple[Genotype, ...]
    frame: pd.DataFrame


def render(config: Config, trials: Iterable[Trial]) -> str:
    """The table of the complete candidates among ``trials``, numbers to six digits."""
    rows = [_row(trial) for trial in trials if trial.score is not None and trial.genotype]
    header = yaml.safe_dump(
        _header(config, len(rows)), sort_keys=False, width=96, default_flow_style=None
    )
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return comment + str(frame.to_csv(index=False, lineterminator="\n"))


def load(path: Path | str) -> ProxyScores:
    """The table in a file.

    Raises:
        UserError: in one line, where it cannot be read or is not what ``render`` wrote.
    """
    try:
        lines = Path(path).read_text("utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    comment = [line[2:] for line in lines if line.startswith("# ")]
    config, rows = _config("".join(comment), str(path))
    space = build.space(config)
    frame = _frame("".join(lines[len(comment) :]), rows, str(path))
    genotypes = tuple(_genotype(row, space, str(path)) for row in frame.itertuples(index=False))
    return ProxyScores(config, space, genotypes, frame)


def _row(trial: Trial) -> dict[str, Any]:
    assert trial.genotype is not None  # a candidate has one
    numbers = {name: getattr(trial.measurement, name) for name in NUMBERS}
    return {
        "trial": trial.number,
        "key": trial.key,
        "genotype": " ".join(map(str, trial.genotype)),
        **{name: f"{v:.6g}" if isinstance(v, float) else v for name, v in numbers.items()},
    }


def _header(config: Config, rows: int) -> dict[str, Any]:
    """The folders of the data are left out: they are nobody else's."""
    values = yaml.safe_load(config.to_yaml())
    data = {name: v for name, v in values["data"].items() if name not in ("root", "cache")}
    sections = {"data": data, "space": values["space"], "proxy": values["proxy"]}
    return {"format": FORMAT, "rows": rows, "seed": config.seed, **sections}


def _config(comment: str, path: str) -> tuple[Config, int]:
    values = strict_yaml.parse(comment, path)
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise UserError(f"{path}: its first line must be `# format: {FORMAT}`")
    rows = values.pop("rows", None)
    return parse(values, path), rows if isinstance(rows, int) else -1


def _frame(text: str, rows: int, path: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(io.StringIO(text), dtype={"key": str, "genotype": str})
    except ValueError as error:  # pandas' own errors are ValueErrors
        raise UserError(f"{path}: is no table ({' '.join(str(error).split())})") from None
    if tuple(frame.columns) != COLUMNS:
        raise UserError(f"{path}: its columns must be {','.join(COLUMNS)}")
    if len(frame) != rows or not text.endswith("\n"):
        raise UserError(f"{path}: must have {rows} whole rows but got {len(frame)}: it was cut")
    for name in ("trial", *NUMBERS):
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if bad := np.flatnonzero(~np.isfinite(numbers)).tolist():
            trial, value = frame["trial"][bad[0]], frame[name][bad[0]]
            raise UserError(f"{path}: trial {trial}: {name} must be a finite number, not {value}")
    if frame["key"].duplicated().any():
        raise UserError(f"{path}: key {frame['key'][frame['key'].duplicated()].iloc[0]} is twice")
    return frame


def _genotype(row: Any, space: SearchSpace, path: str) -> Genotype:
    try:
        genotype = tuple(map(int, str(row.genotype).split()))
        check(space.genes, genotype)
    except ValueError as error:
        raise UserError(f"{path}: trial {row.trial}: {error}") from None
    if space.key(genotype) != row.key:
        raise UserError(f"{path}: trial {row.trial}: its genotype does not build {row.key}")
    return genotype


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    try:
        run = RunDirectory.open(given.run)
        with Ledger.open(run.ledger, read_only=True) as ledger:
            given.output.write_text(render(run.config(), ledger.trials()), "utf-8")
        print(f"{given.output}: {len(load(given.output).frame)} proxy scores")
    except UserError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
