"""Our network as a graph for every batch and image size (``torch.export``).

The graph puts out logits_BKHW at the images' size, and before them logits_BKhw as the network has
them: a labeller up-samples these itself, by bands and to any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from proxy_tasks.networks import Segmenter
from results.export.fresh_process import Case, cases_of
from results.export.subject import Subject
from search_space.errors import UserError

shape_rules: Any = _config
_TINY = (17, 31)
"""(height, width) at which the coarse levels have maps of a single pixel."""
_TRACED = (199, 333)
"""Any image would do, but for equal sides: a tracer takes them to be equal always."""


class _Both(nn.Module):
    def __init__(self, network: Segmenter) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        low = self.network.forward_low(x_BCHW)
        size = x_BCHW.shape[2:]
        return F.interpolate(low, size=size, mode="bilinear", align_corners=False), low


def check_open_sides() -> None:
    """UserError if the installed PyTorch cannot leave sides of one pixel open."""
    if not hasattr(shape_rules, "backed_size_oblivious"):
        raise UserError(
            f"PyTorch {torch.__version__} is too old for a graph of every image size:"
            " pip install --upgrade torch"
        )


def traced(subject: Subject, gathered: bool = False) -> ExportedProgram:
    """The network in inference, with batch, height and width left open.

    Takes ten seconds of a core and more, most of it algebra on shapes.

    Args:
        gathered: nearest up-sampling as ``gather_nearest``, for runtimes that round otherwise.
    """
    shapes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    mode: AbstractContextManager[Any] = _Gathered() if gathered else nullcontext()
    # Without the patch the graph would be for maps of two rows and more: PyTorch asks of each sum
    # whether a side is 1, and so is to be repeated. Ours are never repeated over height or width.
    x_BCHW = torch.randn(2, subject.spec.intensities.channels, *_TRACED)
    network = _Both(subject.network).eval()
    with torch.no_grad(), mode, shape_rules.patch(backed_size_oblivious=True):
        return torch.export.export(network, (x_BCHW,), dynamic_shapes=(shapes,), strict=False)


def traced_cases(subject: Subject) -> list[Case]:
    """What a traced graph has to agree with: three sizes, one image and two."""
    return cases_of(
        lambda x: [subject.network(x), subject.network.forward_low(x)],
        [*subject.checked_sizes, _TINY],
        (1, 2),
        subject.spec.intensities.channels,
    )


def gather_nearest(x_BCHW: Tensor, size: Sequence[int]) -> Tensor:
    """``F.interpolate(mode="nearest")`` to (height, width), written out: at every pair of sizes it
    copies the same pixels, as it rounds the same quotient and product, in single precision."""
    for axis, length in zip((2, 3), size, strict=True):
        places = torch.arange(length, dtype=torch.float32) * (x_BCHW.shape[axis] / length)
        x_BCHW = x_BCHW.index_select(axis, places.to(torch.int64))
    return x_BCHW


class _Gathered(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.interpolate and kwargs["mode"] == "nearest":
            return gather_nearest(args[0], kwargs["size"])
        return func(*args, **kwargs)
