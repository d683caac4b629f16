"""Export as a block-spec list for the SpineNet of the TensorFlow Model Garden."""

from __future__ import annotations

from pathlib import Path

from search_space import tf_vision
from search_space.architecture import Architecture
from search_space.backbone import Backbone
from search_space.errors import UserError


def export_block_specs(backbone: Backbone, folder: Path, *, dilated: bool = False) -> Path:
    """Write ``folder/block_specs.py``, making the folder, and return its path.

    ``dilated`` writes the extended form, with each block's dilation as a fifth element.

    Raises:
        UserError: for a ResNet, and for what the list cannot hold.
    """
    if not isinstance(backbone, Architecture):
        raise UserError("a ResNet has no block-spec list: choose a searched trial")
    text = tf_vision.dumps(backbone, dilated=dilated)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "block_specs.py"
    path.write_text(text, encoding="utf-8")
    return path
