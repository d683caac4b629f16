"""Holds the analytic cost against built networks, and times it.

    python -m benchmarks.cost [--networks 1000] [--steps 60] [--seed 0]

Parameters and multiply-accumulates must be equal to what PyTorch counts, and the memory of a
training step within 15 % of what is measured, else the exit code is 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from time import process_time

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from proxy_tasks.loss import upsampled_cross_entropy
from proxy_tasks.networks import build, channels_last
from proxy_tasks.networks.classifier import Classifier
from search_space import catalog
from search_space.backbone import Backbone
from search_space.cost import cost
from search_space.genes import sample
from search_space.offers import as_choices
from search_space.resnet import DilatedResNet
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import HEADS, SCALES, Scale
from tests.oracles import counted
from tests.oracles.allocated import peak_allocated

TOLERANCE = 0.15
"""Of the memory of a training step."""
AUXILIARY_WEIGHT = 0.4
EVERY_CHOICE = as_choices(
    {
        "width": (0.5, 1.0, 2.0),
        "repeats": (1, 2),
        "separable": (False, True),
        "head": ("scale", "fpn", "deeplabv3"),
        "head_width": (0.25, 1.0, 1.5),
        "head_separable": (False, True),
        "zoom": (0.5, 0.625, 0.75, 0.875, 1.0),
    }
)
"""Of attributes that a space may leave at their default."""
SPACES = (
    ScalePermutedSpace(),
    ScalePermutedSpace(output_levels=(2, 3, 4, 5, 6, 7)),
    ScalePermutedSpace(stages=((2, 2), (3, 1)), output_levels=(3, 7), dilations=(1,)),
    ScalePermutedSpace(stages=((2, 1), (3, 2), (4, 2)), output_levels=(4,), max_level=5),
    ScalePermutedSpace(
        stages=((2, 1), (3, 1)), output_levels=(3, 4), choices=as_choices(EVERY_CHOICE)
    ),
)


@dataclass(frozen=True)
class Case:
    """What a network is built from."""

    backbone: Backbone
    scale: Scale
    classes: int
    size: tuple[int, int]
    auxiliary: bool = False

    @property
    def arguments(self) -> tuple[Backbone, Scale, int, tuple[int, int], bool]:
        """Of ``build`` and of ``cost``."""
        return self.backbone, self.scale, self.classes, self.size, self.auxiliary


def random_cases(seed: int, largest: int = 200) -> Iterator[Case]:
    """Of several spaces, at published and at random scales, of any size in pixels."""
    rng = np.random.default_rng(seed)
    published = list(SCALES.values())
    while True:
        space = SPACES[rng.integers(len(SPACES))]
        architecture = space.decode(sample(space.genes, rng))
        scale = _scale(rng) if rng.integers(2) else published[rng.integers(len(published))]
        height, width = (int(side) for side in rng.integers(1, largest, size=2))
        yield Case(architecture, scale, int(rng.integers(1, 200)), (height, width))


def catalogue_cases(classes: int, size: tuple[int, int], scales: Iterable[Scale]) -> list[Case]:
    """Every entry at every scale; a ResNet with and without its auxiliary head."""
    cases = []
    for name in catalog.names():
        backbone = catalog.load(name)
        for scale in scales:
            cases.append(Case(backbone, scale, classes, size))
            if isinstance(backbone, DilatedResNet):
                cases.append(Case(backbone, scale, classes, size, auxiliary=True))
    return cases


def is_exact(case: Case, *, by_flop_counter: bool) -> bool:
    """Whether parameters and multiply-accumulates are those of the built network."""
    network = counted.built(*case.arguments)
    count = counted.macs if by_flop_counter else counted.macs_by_shape
    analytic = cost(*case.arguments)
    found = counted.parameters(network), count(network, case.size)
    return found == (analytic.parameters, analytic.macs)


def step_bytes(case: Case, batch: int) -> int:
    """Measured: peak of forward pass, loss and backward pass beyond weights and gradients."""
    network = channels_last(build(*case.arguments)).train()
    x_B3HW = torch.randn(batch, 3, *case.size).to(memory_format=torch.channels_last)
    y_BHW = torch.randint(0, case.classes, (batch, *case.size))
    for p in network.parameters():
        p.grad = torch.zeros_like(p)

    def loss() -> Tensor:
        if isinstance(network, Classifier):
            return cross_entropy(network(x_B3HW), y_BHW[:, 0, 0])
        if not case.auxiliary:
            return upsampled_cross_entropy(network.forward_low(x_B3HW), y_BHW)
        logits, second = network.forward_auxiliary(x_B3HW)
        extra = upsampled_cross_entropy(second, y_BHW)
        return upsampled_cross_entropy(logits, y_BHW) + AUXILIARY_WEIGHT * extra

    def step() -> None:
        for p in network.parameters():
            assert p.grad is not None
            p.grad.zero_()
        loss().backward()

    return peak_allocated(step)


def step_ratio(case: Case, batch: int) -> float:
    """Analytic over measured memory of a training step."""
    return cost(*case.arguments).step_bytes(batch) / step_bytes(case, batch)


def random_steps(seed: int) -> Iterator[tuple[Case, int]]:
    """Cases small enough to be trained, and the images of a batch."""
    rng = np.random.default_rng(seed)
    sizes = ((64, 64), (96, 128), (97, 131), (144, 192))
    for case in random_cases(seed):
        size, batch = sizes[rng.integers(len(sizes))], int(rng.choice((4, 8, 16)))
        classes = int(rng.integers(2, 22))
        yield replace(case, scale=_scale(rng), size=size, classes=classes), batch


def _scale(rng: np.random.Generator) -> Scale:
    filters = float(rng.choice((0.25, 0.5, 0.65, 1.0)))
    return Scale(
        filters=filters,
        alpha=float(rng.choice((0.5, 1.0))),
        repeats=int(rng.integers(1, 4)),
        endpoint_filters=round(256 * filters),
        aspp_filters=round(256 * filters),
        head=HEADS[rng.integers(len(HEADS))],
    )


def rate(seed: int, networks: int = 2000) -> float:
    """Networks a second on one core, each decoded anew: all figures of the default space at S49.

    The best of five rounds counts: other programs can only slow it.
    """
    rng = np.random.default_rng(seed)
    space = SPACES[0]
    genotypes = [sample(space.genes, rng) for _ in range(networks)]
    seconds = []
    for _ in range(5):
        architectures = [space.decode(genotype) for genotype in genotypes]
        began = process_time()
        for architecture in architectures:
            cost(architecture, SCALES["S49"], 19, (512, 1024))
        seconds.append(process_time() - began)
    return networks / min(seconds)


def main() -> int:
    """The report; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--networks", type=int, default=1000, help="random ones to be counted")
    parser.add_argument("--steps", type=int, default=60, help="training steps to be measured")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{rate(chosen.seed):.0f} networks a second on one core", flush=True)
    wrong = _report_counts("random", islice(random_cases(chosen.seed), chosen.networks))
    entries = catalogue_cases(19, (97, 193), SCALES.values())
    wrong += _report_counts("catalogue, every scale", entries)
    wrong += _report_steps("random", islice(random_steps(chosen.seed), chosen.steps))
    entries = catalogue_cases(19, (128, 256), [SCALES["S49-"], SCALES["S143+"]])
    wrong += _report_steps("catalogue, S49- and S143+", [(case, 4) for case in entries])
    return 1 if wrong else 0


def _report_counts(name: str, cases: Iterable[Case]) -> int:
    exact = [is_exact(case, by_flop_counter=True) for case in cases]
    print(f"{name}: {sum(exact)} of {len(exact)} equal PyTorch's counts", flush=True)
    return exact.count(False)


def _report_steps(name: str, steps: Iterable[tuple[Case, int]]) -> int:
    torch.manual_seed(0)
    ratios = np.array([step_ratio(case, batch) for case, batch in steps])
    wrong = int((abs(ratios - 1) > TOLERANCE).sum())
    least, low, middle, high, most = np.quantile(ratios, (0, 0.1, 0.5, 0.9, 1))
    print(
        f"{name}: memory of {len(ratios)} training steps, analytic over measured: {least:.3f} to"
        f" {most:.3f}, median {middle:.3f}, 80 % within {low:.3f} to {high:.3f};"
        f" {wrong} off by more than {TOLERANCE:.0%}",
        flush=True,
    )
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
