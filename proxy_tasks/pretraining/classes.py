"""Classes of whole images, as ImageNet's classifiers learn them.

Shapes: B images, C channels, H x W pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import build_classifier
from proxy_tasks.precision import autocast
from proxy_tasks.pretraining.goal import LOSS, Pretrained, own, seen
from proxy_tasks.processes import Group
from search_space.backbone import Backbone
from search_space.scales import Scale


class Classes:
    """Cross-entropy of SpineNet's classifier (arXiv 1912.05027, section 4): the backbone's
    endpoints, their means over the image, and a linear layer.

    Held out are the cross-entropy in nats, and the shares of images whose class is the first
    (``top1``), or among the first five (``top5``), that the network names. ``constant`` and
    ``constant_top1`` are those of the training images' class shares, said of every image: what
    knows nothing of an image comes to that.
    """

    figures = ("top1", "top5", "constant", "constant_top1")

    def __init__(
        self,
        backbone: Backbone,
        scale: Scale,
        intensities: Intensities,
        device: torch.device,
        classes: int,
        train: Sequence[int],
        val: Sequence[int],
    ) -> None:
        """``train`` and ``val``: the class of each image, by number below ``classes``."""
        self.network = cast(Pretrained, build_classifier(backbone, scale, classes))
        self._intensities = intensities
        self._train, self._val = (torch.tensor(each, device=device) for each in (train, val))
        shares_K = self._train.bincount(minlength=classes).double() / len(train)
        self._constant_K = shares_K.clamp(min=1e-12).log()

    def loss(self, x_BCHW: Tensor, index_B: Tensor) -> Tensor:
        """See Goal."""
        with autocast(x_BCHW.device, x_BCHW.shape[3]):
            logits_BK = self.network(x_BCHW)
        return F.cross_entropy(logits_BK.float(), self._train[index_B.to(self._train.device)])

    @torch.no_grad()
    def held_out(
        self, network: Pretrained, split: DeviceSplit, batch: int, group: Group
    ) -> Mapping[str, float]:
        """See Goal."""
        sums = torch.zeros(3, dtype=torch.float64, device=self._val.device)
        for numbers_B, x_BCHW in seen(split, own(split, group), batch, self._intensities):
            target_B = self._val[numbers_B.to(self._val.device)]
            logits_BK = network(x_BCHW)
            named_B5 = logits_BK.topk(min(5, logits_BK.shape[1])).indices
            right_B5 = named_B5 == target_B[:, None]
            loss = F.cross_entropy(logits_BK, target_B, reduction="sum")
            sums += torch.stack([loss, right_B5[:, 0].sum(), right_B5.sum()]).double()
        loss, first, five = (group.total(sums) / len(split)).tolist()
        usual = self._constant_K.argmax()
        return {
            LOSS: loss,
            "top1": first,
            "top5": five,
            "constant": -self._constant_K[self._val].mean().item(),
            "constant_top1": (self._val == usual).double().mean().item(),
        }
