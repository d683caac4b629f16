"""What a network inherits, and what an order of trainings leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.inherited import Bank, read


def test_a_network_gets_what_fits_by_name_and_shape_and_of_the_last_that_had_it() -> None:
    bank = Bank()
    first, second = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), nn.Sequential(nn.Linear(2, 3))
    bank.keep(first)
    bank.keep(second)
    heir = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    own = heir[1].weight.detach().clone()
    assert bank.lend(heir) == pytest.approx(9 / (9 + 8))
    assert torch.equal(heir[0].weight, second[0].weight)
    assert torch.equal(heir[1].weight, own)


def test_what_is_lent_is_not_what_is_trained_afterwards() -> None:
    bank, network = Bank(), nn.Linear(2, 2)
    bank.keep(network)
    kept = network.weight.detach().clone()
    nn.init.zeros_(network.weight)
    bank.lend(network)
    assert torch.equal(network.weight, kept)


def test_a_table_is_read_by_its_epochs(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    assert read(path, 2) == {}
    path.write_text("epochs,order,place,key\n2,0,1,a\n3,0,1,a\n2,1,0,b\n")
    assert {order: list(rows) for order, rows in read(path, 2).items()} == {0: ["a"], 1: ["b"]}
