"""Where a search on an encoder begins: at the encoder alone, and beside it."""

from __future__ import annotations

import numpy as np
import pytest

from search_space import catalog
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.spine import SpineSpace

SPACE = SpineSpace("efficientnet-lite0")
ALONE = canonical_key(catalog.load("efficientnet-lite0"))


def test_alone_is_the_entry_of_the_catalogue() -> None:
    assert SPACE.key(SPACE.alone) == ALONE
    assert SpineSpace("efficientnet-lite0", blocks=0).alone == (0,)


def test_beside_it_the_head_reads_one_level_from_blocks() -> None:
    rng, found = np.random.default_rng(0), set()
    for _ in range(40):
        architecture = SPACE.decode(SPACE.beside_alone(rng))
        assert architecture.output_levels == SPACE.output_levels
        changed = [
            level
            for level, node in architecture.output_blocks.items()
            if node >= len(architecture.stem)
        ]
        assert len(changed) == 1
        found |= {changed[0]}
    assert found == {3, 4, 5}


@pytest.mark.parametrize("space", [SpineSpace("efficientnet-lite0", blocks=0), SPACE])
def test_it_is_another_network_where_there_is_one(space: SpineSpace) -> None:
    drawn = {space.key(space.beside_alone(np.random.default_rng(n))) for n in range(10)}
    assert (drawn == {ALONE}) == (space.blocks == 0)


def test_it_may_stand_on_another_encoder() -> None:
    beside = ("efficientnet-lite1", "efficientnet-lite2")
    space = SpineSpace("efficientnet-lite0", blocks=2, encoders=beside)
    rng = np.random.default_rng(0)
    assert space.decode(space.alone).encoder == "efficientnet-lite0"
    drawn = [space.decode(space.beside_alone(rng)) for _ in range(40)]
    assert {each.encoder for each in drawn} == {"efficientnet-lite0", *beside}
    assert all(not each.blocks for each in drawn if each.encoder != "efficientnet-lite0")
    told = {each: space.features(space.encode(catalog.load(each)))["encoder"] for each in beside}
    assert [list(each) for each in told.values()] == [[0, 1, 0], [0, 0, 1]]
    with pytest.raises(UserError, match="built on efficientnet-lite0 or efficientnet-lite1 or"):
        space.encode(catalog.load("resnet-50"))


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (("efficientnet-lite0",), "encoders must be others than encoder, each once"),
        (("efficientnet-lite1", "efficientnet-lite1"), "each once"),
        (("nothing",), "nothing"),
    ],
)
def test_encoders_beside_it_are_others(beside: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SpineSpace("efficientnet-lite0", encoders=beside)


def test_blocks_that_are_not_built_drift() -> None:
    """So that what is read from blocks after one mutation of the encoder alone may be anything."""
    rng = np.random.default_rng(0)
    mutants = [SPACE.decode(SPACE.mutate(SPACE.alone, rng)) for _ in range(60)]
    read = [
        (level, mutant.all_blocks[node].dilation, mutant.all_blocks[node].type)
        for mutant in mutants
        for level, node in mutant.output_blocks.items()
        if node >= len(mutant.stem)
    ]
    assert {level for level, _, _ in read} == {3, 4, 5}
    assert len(set(read)) > 8
    genotype = SPACE.sample(rng)
    for _ in range(20):
        drifted = SPACE._drifted(genotype, rng)
        assert SPACE.key(drifted) == SPACE.key(genotype)


def test_what_is_not_built_is_not_said() -> None:
    """Nor does it come back where an architecture has fewer blocks than the space."""
    rng = np.random.default_rng(0)
    for genotype in (SPACE.alone, *(SPACE.sample(rng) for _ in range(100))):
        architecture = SPACE.decode(genotype)
        whole = SPACE._whole(genotype)
        assert canonical_key(architecture) == canonical_key(whole)
        encoded = SPACE.encode(architecture)
        assert SPACE.decode(encoded) == architecture
        assert architecture.built == architecture
    assert SPACE.decode(SPACE.alone).blocks == ()
