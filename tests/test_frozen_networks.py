"""Random networks of three spaces, frozen: what is said of them stays.

Runs that exist hang on keys, genes, genotypes, files, ledgers, features, costs and seeded
variation. The fixtures are what ``said`` gave when attributes of a block were not yet declared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState, create_trial

from results import record
from results.text_diagram import text_diagram
from search_space import architecture_file, tf_vision
from search_space.cost import cost
from search_space.errors import UserError
from search_space.genes import Genotype
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import CLASSIFIER, SCALES

FIXTURES = Path(__file__).parent / "fixtures" / "networks"
SPACES = {
    "default": ScalePermutedSpace(),
    "plain": ScalePermutedSpace(((2, 2), (3, 1), (7, 1)), (2, 3, 5), dilations=(1,)),
    "wide": ScalePermutedSpace(((2, 1), (5, 2)), (3, 4, 5, 6, 7), max_level=7, dilations=(1, 3, 8)),
}
NETWORKS, CHANGES = 4, 12
SCALED = {
    "S49": SCALES["S49"],
    "S143+": SCALES["S143+"],
    "49S": replace(SCALES["S49-"], head=CLASSIFIER),
}
"""As they were when stems were always scaled."""


def said(space: ScalePermutedSpace) -> dict[str, Any]:
    """Plain data, but for numbers to the last bit."""
    rng = np.random.default_rng(0)
    genotypes = [space.sample(rng) for _ in range(NETWORKS)]
    return {
        "genes": [[gene.name, gene.radix] for gene in space.genes],
        "networks": [of_network(space, genotype) for genotype in genotypes],
        "mutants": mutants(space, genotypes[0]),
        "mixtures": [space.cross(a, b, rng) for a in genotypes for b in genotypes],
    }


def of_network(space: ScalePermutedSpace, genotype: Genotype) -> dict[str, Any]:
    architecture = space.decode(genotype)
    return {
        "genotype": genotype,
        "encoded": space.encode(architecture),
        "key": space.key(genotype),
        "file": architecture_file.dumps(architecture),
        "ledger": record.started("name", "candidate", architecture, "key", genotype, 0)["spec"],
        "list": block_list(architecture),
        "features": {name: list(each) for name, each in space.features(genotype).items()},
        "cost": {name: costs(architecture, name) for name in SCALED},
        "diagram": text_diagram(architecture, 200).plain,
    }


def mutants(space: ScalePermutedSpace, genotype: Genotype) -> list[Genotype]:
    rng, chain = np.random.default_rng(1), [genotype]
    for _ in range(CHANGES):
        chain.append(space.mutate(chain[-1], rng))
    return chain


def block_list(architecture: Any) -> str:
    try:
        return tf_vision.dumps(architecture, dilated=True)
    except UserError as error:
        return str(error)


def costs(architecture: Any, scale: str) -> dict[str, Any]:
    found = cost(architecture, SCALED[scale], 19, (512, 1024))
    return {**asdict(found), "training": [found.training_bytes(batch) for batch in (1, 16)]}


@pytest.mark.parametrize("name", SPACES)
def test_what_is_said_of_a_network_stays(name: str) -> None:
    frozen = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    found = json.loads(json.dumps(said(SPACES[name])))
    for ours, theirs in zip(found["networks"], frozen["networks"], strict=True):
        told, known = ours.pop("features"), theirs.pop("features")
        assert list(told) == list(known)
        for group, values in known.items():  # another CPU may round a logarithm otherwise
            assert told[group] == pytest.approx(values, rel=1e-14, abs=0), group
    assert found == frozen


def test_frozen_files_and_ledgers_load() -> None:
    for name, space in SPACES.items():
        frozen = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
        for network in frozen["networks"]:
            architecture = space.decode(tuple(network["genotype"]))
            assert architecture_file.loads(network["file"]).backbone == architecture
            kept = {"name": "", "kind": "candidate", "key": "", "spec": network["ledger"]}
            trial = create_trial(state=TrialState.RUNNING, user_attrs=kept)
            assert record.read(trial, ()).backbone == architecture
