"""Networks to export whose weights a file has: our own, or torchvision's DeepLabv3 on a ResNet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nas.prediction.predictors import palette
from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets import voc
from proxy_tasks.fitting import fit
from proxy_tasks.networks import DeepLabV3, build_segmenter
from proxy_tasks.networks.torchvision import check_whole, classes_of
from proxy_tasks.weights_file import SUFFIX, WeightsFile
from results.build_options import BuildOptions
from results.export.subject import Subject
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.files import sha256


@dataclass(frozen=True)
class GivenWeights:
    """``--weights FILE``, and ``--class-names`` where the file does not have them; ``tell`` is
    called with a line on what was met."""

    file: Path | None = None
    class_names: tuple[str, ...] = ()
    tell: Callable[[str], None] = print

    def refuse(self, named: str) -> None:
        """UserError where there are weights for what has its own."""
        for option, value in (("weights", self.file), ("class-names", self.class_names)):
            if value:
                raise UserError(
                    f"--{option}: leave it out; {named} is exported with weights of its own"
                )

    def subject(self, backbone: Backbone, name: str, options: BuildOptions) -> Subject:
        """The network of that name with the weights of the file.

        Raises:
            UserError: for a file that cannot be read or is of another network, or other numbers of
                classes.
        """
        assert self.file is not None
        if self.file.suffix == SUFFIX:
            return self._ours(backbone, name, options)
        try:
            return self._torchvision(backbone, name, options)
        except UserError as error:
            where = f"{self.file}: "
            raise UserError(f"--weights: {where}{str(error).removeprefix(where)}") from None

    def _ours(self, backbone: Backbone, name: str, options: BuildOptions) -> Subject:
        assert self.file is not None
        found = of_weights(self.file)
        if found.backbone != backbone:
            raise UserError(
                f"--weights: {self.file}: the weights are of another network than {name}"
            )
        if options.given or self.class_names:
            given = (*options.given, *(["class-names"] if self.class_names else []))
            raise UserError(
                f"{', '.join(f'--{option}' for option in given)}: leave it out; {self.file} says it"
            )
        return replace(found, name=name)

    def _torchvision(self, backbone: Backbone, name: str, options: BuildOptions) -> Subject:
        assert self.file is not None
        file = WeightsFile.open(self.file)
        names = self._names(classes_of(file.tensors), options)
        fitted = options.fitted(name, backbone)
        with torch.device("meta"):
            network = build_segmenter(backbone, fitted.scale, len(names), fitted.size)
        assert isinstance(network, DeepLabV3)
        check_whole(network)
        found = fit(network, backbone, file)
        self.tell(found.told(file))
        if found.drawn:
            raise UserError(f"nothing there for {', '.join(found.drawn)}; it would label by chance")
        return Subject(
            backbone,
            fitted.scale,
            names,
            fitted.size,
            name,
            palette=palette(names),
            provenance=_provenance(self.file),
            state=found.met,
        )

    def _names(self, count: int, options: BuildOptions) -> tuple[str, ...]:
        """Of that many classes: torchvision's own weights with 21 are of Pascal VOC."""
        if "classes" in options.given and options.classes != count:
            raise UserError(f"of {count} classes, but --classes says {options.classes}")
        if len(self.class_names) not in (0, count):
            raise UserError(f"of {count} classes, but --class-names has {len(self.class_names)}")
        usual = voc.CLASSES if count == len(voc.CLASSES) else ()
        return self.class_names or usual or tuple(f"class {index}" for index in range(count))


NONE = GivenWeights()


def of_weights(file: Path) -> Subject:
    """A network by its weights alone, which say what it is. UserError where they do not."""
    weights = Weights.open(file)
    return Subject(
        weights.backbone,
        weights.scale,
        weights.classes,
        weights.size,
        file.stem,
        file,
        palette(weights.classes),
        provenance=_provenance(file),
    )


def _provenance(file: Path) -> dict[str, str]:
    return {"weights": file.name, "weights_sha256": sha256(file)}
