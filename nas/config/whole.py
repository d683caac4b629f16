"""The config of a whole run."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from nas.config.audit import AuditConfig
from nas.config.controller import DEFAULT, ControllerConfig
from nas.config.data import DataConfig
from nas.config.loggers import LoggersConfig
from nas.config.running import BudgetConfig, EngineConfig, PlanConfig
from nas.config.space import ConstraintsConfig, SpaceConfig
from nas.config.training import FinalsConfig, PromotionConfig, ProxyConfig
from nas.controllers import CONTROLLERS
from nas.settings import storage_url
from nas.settings.section import Section
from proxy_tasks.objectives import EXPORTED_LATENCY
from search_space import strict_yaml


class Config(Section):
    """A whole run."""

    seed: int = Field(0, ge=0)
    data: DataConfig = DataConfig()
    space: SpaceConfig = Field(default_factory=SpaceConfig)
    constraints: ConstraintsConfig = ConstraintsConfig()
    controller: ControllerConfig = CONTROLLERS[DEFAULT]()
    proxy: ProxyConfig = ProxyConfig()
    finals: FinalsConfig = FinalsConfig()
    promotion: PromotionConfig = PromotionConfig()
    budget: BudgetConfig = BudgetConfig()
    audit: AuditConfig = AuditConfig()
    baselines: tuple[str, ...] = ("deeplabv3-resnet-50-os8", "spinenet-49")
    engine: EngineConfig = EngineConfig()
    loggers: LoggersConfig = ()
    plan: PlanConfig | None = None
    storage: str | None = None
    """A URL for the ledger, see nas.settings.storage_url; None: a journal in the run's folder."""

    @model_validator(mode="after")
    def _storage_can_be_kept(self) -> Self:
        if self.storage is not None:
            storage_url.check(self.storage)
        return self

    @model_validator(mode="after")
    def _heads_differ(self) -> Self:
        own = self.promotion.scale.head
        if own in self.space.choices.get("head", ()):
            raise ValueError(f"space.choices.head: {own} is that of promotion.scale: write scale")
        return self

    @model_validator(mode="after")
    def _latency_is_predicted(self) -> Self:
        traded = getattr(self.controller, "objectives", ())
        if EXPORTED_LATENCY in traded and self.constraints.exported_ms is None:
            raise ValueError(
                f"controller.objectives: {EXPORTED_LATENCY} is predicted where there is a limit:"
                " give constraints.latency too, such as 100ms"
            )
        return self

    def of_a_new_run(self) -> Self:
        """With a space of networks whose kernels reach their maps at the smaller crop of the two
        trainings, where it does not say another. Runs of before keep the space that they have."""
        if self.space.crop is not None:
            return self
        crop = min(self.proxy.size, self.promotion.size, key=min)
        space = self.space.model_copy(update={"crop": crop})
        return self.model_copy(update={"space": space})

    def to_yaml(self) -> str:
        """As resolved: every default written out."""
        values = self.model_dump(mode="json")
        if not self.space.encoder:
            values["space"]["stages"] = dict(self.space.stages)  # JSON would make its keys strings
        return strict_yaml.render(values, width=100, ascii_only=True)
