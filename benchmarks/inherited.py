"""Whether weights inherited from earlier trials make a short training tell more, or sooner.

    python -m benchmarks.inherited AUDIT --data ROOT --table TABLE [--epochs 2] [--orders 2]

The architectures of AUDIT, the folder of a finished ``nas audit``, are trained one after the other,
as a search would come upon them, in as many random orders. Each starts from the averaged weights of
those before it: every tensor from the last one that had one of that name and shape (so of the same
place, type and level), all else as the proxy starts, and all other things are the proxy's own. What
each came to is appended to TABLE, and an order that is there already is not trained again.

The agreement with the reference is that of proxy_signal; *order to order* stands where other
fidelities have their agreement between seeds, and *with its place* is Spearman's correlation of a
score with the place in the order: what the scores owe to that and not to the architectures.

Shapes: N architectures, S orders.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from benchmarks.audited import Array, Audit
from benchmarks.proxy_signal import agreement, seed_to_seed
from benchmarks.training_free import initial_network
from nas.config import Config
from nas.parts import build
from proxy_tasks.datasets.packed import PackedData, open_packed
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.recipe import Recipe
from proxy_tasks.task import METRIC_NAMES, METRICS
from proxy_tasks.training import Training
from proxy_tasks.validation import Validation
from results.audit import two_digits
from results.frontier import spearman
from results.trial import Trial
from search_space.errors import UserError

COLUMNS = ("epochs", "order", "place", "key", "inherited", *METRICS)


@dataclass
class Bank:
    """The weights of those trained so far, by name and shape: the last one's."""

    kept: dict[tuple[str, torch.Size], Tensor] = field(default_factory=dict)

    def lend(self, network: nn.Module) -> float:
        """Into the network; returns the share of its numbers that came from here."""
        state = network.state_dict()
        known = {n: t for n, t in state.items() if (n, t.shape) in self.kept}
        for name, tensor in known.items():
            tensor.copy_(self.kept[name, tensor.shape])
        return sum(t.numel() for t in known.values()) / sum(t.numel() for t in state.values())

    def keep(self, network: nn.Module) -> None:
        self.kept |= {(n, t.shape): t.clone() for n, t in network.state_dict().items()}


def trained(
    config: Config, data: PackedData, trial: Trial, bank: Bank, epochs: int
) -> dict[str, float]:
    """What the network came to after so many epochs; its weights are in the bank then."""
    device, classes = torch.device("cpu"), len(data.classes)
    network = initial_network(config, trial.backbone, classes)
    share = bank.lend(network)
    train, recipe = DeviceSplit(data.train, device), Recipe(**config.proxy.recipe.model_dump())
    chosen = range(max(1, round(len(train) * config.proxy.share)))
    training = Training(
        network,
        train,
        recipe,
        epochs,
        config.seed,
        config.proxy.size,
        images=config.proxy.images,
        chosen=chosen,
        intensities=data.intensities,
    )
    for _ in range(epochs):
        train_loss = training.run_epoch()
    validation = Validation(classes, device, data.intensities)
    validation.add(training.average.module, DeviceSplit(data.val, device), recipe.micro_batch)
    found = validation.result()
    bank.keep(training.average.module)
    scores = {str(metric): getattr(found, metric) for metric in METRICS if metric != "train_loss"}
    return {"inherited": share, "train_loss": train_loss, **scores}


def rows(
    found: Audit, data: PackedData, epochs: int, order: int, known: set[str]
) -> Iterator[dict[str, object]]:
    """Of one order. One that was broken off begins anew, as its bank is gone."""
    keys = [trial.key for trial in found.trials_N]
    if known == set(keys):
        return
    bank, places = Bank(), np.random.default_rng(order).permutation(len(keys))
    for place, index in enumerate(places):
        trial = found.trials_N[index]
        scores = trained(found.config, data, trial, bank, epochs)
        yield {"epochs": epochs, "order": order, "place": place, "key": trial.key, **scores}


def read(path: Path, epochs: int) -> dict[int, dict[str, dict[str, str]]]:
    """Order -> key -> row."""
    found: dict[int, dict[str, dict[str, str]]] = {}
    if path.exists():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                if int(row["epochs"]) == epochs:
                    found.setdefault(int(row["order"]), {})[row["key"]] = row
    return found


def train(found: Audit, root: Path, table: Path, epochs: int, orders: int) -> None:
    """Append what is missing to the table."""
    data = found.config.data.model_copy(update={"root": root})
    config = found.config.model_copy(update={"data": data})
    packed = open_packed(build.packed(config, config.proxy, Console(stderr=True)))
    fresh = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if fresh:
            writer.writeheader()
        for order in range(orders):
            known = set(read(table, epochs).get(order, {}))
            for row in rows(found, packed, epochs, order, known):
                writer.writerow(row)
                file.flush()
                print(f"order {order}: {row['place']}", flush=True)


def report(found: Audit, table: Path, epochs: int) -> Iterator[str]:
    """A row for each metric."""
    orders = list(read(table, epochs).values())
    keys = [trial.key for trial in found.trials_N]

    def column_SN(name: str) -> Array:
        return np.array([[float(order[key][name]) for key in keys] for order in orders])

    places_SN = column_SN("place")
    for metric, sign in METRICS.items():
        scores_SN = sign * column_SN(metric)
        alike = seed_to_seed(scores_SN)
        owed = np.mean([spearman(a, b) for a, b in zip(scores_SN, places_SN, strict=True)])
        tau = two_digits(agreement(scores_SN, found.reference_N))
        yield f"| {METRIC_NAMES[metric]} | {alike:.2f} | {owed:+.2f} | {tau} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inherited", description=__doc__)
    parser.add_argument("audit", type=Path, help="the folder of a finished audit")
    parser.add_argument("--data", type=Path, required=True, help="the folder of its images")
    parser.add_argument("--table", type=Path, required=True, help="CSV file of the scores")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--orders", type=int, default=2)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        found = Audit.read(given.audit)
    except UserError as error:
        parser.error(str(error))
    train(found, given.data, given.table, given.epochs, given.orders)
    print("| by | order to order | with its place | tau |\n|---|---:|---:|---:|")
    print("\n".join(report(found, given.table, given.epochs)))


if __name__ == "__main__":
    main()
