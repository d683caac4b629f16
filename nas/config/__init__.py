"""The config of a run: typed and complete, with mistakes refused in one line."""

from nas.config.audit import AuditConfig
from nas.config.controller import ControllerConfig
from nas.config.data import DataConfig, SplitConfig
from nas.config.loading import (
    load,
    load_to_train,
    over,
    parse,
    raw,
    refuse_demonstration,
    unplanned,
    with_settings,
)
from nas.config.loggers import LoggersConfig
from nas.config.running import BudgetConfig, EngineConfig, PlanConfig
from nas.config.sources import DEMONSTRATION, own, presets
from nas.config.space import ConstraintsConfig, SpaceConfig
from nas.config.teacher import TeacherConfig
from nas.config.training import (
    FinalsConfig,
    FinalTraining,
    HalvingConfig,
    PromotionConfig,
    ProxyConfig,
    ResolutionConfig,
    TrainingConfig,
)
from nas.config.whole import Config
from nas.settings.section import Section

__all__ = [
    "DEMONSTRATION",
    "AuditConfig",
    "BudgetConfig",
    "Config",
    "ConstraintsConfig",
    "ControllerConfig",
    "DataConfig",
    "EngineConfig",
    "FinalTraining",
    "FinalsConfig",
    "HalvingConfig",
    "LoggersConfig",
    "PlanConfig",
    "PromotionConfig",
    "ProxyConfig",
    "ResolutionConfig",
    "Section",
    "SpaceConfig",
    "SplitConfig",
    "TeacherConfig",
    "TrainingConfig",
    "load",
    "load_to_train",
    "over",
    "own",
    "parse",
    "presets",
    "raw",
    "refuse_demonstration",
    "unplanned",
    "with_settings",
]
