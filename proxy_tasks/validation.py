"""What a network makes of whole images, scored at the size of their labels.

B images, K classes, H x W pixels of the labels, h x w of the image as it is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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
from proxy_tasks.objectives import Validated, kept
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
    """``figures``: what networks came to by each objective that is known after a validation;
    ``class_iou`` in [0, 1], None for a class that neither occurs nor is predicted."""

    figures: Mapping[str, float]
    class_iou: tuple[float | None, ...] = ()

    @property
    def miou(self) -> float:
        """In [0, 1], over the classes that occur."""
        return self.figures["miou"]

    @property
    def loss(self) -> float:
        """In nats a pixel."""
        return self.figures["loss"]


class Validation:
    """Adds up what networks find in images; void pixels count in nothing. In single precision,
    as networks are used: what is measured here is what is exported. In a group of processes each
    adds up what all have found.

    Attributes:
        confusion: pixels by (target class, predicted class), int64 of shape (K, K).
        soft: what the probabilities say.
    """

    def __init__(
        self,
        classes: int,
        device: torch.device,
        intensities: Intensities = NATURAL,
        window: Size | None = None,
    ) -> None:
        """``window``: that of the sight by which the images are seen."""
        self._classes, self._intensities, self._window = classes, intensities, window
        self.confusion = torch.zeros((classes, classes), dtype=torch.int64, device=device)
        self.soft = SoftCounts(classes, device)

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
        network, counts = folded(network), torch.zeros_like(self.confusion)
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
        self.confusion += group.total(counts)
        self.soft.sums += soft.sums

    def state_dict(self) -> dict[str, Tensor]:
        """All that is known of the images so far."""
        return {"counts": self.confusion, "soft": self.soft.sums}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """The inverse of state_dict."""
        self.confusion.copy_(state["counts"])
        self.soft.sums.copy_(state["soft"])

    def result(self) -> Evaluation:
        """Of all images so far."""
        ious = iou(self.confusion).tolist()
        return Evaluation(
            {name: source.of(self) for name, source in kept(Validated)},
            tuple(None if math.isnan(value) else value for value in ious),
        )

    def mean_iou(self) -> float:
        """In [0, 1], over the classes that occur."""
        return mean_iou(self.confusion)

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
