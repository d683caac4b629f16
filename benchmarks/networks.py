"""Times our networks against the published order of operations and against DeepLabv3-ResNet-50.

    python -m benchmarks.networks --size 96x128 --width 0.25 --batch 16

All in one run, taking turns, so that what disturbs the machine disturbs all alike. A forward pass
predicts one image; a training step is forward pass, loss, backward pass and AdamW, in fp32.
Prints a table of each in Markdown: medians, and the most bytes of tensors that a step holds at
once above the weights, the gradients and the optimiser's state.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from proxy_tasks.loss import upsampled_cross_entropy
from proxy_tasks.networks import Segmenter, build_segmenter, channels_last
from proxy_tasks.networks.folding import folded
from search_space import catalog
from search_space.scales import Scale
from tests.oracles.allocated import peak_allocated
from tests.oracles.literal import literal, literal_loss

SEARCHED = ("spinenet-49", "spinenet-seg-camvid-28", "spinenet-seg-camvid-78")
BASELINES = ("deeplabv3-resnet-50-os8", "deeplabv3-resnet-50-os16")
FORWARD, TRAINING = "forward pass, one image", "training step"
FOLDED, OURS, PUBLISHED = "ours, norms folded", "ours", "published order"
CLASSES = 11

Loss = Callable[[Segmenter, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Setting:
    """How large and where: ``width`` multiplies the filters, ASPP's and the endpoints' too."""

    size: tuple[int, int]
    width: float
    batch: int
    device: str

    @property
    def scale(self) -> Scale:
        """S49 at this width."""
        filters = max(1, round(256 * self.width))
        return Scale(filters=self.width, endpoint_filters=filters, aspp_filters=filters)


@dataclass(frozen=True)
class Case:
    """One thing to time."""

    kind: str
    network: str
    variant: str
    step: Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Median ``seconds`` and ``peak_bytes`` of a case."""

    kind: str
    network: str
    variant: str
    seconds: float
    peak_bytes: int


def cases(name: str, setting: Setting) -> Iterator[Case]:
    """What is timed of a network of the catalogue; a baseline has no published order to compare
    with, as nothing in it is resampled."""
    torch.manual_seed(0)
    network = build_segmenter(catalog.load(name), setting.scale, CLASSES, setting.size)
    network = channels_last(network.to(setting.device)).eval()
    variants = {FOLDED: folded(network), OURS: network}
    if name not in BASELINES:
        variants[PUBLISHED] = literal(network)
    for variant, one in variants.items():
        yield Case(FORWARD, name, variant, _forward(one, setting))
    losses: dict[str, Loss] = {OURS: _our_loss, PUBLISHED: literal_loss}
    for variant in [variant for variant in losses if variant in variants]:
        trained = copy.deepcopy(variants[variant]).train()
        yield Case(TRAINING, name, variant, _training_step(trained, losses[variant], setting))


def _our_loss(network: Segmenter, x_B3HW: Tensor, labels_BHW: Tensor) -> Tensor:
    return upsampled_cross_entropy(network.forward_low(x_B3HW), labels_BHW)


def _images(count: int, setting: Setting) -> Tensor:
    x_B3HW = torch.randn(count, 3, *setting.size, device=setting.device)
    return x_B3HW.contiguous(memory_format=torch.channels_last)


def _forward(network: Segmenter, setting: Setting) -> Callable[[], object]:
    x_13HW = _images(1, setting)

    def step() -> None:
        with torch.inference_mode():
            network(x_13HW)

    return step


def _training_step(network: Segmenter, loss: Loss, setting: Setting) -> Callable[[], object]:
    x_B3HW = _images(setting.batch, setting)
    labels_BHW = torch.randint(CLASSES, (setting.batch, *setting.size), device=setting.device)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=False)
        loss(network, x_B3HW, labels_BHW).backward()
        optimizer.step()

    return step


ROUNDS = {FORWARD: 4, TRAINING: 1}
"""Rounds to a repeat: a forward pass is short, so what disturbs it weighs more."""


