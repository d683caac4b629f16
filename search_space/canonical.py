"""The canonical key: the same for two specs if and only if they build the same network.

A hash of what each block reads (a Merkle hash) is not enough: two identical twins with a reader
each and one twin with both readers would hash alike. So it is a hash of the canonical form.
"""

from __future__ import annotations

from hashlib import sha256

from search_space.architecture import stated_of_network
from search_space.backbone import Backbone
from search_space.canonical_form import canonical_form
from search_space.resnet import DilatedResNet
from search_space.scales import DEEPLABV3


def canonical_key(backbone: Backbone) -> str:
    """16 hex digits. The order of blocks and of parents, and blocks never built, do not count."""
    if isinstance(backbone, DilatedResNet):
        head = () if backbone.head == DEEPLABV3 else (backbone.head,)
        words = (*backbone.stages, backbone.output_stride, *head)
        text = "dilated-resnet/1 " + " ".join(map(str, words))
    else:
        form = f"spinenet-seg/2 {backbone.encoder}" if backbone.encoder else "spinenet-seg/1"
        later = [f" {name}={value}" for name, value in stated_of_network(backbone).items()]
        text = f"{form} {canonical_form(backbone).certificate}{''.join(later)}"
    return sha256(text.encode()).hexdigest()[:16]
