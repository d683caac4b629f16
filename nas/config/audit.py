"""The ``audit`` section: which trainings show how far the proxy can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, ValidationError

from nas.config.merging import merged
from nas.config.training import ProxyConfig
from nas.settings.messages import first_line
from nas.settings.section import Section
from search_space.errors import UserError


class AuditConfig(Section):
    """``nas audit``: how many random ``architectures`` are trained with how many ``seeds``.

    The reference is the proxy ``longer`` times as many epochs, unless ``reference`` gives it
    whole; it is trained with ``references`` further seeds. ``grid`` lists changes to the proxy,
    each a fidelity to compare, and ``tau`` is the rank correlation that the cheapest of them
    should reach.
    """

    architectures: int = Field(24, ge=3)
    seeds: int = Field(2, ge=2)
    longer: int = Field(6, ge=2)
    references: int = Field(1, ge=1)
    reference: ProxyConfig | None = None
    grid: tuple[dict[str, Any], ...] = ({"epochs": 4}, {"epochs": 16})
    tau: float = Field(0.6, gt=0, lt=1)

    def longer_than(self, proxy: ProxyConfig) -> ProxyConfig:
        """The reference."""
        longer = proxy.model_copy(update={"epochs": self.longer * proxy.epochs})
        return longer if self.reference is None else self.reference

    def varied(self, proxy: ProxyConfig) -> dict[str, ProxyConfig]:
        """The fidelities of the grid by what they change. UserError for one that is none."""
        return {_label(change): _changed(proxy, change) for change in self.grid}


def _label(change: dict[str, Any]) -> str:
    """As it would be set, fit for a file's name: ``epochs=4 recipe.batch_size=8 size=72x96``."""
    return " ".join(f"{key}={_plain(value)}" for key, value in _leaves(change))


def _leaves(change: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """With the path of each in dots."""
    for key, value in change.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", leaf) for inner, leaf in _leaves(value))
        else:
            yield key, value


def _plain(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _changed(proxy: ProxyConfig, change: dict[str, Any]) -> ProxyConfig:
    try:
        return ProxyConfig.model_validate(merged(proxy.model_dump(mode="json"), change))
    except ValidationError as error:
        raise UserError(f"audit.grid: {_label(change)}: {first_line(error, ProxyConfig)}") from None
