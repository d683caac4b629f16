"""What a network makes of whole images, scored at the size of their labels.

B images, K classes, H x W pixels of the labels, h x w of the image as it is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from proxy_tasks.augment import normalise
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.labelling import Labeller
from proxy_tasks.metrics import confusion, iou, mean_iou
from proxy_tasks.networks import Segmenter
from proxy_tasks.networks.folding import folded
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.running import running
from proxy_tasks.sight import OWN
from proxy_tasks.soft_metrics import SoftCounts
from proxy_tasks.upsampling import BandedUpsampling
from proxy_tasks.views import Size, Views

_TINY = 1e-12
"""Added to means of probabilities before their logarithm."""


@dataclass(frozen=True)
class Evaluation:
    """``miou`` in [0, 1] over the classes that occur; ``loss`` in nats a pixel; None in
    ``class_iou`` for a class that neither occurs nor is predicted. ``soft_miou`` and
    ``balanced_loss``: see proxy_tasks.soft_metrics."""

    miou: float
    loss: float
    class_iou: tuple[float | None, ...]
    soft_miou: float
    balanced_loss: float


class Validation:
    """Adds up what networks find in images; void pixels count in nothing. In single precision,
    as networks are used: what is measured here is what is exported. In a group of processes each
    adds up what all have found."""

    def __init__(
        self,
        classes: int,
        device: torch.device,
        intensities: Intensities = NATURAL,
        window: Size | None = None,
    ) -> None:
        """``window``: that of the sight by which the images are seen."""
        self._classes, self._intensities, self._window = classes, intensities, window
        self._counts = torch.zeros((classes, classes), dtype=torch.int64, device=device)
        self._soft = SoftCounts(classes, device)

    @torch.no_grad()
    def add(
        self,
        network: Segmenter,
        split: DeviceSplit,
        batch_size: int,
        numbers: Sequence[int] | None = None,
        group: Group = ALONE,
    ) -> None:
        """``network`` in evaluation, its batch norms folded, on the images of these ``numbers``
        (None: all). Each process of a group takes its part of them. The network is left as it
        was."""
        network, counts = folded(network), torch.zeros_like(self._counts)
        soft = SoftCounts(self._classes, counts.device)
        own = (range(len(split)) if numbers is None else numbers)[group.rank :: group.size]
        for batch in split.alike(own, batch_size):
            images_BhwC = torch.stack([split.image(number) for number in batch])
            labels_BHW = torch.stack([split.labels(number) for number in batch])
            for logits_RKW, target_RW in self._bands(network, images_BhwC, labels_BHW):
                soft.add(logits_RKW, target_RW)
                # Of the same pixels as argmax, which is ten times slower along any but the last
                # axis.
                counts += confusion(logits_RKW.max(1).indices, target_RW, self._classes)
        soft.pool(group)
        self._counts += group.total(counts)
        self._soft.sums += soft.sums

    def state_dict(self) -> dict[str, Tensor]:
        """All that is known of the images so far."""
        return {"counts": self._counts, "soft": self._soft.sums}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """The inverse of state_dict."""
        self._counts.copy_(state["counts"])
        self._soft.sums.copy_(state["soft"])

    def result(self) -> Evaluation:
        """Of all images so far."""
        ious = iou(self._counts).tolist()
        return Evaluation(
            mean_iou(self._counts),
            self._soft.loss(),
            tuple(None if math.isnan(value) else value for value in ious),
            self._soft.mean_iou(),
            self._soft.balanced_loss(),
        )

    def _bands(
        self, network: Segmenter, images_BhwC: Tensor, labels_BHW: Tensor
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows of a batch at the labels' size, band by band: logits and targets, int64."""
        rows, columns = Views().grid((images_BhwC.shape[1], images_BhwC.shape[2]), self._window)
        if len(rows) * len(columns) > 1:
            for image_hwC, labels_HW in zip(images_BhwC, labels_BHW, strict=True):
                yield from self._through_windows(network, image_hwC, labels_HW)
            return
        low_BKhw = network.forward_low(normalise(images_BhwC, self._intensities))
        bands = BandedUpsampling(low_BKhw, labels_BHW.shape[1:])
        for band in bands:
            target = labels_BHW[band.images, band.rows].flatten(0, 1).long()
            yield bands.up(band).flatten(0, 1), target

    def _through_windows(
        self, network: Segmenter, image_hwC: Tensor, labels_HW: Tensor
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Of an image that is not seen at once, as what is exported sees it."""
        sight = replace(OWN, window=self._window)
        labeller = Labeller(running(network), sight, self._intensities)
        size = labels_HW.shape[0], labels_HW.shape[1]
        for rows, mean_KrW in labeller.bands(image_hwC.cpu().numpy(), size):
            mean_rKW = torch.from_numpy(mean_KrW).transpose(0, 1).to(labels_HW.device)
            yield mean_rKW.clamp(min=_TINY).log(), labels_HW[rows].long()
