"""``nas search --from``: the networks that a search begins with, kept in the run's ``start/``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from nas.runs import ledgers, selection
from nas.runs.directory import RunDirectory
from search_space import architecture_file, catalog
from search_space.architecture import Architecture, Block
from search_space.architecture_file import LoadedSpec
from search_space.constrained import ConstrainedSpace
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace

Settled = Callable[[Block], Block]
TOP = 10
"""Candidates of another run that a search begins with: its best."""


def gather(
    sources: Sequence[str], space: SearchSpace, settled: Settled, console: Console
) -> list[LoadedSpec]:
    """What to begin with: the best of a run, the architecture files of a folder, a file, an entry
    of the catalogue. What lies beyond the constraints is left out, with a line that says so.

    Args:
        settled: brings a block to the dilations that the space has at its level.

    Raises:
        UserError: for a source that cannot be read, an architecture outside of the space, or
            when nothing is left.
    """
    read = [named for source in sources for named in _read(source)]
    found = [(name, _inside(name, spec, settled, console)) for name, spec in read]
    kept = [spec for name, spec in found if _allowed(name, spec, space, console)]
    if sources and not kept:
        raise UserError(f"--from {' '.join(sources)}: no network is left to start from")
    return kept


def genotypes(run: RunDirectory, space: SearchSpace) -> list[Genotype]:
    """What a run began with, in its order."""
    return [space.encode(architecture_file.load(path)) for path in run.starts()]


def _read(source: str) -> Iterable[tuple[str, LoadedSpec]]:
    """(name, spec) of each network that a source means."""
    folder = Path(source)
    if not folder.is_dir():
        return [(source, catalog.find(source))]
    if (folder / "config.yaml").exists():
        return _best_of(RunDirectory.open(folder))
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise UserError(f"--from {source}: is neither a run nor a folder of architecture files")
    return [(str(path), architecture_file.load_spec(path)) for path in files]


def _best_of(run: RunDirectory) -> Iterable[tuple[str, LoadedSpec]]:
    trials = ledgers.trials(run)
    if not trials:
        raise UserError(f"--from {run.path}: the run has no candidates yet")
    for trial in selection.top(trials, TOP):
        scores = {"proxy_miou": trial.miou}
        provenance = {"run": run.path.name, "trial": trial.number, "scores": scores}
        yield f"{run.path}: {trial.name}", LoadedSpec(trial.backbone, provenance)


def _inside(name: str, spec: LoadedSpec, settled: Settled, console: Console) -> LoadedSpec:
    """With a living dilation and level in place of each that is dead at the crops of this search,
    and then without the scores of the network that it was."""
    backbone = spec.backbone
    if not isinstance(backbone, Architecture):
        return spec
    blocks = tuple(map(settled, backbone.blocks))
    if blocks == backbone.blocks:
        return spec
    count = sum(a != b for a, b in zip(blocks, backbone.blocks, strict=True))
    console.print(
        f"{name}: smaller dilations or levels in {count} of {len(blocks)} blocks, as theirs read"
        " nothing but padding in crops of this search",
        markup=False,
        highlight=False,
    )
    provenance = {key: value for key, value in spec.provenance.items() if key != "scores"}
    return LoadedSpec(replace(backbone, blocks=blocks), provenance)


def _allowed(name: str, spec: LoadedSpec, space: SearchSpace, console: Console) -> bool:
    if not isinstance(spec.backbone, Architecture):
        raise UserError(f"--from {name}: is a ResNet; only searched backbones can be candidates")
    try:
        genotype = space.encode(spec.backbone)
    except UserError as error:
        raise UserError(f"--from {name}: {error}") from None
    if isinstance(space, ConstrainedSpace) and (beyond := space.beyond(genotype)):
        console.print(f"left out {name}: {beyond}", markup=False, highlight=False)
        return False
    return True