def timed_by_kind(all_cases: Sequence[Case], repeats: int, device: str) -> list[Timing]:
    """Those of one kind take turns, one kind after the other."""
    timings = []
    for kind, rounds in ROUNDS.items():
        of_kind = [case for case in all_cases if case.kind == kind]
        timings += timed(of_kind, rounds * repeats, device)
    return timings


def timed(all_cases: Sequence[Case], repeats: int, device: str) -> list[Timing]:
    """Each case once a round; two rounds warm up, then ``repeats`` count."""
    peaks = [peak_allocated(case.step, device) for case in all_cases]
    rounds = [[_seconds(case.step, device) for case in all_cases] for _ in range(2 + repeats)]
    medians = [statistics.median(times) for times in zip(*rounds[2:], strict=True)]
    return [
        Timing(case.kind, case.network, case.variant, seconds, peak)
        for case, seconds, peak in zip(all_cases, medians, peaks, strict=True)
    ]


def _seconds(step: Callable[[], object], device: str) -> float:
    """Of the process on one CPU thread, which a busy machine stretches less; else by the clock."""
    clock = time.process_time if _is_one_thread(device) else time.perf_counter
    _synchronize(device)
    start = clock()
    step()
    _synchronize(device)
    return clock() - start


def _is_one_thread(device: str) -> bool:
    return device == "cpu" and torch.get_num_threads() == 1


def _synchronize(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


def table(timings: Sequence[Timing], kind: str) -> str:
    """Rows of one kind, with ratios to the published order of the same network and to the first
    baseline: folded to folded, else as it is trained."""
    rows = [timing for timing in timings if timing.kind == kind]
    literal_of = {row.network: row for row in rows if row.variant == PUBLISHED}
    baseline_of = {row.variant: row for row in rows if row.network == BASELINES[0]}
    lines = [
        f"| {kind} | variant | ms | to published | to ResNet-50 os8 | MiB | to published |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        other = literal_of.get(row.network)
        baseline = baseline_of.get(row.variant, baseline_of[OURS])
        lines.append(
            f"| {row.network} | {row.variant} | {1e3 * row.seconds:.1f}"
            f" | {_ratio(row.seconds, other.seconds if other else None)}"
            f" | {_ratio(row.seconds, baseline.seconds)}"
            f" | {row.peak_bytes / 2**20:.1f}"
            f" | {_ratio(row.peak_bytes, other.peak_bytes if other else None)} |"
        )
    return "\n".join(lines)


def _ratio(value: float, base: float | None) -> str:
    return "" if base is None else f"{value / base:.2f}"


def device_name(device: str) -> str:
    """Of the GPU, or of the processor with the threads in use."""
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor()}, {torch.get_num_threads()} thread(s)"


def main() -> None:
    """See the module's docstring."""
    arguments = _parse()
    torch.set_num_threads(arguments.threads)
    height, width = (int(side) for side in arguments.size.split("x"))
    setting = Setting((height, width), arguments.width, arguments.batch, arguments.device)
    names = (*arguments.networks, *BASELINES)
    all_cases = [case for name in names for case in cases(name, setting)]
    timings = timed_by_kind(all_cases, arguments.repeats, arguments.device)
    print(_heading(arguments))
    for kind in (FORWARD, TRAINING):
        print(f"\n{table(timings, kind)}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(timing) for timing in timings], indent=1))


def _heading(arguments: argparse.Namespace) -> str:
    clock = "CPU time" if _is_one_thread(arguments.device) else "wall-clock time"
    return (
        f"{arguments.size} pixels, width {arguments.width}, batch {arguments.batch}; medians of"
        f" {arguments.repeats} steps and {ROUNDS[FORWARD] * arguments.repeats} passes, {clock};"
        f" {device_name(arguments.device)}, torch {torch.__version__}"
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time networks, and measure their memory.")
    parser.add_argument("--size", default="96x128", metavar="HxW", help="image in pixels")
    parser.add_argument("--width", type=float, default=0.25, help="multiplies every filter count")
    parser.add_argument("--batch", type=int, default=16, help="images of a training step")
    parser.add_argument(
        "--repeats", type=int, default=9, help="training steps of each; four times as many passes"
    )
    parser.add_argument("--threads", type=int, default=1, help="on a CPU")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--networks", nargs="+", default=SEARCHED, metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
