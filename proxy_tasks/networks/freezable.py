"""Networks whose weights may come from elsewhere, and may then learn slowly or not at all."""

from __future__ import annotations

from typing import Self

from torch import nn


class Freezable(nn.Module):
    """A module that can be kept as it is while the rest of its network learns.

    Attributes:
        pretrained: whether its weights already know something, and so learn more slowly.
    """

    pretrained = False

    @property
    def frozen(self) -> bool:
        """Whether nothing in it learns."""
        return not any(p.requires_grad for p in self.parameters())

    def freeze(self) -> None:
        """Its weights no longer learn, and its batch norms keep their statistics."""
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> Self:
        """In inference once it is frozen, whatever the mode of the rest."""
        return super().train(mode and not self.frozen)
