"""Looks up what ``space.encoder`` names where that is no registered encoder: a backbone of our own.

It is an entry of the catalogue, an architecture file, a run, a promotion, an export, or a file of
weights of ours. A run keeps the description that is found and the file of the weights, so that it
is read again without either.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, replace
from pathlib import Path

from nas.config import Config
from nas.prediction import subjects
from nas.runs import promotion_records
from nas.runs.directory import RunDirectory
from proxy_tasks.checkpoint import Weights, intensities_of, scale_of
from proxy_tasks.intensities import Intensities
from proxy_tasks.weights_file import says_its_network
from search_space import architecture_file, catalog
from search_space.backbone import Backbone, bare
from search_space.backbone_encoder import BackboneEncoder
from search_space.encoder_file import to_value
from search_space.encoders import ENCODERS, EncoderSpec
from search_space.errors import UserError
from search_space.scales import Scale

KEY = "space.encoder"
OURS = ".safetensors"
ARCHITECTURE, CODE, EXPORTED = "architecture.yaml", "network.py", "weights.pt"
"""What exports call the spec, the code, and the weights that the code loads."""


USUAL = Scale()
"""Of a network of which nobody says how big it was built."""
OF_HEAD = ("endpoint_filters", "aspp_filters", "head", "head_separable", "channels")
"""What of a scale says nothing of a backbone."""


@dataclass(frozen=True)
class Known:
    """A backbone and how it was trained; ``intensities`` and ``weights`` None where there are no
    weights."""

    title: str
    backbone: Backbone
    scale: Scale = USUAL
    intensities: Intensities | None = None
    weights: Path | None = None

    @property
    def spec(self) -> BackboneEncoder:
        """UserError for a backbone that is no encoder."""
        seen = self.intensities
        mean, std = (seen.mean, seen.std) if seen else ((), ())
        of_head = {name: getattr(USUAL, name) for name in OF_HEAD}
        scale = replace(self.scale, **of_head)
        return BackboneEncoder(bare(self.backbone), scale, self.title, mean, std)


def described(config: Config) -> Config:
    """With the description of its encoder in the place of the name, and the file of its weights
    where nothing else names one.

    Raises:
        UserError: for what names nothing, or no encoder.
    """
    space = config.space
    if space.described:
        return config
    assert isinstance(space.encoder, str)
    try:
        spec, weights = look_up(space.encoder, space.encoder_weights)
        values = space.model_dump() | {
            "encoder": to_value(spec, architecture_file.to_dict),
            "encoder_weights": weights,
        }
        made = type(space).model_validate(values)
        made.whole()
    except UserError as error:
        raise UserError(f"{KEY}: {str(error).removeprefix('encoder: ')}") from None
    return config.model_copy(update={"space": made})


def look_up(named: str, weights: Path | None = None) -> tuple[EncoderSpec, Path | None]:
    """The encoder of that name or place, and the file of its weights: the one that is given, or
    the one that was found.

    Raises:
        UserError: for what is none.
    """
    known = _known(named)
    if weights is not None:
        known = _weighted(known, weights)
    return known.spec, known.weights


def _known(named: str) -> Known:
    path = Path(named).expanduser()
    if named in catalog.names():
        return Known(named, catalog.load(named))
    if path.is_dir():
        return _of_folder(path)
    if path.suffix == OURS:
        return _of_weights(path, _title(path))
    if path.is_file():
        return _of_spec(path)
    raise UserError(
        f"{named!r} is no encoder: write one of {', '.join(ENCODERS)}, a name of the catalogue, or"
        " the path of an architecture file, a run, a promotion, an export or weights of ours"
    )


def _weighted(known: Known, weights: Path) -> Known:
    """With the weights of another file, which may say more of the network."""
    file = weights.expanduser()
    if file.suffix != OURS or not file.is_file() or not says_its_network(file):
        return replace(known, weights=weights)
    found = _of_header(file, known.title)
    if bare(found.backbone) != bare(known.backbone):
        raise UserError(f"{weights}: the weights are of another backbone than {known.title}")
    return replace(found, weights=weights)


def _of_folder(folder: Path) -> Known:
    if RunDirectory(folder).config_file.is_file():
        return _of_run(RunDirectory.open(folder))
    if (found := _weights_in(folder)) is not None:
        return _of_weights(found, _title(found))
    if (folder / ARCHITECTURE).is_file():
        return _of_spec(folder / ARCHITECTURE)
    raise UserError(
        f"{folder}: holds no network of ours: give a run, a promotion, an export, or a folder with"
        f" {ARCHITECTURE} and the weights beside it"
    )


def _of_run(run: RunDirectory) -> Known:
    """Its best network."""
    (best,) = subjects.of_run(run, subjects.BEST)
    title = f"{run.name}/{best.name}"
    if best.weights is not None:
        return _of_weights(best.weights, title)
    return Known(title, best.backbone, best.scale)


def _of_spec(file: Path) -> Known:
    spec = architecture_file.load(file)
    found = _weights_in(file.parent)
    if found is None:
        return Known(file.stem, spec)
    known = _of_weights(found, _title(file))
    if known.backbone != spec:  # other weights lie beside it by chance
        return Known(file.stem, spec)
    return known


def _of_weights(file: Path, title: str) -> Known:
    if not file.is_file():
        raise UserError(f"{file}: no such file")
    promotion_records.check_beside(file)
    if file.suffix == OURS and says_its_network(file):
        return _of_header(file, title)
    config, spec = file.with_name("config.json"), file.with_name(ARCHITECTURE)
    if file.suffix == OURS and config.is_file():
        return _of_config(config, file, title)
    if not spec.is_file():
        raise UserError(f"{file}: does not say what network it is of, and no {spec.name} beside it")
    scale, intensities = _of_code(file.with_name(CODE))
    return Known(title, architecture_file.load(spec), scale, intensities, file)


def _of_header(file: Path, title: str) -> Known:
    kept = Weights.open(file)
    return Known(title, kept.backbone, kept.scale, kept.intensities, file)


def _of_config(config: Path, file: Path, title: str) -> Known:
    """Of a huggingface export."""
    try:
        said = json.loads(config.read_text("utf-8"))
        backbone, scale = architecture_file.from_dict(said["backbone"]), scale_of(said["scale"])
        top = said.get("image_top") or 255
        seen = {"mean": said["image_mean"], "std": said["image_std"], "top": top}
        return Known(title, backbone, scale, intensities_of(seen), file)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{config}: does not say what its weights are of ({error})") from None


def _of_code(code: Path) -> tuple[Scale, Intensities | None]:
    """The scale and the intensities of a python export, of which nothing is run; those that are
    usual where there is no such file."""
    if not code.is_file():
        return USUAL, None
    try:
        made = {
            target.id: {str(each.arg): ast.literal_eval(each.value) for each in node.value.keywords}
            for node in ast.parse(code.read_text("utf-8")).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in ("SCALE", "INTENSITIES")
        }
        return scale_of(made["SCALE"]), Intensities.from_dict(made["INTENSITIES"])
    except (OSError, SyntaxError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{code}: not as it was exported ({error})") from None


def _weights_in(folder: Path) -> Path | None:
    """The file of weights in a folder of one network; None where there is none."""
    names = (f"best{OURS}", f"model{OURS}", EXPORTED)
    there = [folder / name for name in names if (folder / name).is_file()]
    others = sorted(folder.glob(f"*{OURS}"))
    if there or len(others) < 2:
        return next(iter([*there, *others]), None)
    raise UserError(f"{folder}: holds {len(others)} files of weights: name one of them")


def _title(path: Path) -> str:
    """The folder that it lies in, or the file where that has no name of its own."""
    return path.resolve().parent.name or path.stem
