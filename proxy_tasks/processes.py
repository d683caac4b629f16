"""The processes that train one network together, each on its share of every batch.

They work in step: each has the same weights, learns the same totals, and comes to the same
decisions. Who starts them and makes them known to each other (Ray Train, torchrun) is not our
affair: it leaves torch.distributed's default process group, over NCCL on GPUs and gloo on CPUs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from proxy_tasks.recipe import Recipe
from search_space.errors import UserError


class PeerLost(RuntimeError):
    """Another process of the group is gone, or does not answer."""


@dataclass(frozen=True)
class Group:
    """``size`` processes, of which this is number ``rank``, from 0. A group of one does nothing."""

    rank: int = 0
    size: int = 1

    @classmethod
    def joined(cls) -> Group:
        """That of torch.distributed, or this process alone."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return ALONE
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, the same to the bit in each, in place of ``values``.

        Raises:
            PeerLost: as do the others that talk to other processes.
        """
        if self.size > 1:
            with _peers():
                distributed.all_reduce(values)
        return values

    def gathered(self, values: Tensor) -> Tensor:
        """The rows of all processes, in their order; each has the same number."""
        if self.size == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.size)]
        with _peers():
            distributed.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    def told(self, values: Any) -> Any:
        """What the leading process has: plain values and tensors on the CPU."""
        if self.size == 1:
            return values
        box = [values if self.leads else None]
        with _peers():
            distributed.broadcast_object_list(box)
        return box[0]

    def divide(self, recipe: Recipe) -> None:
        """UserError for a recipe whose micro-batches do not divide into equal parts."""
        if recipe.micro_batch % self.size:
            raise UserError(
                f"batch_size divided by accumulate is {recipe.micro_batch}, which {self.size}"
                " processes cannot share equally"
            )

    def share(self, rows: Tensor) -> Tensor:
        """Of rows that all processes have, equal parts to each: this process's."""
        if self.size == 1:
            return rows
        return rows.unflatten(0, (self.size, -1))[self.rank]


ALONE = Group()


@contextmanager
def _peers() -> Iterator[None]:
    """Torch's backends raise plain RuntimeErrors and DistErrors alike."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLost(f"another process of the training is gone ({error})") from error
