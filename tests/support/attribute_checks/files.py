"""The canonical key tells it, files and ledgers keep it, and what was before stays."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from results.ledger import Ledger
from search_space import architecture_file
from search_space.attributes import Attribute
from search_space.canonical import canonical_key
from tests import test_frozen_networks as frozen
from tests.support.attribute_checks.common import BLOCKS, CHANGED, PLAIN, changed, check, refusal


@check
def networks_without_it_stay(attribute: Attribute, value: Any) -> None:
    for name in frozen.SPACES:
        frozen.test_what_is_said_of_a_network_stays(name)
    frozen.test_frozen_files_and_ledgers_load()


@check
def a_wrong_value_is_refused(attribute: Attribute, value: Any) -> None:
    said = refusal(changed, attribute, -1)
    assert said.startswith(f"block {CHANGED}: {attribute.name} must be "), said


@check
def the_key_tells_it(attribute: Attribute, value: Any) -> None:
    networks = [PLAIN, *(changed(attribute, value, index) for index in BLOCKS)]
    assert len({canonical_key(network) for network in networks}) == len(networks)


@check
def the_file_keeps_it(attribute: Attribute, value: Any) -> None:
    assert attribute.name not in architecture_file.dumps(PLAIN)
    for index in BLOCKS:
        network = changed(attribute, value, index)
        text = architecture_file.dumps(network)
        assert text.count(f"{attribute.name}: ") == 1
        assert architecture_file.loads(text).backbone == network


@check
def the_file_is_strict(attribute: Attribute, value: Any) -> None:
    values = architecture_file.to_dict(PLAIN)
    values["blocks"][0][attribute.name] = []
    said = refusal(architecture_file.from_dict, values)
    assert said.startswith(f"block {CHANGED}: {attribute.name} must be "), said
    del values["blocks"][0][attribute.name]
    values["blocks"][0][f"{attribute.name}x"] = value
    said = refusal(architecture_file.from_dict, values)
    assert attribute.name in said.partition("write one of ")[2].split(", ")


@check
def the_ledger_keeps_it(attribute: Attribute, value: Any) -> None:
    networks = [PLAIN, *(changed(attribute, value, index) for index in BLOCKS)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.journal"
        with Ledger.create(path, "run", (), {}) as ledger:
            for number, network in enumerate(networks):
                ledger.start(str(number), "candidate", network, "key", None)
        trials = Ledger.open(path, read_only=True).trials()
    assert [trial.backbone for trial in trials] == networks
