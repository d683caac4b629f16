"""Export as a block-spec list for the SpineNet of the TensorFlow Model Garden."""

from __future__ import annotations

from pathlib import Path

from results.export.exporter import Exporter
from results.export.subject import Subject
from search_space import tf_vision
from search_space.architecture import Architecture
from search_space.errors import UserError
from search_space.scales import STEM_FILTERS, Scale

_FILE = "block_specs.py"


def _exporter(name: str, dilated: bool) -> Exporter:
    """``dilated``: the extended form, with each block's dilation as a fifth element."""

    def text(subject: Subject) -> str:
        if not isinstance(subject.backbone, Architecture):
            raise UserError("a ResNet has no block-spec list: choose a searched trial")
        return _note(subject.scale) + tf_vision.dumps(subject.backbone, dilated=dilated)

    def write(subject: Subject, stage: Path) -> None:
        (stage / _FILE).write_text(text(subject), encoding="utf-8")

    def refuse(subject: Subject) -> None:
        text(subject)

    return Exporter(
        name=name,
        files=(_FILE,),
        write=write,
        lines=lambda _: "from block_specs import BLOCK_SPECS",
        network=False,
        refuse=refuse,
    )


def _note(scale: Scale) -> str:
    """A comment where the list alone does not say how the network is built there."""
    if scale.first_filters == STEM_FILTERS:
        return ""
    return (
        f"# The first convolution of the exported network has {scale.first_filters} filters; the"
        f" Model Garden's has\n# {STEM_FILTERS} at every width, so the network built there is"
        " another one in its stem.\n"
    )


PLAIN = _exporter("tf-vision", dilated=False)
DILATED = _exporter("tf-vision-dilated", dilated=True)
