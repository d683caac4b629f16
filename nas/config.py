"""What a run is told: typed, complete, and refused in one line where it is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from nas import controller_config, storage_url
from nas.controller_config import ControllerConfig, PredictorConfig
from nas.logger_config import LoggersConfig
from nas.section import Section, first_line
from proxy_tasks.recipe import OptimizerName, ScheduleName
from proxy_tasks.sight import Sight
from proxy_tasks.task import Metric
from search_space.errors import UserError
from search_space.heads import HEADS, SEGMENTING
from search_space.scales import DEEPLABV3, SCALES

DEMONSTRATION = "quickstart"
"""The preset whose settings are for the embedded scenes and nothing else."""

WHOLE = ("stages", "values", "resolution")
"""Mappings that are one value: another replaces them, key by key they would make no sense."""


def _named_scale(value: Any) -> Any:
    """A scale may be given by its name."""
    if not isinstance(value, str):
        return value
    scales = {name: scale for name, scale in SCALES.items() if HEADS[scale.head].pixels}
    if value not in scales:
        raise ValueError(f"no scale is called {value!r}; there are {', '.join(scales)}")
    return asdict(scales[value])


class ScaleConfig(Section):
    """See search_space.scales.Scale."""

    filters: float = Field(0.25, gt=0)
    alpha: float = Field(0.5, gt=0, le=1)
    repeats: int = Field(1, ge=1)
    endpoint_filters: int = Field(64, ge=1)
    aspp_filters: int = Field(64, ge=1)
    head: Literal[*SEGMENTING] = DEEPLABV3  # type: ignore[valid-type]
    channels: int = Field(3, ge=1)

    LATER: ClassVar[tuple[str, ...]] = ("channels",)
    """As RecipeConfig's."""


class SplitConfig(Section):
    """See proxy_tasks.datasets.listing.SplitRule."""

    train: str | tuple[str, ...] | None = None
    val: str | tuple[str, ...] | None = None
    share: float | None = Field(None, gt=0, lt=1)
    test: str | tuple[str, ...] | None = None
    folds: int | None = Field(None, ge=2)


class DataConfig(Section):
    """``root`` is the folder of the images; ``cache`` is where decoded images are packed.
    ``values`` is the value map, see proxy_tasks.datasets.labels.label_code."""

    name: Literal[
        "scenes", "folder", "coco", "labelme", "cvat", "yolo", "camvid", "cityscapes", "voc"
    ] = "scenes"
    root: Path | None = None
    classes: tuple[str, ...] | None = None
    ignore: tuple[int, ...] | None = None
    values: dict[Annotated[str, Field(coerce_numbers_to_str=True)], str] | None = None
    split: SplitConfig | None = None
    overlap: Literal["file", "small"] | None = None
    """What lies on top where shapes overlap, see proxy_tasks.datasets.annotations.painting."""
    uncovered: str | None = None
    """What pixels are that no shape covers: background, void or a class."""
    images: str | None = None
    labels: str | None = None
    """Patterns of where they lie, see proxy_tasks.datasets.patterns."""
    exif: Literal["turn", "raw"] | None = None
    """On what label maps were drawn where EXIF turns photographs, see
    proxy_tasks.datasets.upright."""
    cache: Path = Path("~/.cache/spinenet-seg")
    scenes: tuple[int, int] = (384, 96)
    """How many procedural scenes to train on and to validate on."""


class SpaceConfig(Section):
    """See search_space.scale_permuted.ScalePermutedSpace."""

    stages: dict[int, Annotated[int, Field(ge=0)]] = Field({2: 1, 3: 3, 4: 5, 5: 2})
    output_levels: tuple[int, ...] = (3, 4, 5)
    max_level: int = Field(6, ge=2, le=7)
    dilations: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2, 4)


class RecipeConfig(Section):
    """See proxy_tasks.recipe.Recipe."""

    batch_size: int = Field(16, ge=2)
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    warm_up: float = Field(0.2, ge=0, lt=1)
    clip: float = Field(1.0, gt=0)
    averaging: float = Field(0.98, ge=0, lt=1)
    jitter: tuple[float, float] = (0.75, 1.5)
    colour: float = Field(0.2, ge=0, lt=1)
    flip: float = Field(0.5, ge=0, le=1)
    optimizer: OptimizerName = "adamw"
    momentum: float = Field(0.9, ge=0, lt=1)
    schedule: ScheduleName = "one-cycle"
    power: float = Field(0.9, gt=0)
    balance: bool = False
    ohem: float | None = Field(None, gt=0, le=1)
    ohem_keep: float = Field(0.0625, gt=0, le=1)
    accumulate: int = Field(1, ge=1)
    drop_path: float = Field(0.0, ge=0, lt=1)
    upside_down: float = Field(0.0, ge=0, le=1)
    turn: float = Field(0.0, ge=0, le=1)
    rare: float = Field(0.0, ge=0, le=1)
    dice: float = Field(0.0, ge=0)

    LATER: ClassVar[tuple[str, ...]] = (
        "optimizer", "momentum", "schedule", "power", "balance", "ohem", "ohem_keep",
        "accumulate", "drop_path", "upside_down", "turn", "rare", "dice",
    )  # fmt: skip
    """Options that came after the first records of trainings."""

    @property
    def micro_batch(self) -> int:
        """Images that go through the network at once."""
        return self.batch_size // self.accumulate


class ResolutionConfig(Section):
    """See proxy_tasks.sight.Sight: one of a ``factor`` of an image's own pixels, and a
    ``short_side`` in pixels."""

    factor: float | None = Field(None, gt=0, le=16)
    short_side: int | None = Field(None, ge=16)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.factor is None) == (self.short_side is None):
            raise ValueError("give one of factor and short_side,")
        return self


class TrainingConfig(Section):
    """One fidelity and the recipe that goes with it. ``size`` is [height, width] in pixels of the
    crops that it trains on; ``resolution`` says how large images are seen, by default so that they
    just cover a crop; an epoch sees ``images`` crops, by default one of each image."""

    epochs: int = Field(8, ge=1)
    size: tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]] = (96, 128)
    scale: Annotated[ScaleConfig, BeforeValidator(_named_scale)] = ScaleConfig()
    share: float = Field(1.0, gt=0, le=1)
    evaluate_every: int = Field(0, ge=0)
    recipe: RecipeConfig = RecipeConfig()
    resolution: ResolutionConfig | None = None
    images: int | None = Field(None, ge=1)

    LATER: ClassVar[tuple[str, ...]] = ("resolution", "images")
    """As RecipeConfig's."""

    @property
    def sight(self) -> Sight:
        """How large images are seen."""
        if self.resolution is None:
            return Sight(cover=self.size)
        return Sight(**self.resolution.model_dump(), window=self.size)

    def identity(self, *leave_out: str) -> dict[str, Any]:
        """Plain values that are equal for equal trainings, also with records of programs that did
        not have all options yet: the later ones are left out at their defaults."""
        values = self.model_dump(mode="json", exclude=set(leave_out))
        inner = [
            (part, values[name]) for name, part in (("recipe", self.recipe), ("scale", self.scale))
        ]
        for section, plain in ((self, values), *inner):
            for name in section.LATER:
                if plain.get(name) == type(section).model_fields[name].default:
                    del plain[name]
        return values


class HalvingConfig(Section):
    """See nas.engines.base.Halving."""

    grace_period: int = Field(1, ge=1)
    reduction_factor: int = Field(3, ge=2)


class ProxyConfig(TrainingConfig):
    """The short training. ``score`` is what the search goes by, see proxy_tasks.task.METRICS;
    with ``asha`` trainings that fall behind are stopped early."""

    score: Metric = "miou"
    asha: HalvingConfig | None = None


class PromotionConfig(TrainingConfig):
    """Full training. ``top`` trials are promoted at the end of a search (0: none). It ends early
    after ``patience`` validations in a row without a better mIoU (0: never). ``processes`` share
    each batch of it."""

    top: int = Field(0, ge=0)
    epochs: int = Field(60, ge=1)
    evaluate_every: int = Field(5, ge=0)
    patience: int = Field(0, ge=0)
    processes: int = Field(1, ge=1)

    LATER: ClassVar[tuple[str, ...]] = (*TrainingConfig.LATER, "patience")


class ConstraintsConfig(Section):
    """Hard limits on a candidate as it would be promoted: at ``promotion.scale``, for one image of
    ``promotion.size``. ``macs``; ``parameters``; ``memory``, bytes of a training step with what
    goes through the network of a process at once: all analytic, so that a candidate beyond them is
    never proposed. ``latency``, seconds, is measured where the candidate would be trained, before
    it is.
    """

    macs: float | None = Field(None, gt=0)
    parameters: float | None = Field(None, gt=0)
    memory: float | None = Field(None, gt=0)
    latency: float | None = Field(None, gt=0)

    @property
    def analytic(self) -> dict[str, float]:
        """Those that are given and known without a measurement."""
        return self.model_dump(exclude={"latency"}, exclude_none=True)


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


class BudgetConfig(Section):
    """The search ends at ``trials`` candidates, or when ``hours`` of wall time are over."""

    trials: int | None = Field(100, ge=1)
    hours: float | None = Field(None, gt=0)


class PlanConfig(Section):
    """What a plan was made for, and what was measured of the machine: a resume measures nothing
    again. ``hours`` are all from reading images to the export; a full training of a network of
    ``promotion_macs`` multiply-accumulates a crop sees ``promotion_crops_per_second``."""

    hours: float = Field(gt=0)
    machine: str
    device: str
    workers: int = Field(ge=1)
    proxy_crops_per_second: float = Field(gt=0)
    promotion_crops_per_second: float = Field(gt=0)
    promotion_macs: float = Field(gt=0)
    ending_seconds: float = Field(60.0, ge=0)
    """For tables, pictures, the export, and scoring on the test part."""


class EngineConfig(Section):
    """``workers``: by default one a CPU core, or two a GPU; a training that needs a larger share
    of a GPU gets it. ``address``: a running Ray cluster. A worker counts as hung, and is ended,
    when an epoch takes ``patience`` times as long as the median, and over two minutes."""

    name: Literal["ray", "inline"] = "ray"
    workers: int | None = Field(None, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    address: str | None = None
    patience: float = Field(10.0, gt=1)


class Config(Section):
    """A whole run."""

    seed: int = Field(0, ge=0)
    data: DataConfig = DataConfig()
    space: SpaceConfig = SpaceConfig()
    constraints: ConstraintsConfig = ConstraintsConfig()
    controller: ControllerConfig = PredictorConfig()
    proxy: ProxyConfig = ProxyConfig()
    promotion: PromotionConfig = PromotionConfig()
    budget: BudgetConfig = BudgetConfig()
    audit: AuditConfig = AuditConfig()
    baselines: tuple[str, ...] = ("deeplabv3-resnet-50-os8", "spinenet-49")
    engine: EngineConfig = EngineConfig()
    loggers: LoggersConfig = ()
    plan: PlanConfig | None = None
    storage: str | None = None
    """A storage URL for the ledger, see nas.storage_url; None: a journal in the run's folder."""

    def to_yaml(self) -> str:
        """As resolved: every default written out."""
        values = self.model_dump(mode="json")
        values["space"]["stages"] = dict(self.space.stages)  # JSON would make its keys strings
        return yaml.safe_dump(values, sort_keys=False, width=100)


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
        return ProxyConfig.model_validate(_merged(proxy.model_dump(mode="json"), change))
    except ValidationError as error:
        raise UserError(f"audit.grid: {_label(change)}: {first_line(error, ProxyConfig)}") from None


def presets() -> tuple[str, ...]:
    """Names of the ready-made configs."""
    folder = resources.files("nas") / "presets"
    return tuple(sorted(Path(p.name).stem for p in folder.iterdir() if p.name.endswith(".yaml")))


def load(source: str, settings: Sequence[str] = ()) -> Config:
    """The config of a preset or a file, with ``KEY=VALUE`` settings over it.

    A file may begin from a preset or from another file with ``extends: NAME``.

    Raises:
        UserError: naming the source, the key, and what may stand there.
    """
    return parse(raw(source, settings), source)


def load_to_train(source: str, settings: Sequence[str] = ()) -> Config:
    """As ``load``, for what trains: sizes and lengths that were chosen for the demonstration's
    scenes are refused for other data.

    Raises:
        UserError: as ``load``, and where real data have no trainings of their own.
    """
    values = raw(source, settings)
    config = parse(values, source)
    if config.data.name != "scenes":
        refuse_demonstration(source)
        if missing := unplanned(values):
            raise _no_plan(source, missing)
    return config


def refuse_demonstration(source: str) -> None:
    """UserError for a preset or a file that begins from the demonstration's settings: no data but
    its own scenes are trained on with them."""
    if DEMONSTRATION in _bases(source):
        raise _no_plan(source, f"how to train on more than the scenes of {DEMONSTRATION}")


def _no_plan(source: str, missing: str) -> UserError:
    return UserError(
        f"{source}: does not say {missing}; a plan does: write nas search --data DIR --hours H,"
        " or nas plan DIR -o mine.yaml and edit that"
    )


def unplanned(values: dict[str, Any]) -> str | None:
    """What a config does not say of its own of how to train on real data, None where nothing is
    missing: the defaults are small, for the demonstration."""
    missing = [
        f"{section}.{key}"
        for section in ("proxy", "promotion")
        for key in ("size", "epochs")
        if key not in (values.get(section) or {})
    ]
    return " and ".join(missing) or None


def raw(source: str, settings: Sequence[str] = ()) -> dict[str, Any]:
    """The values of a preset or a file with settings over them, before they are validated."""
    values = _read(source)
    for setting in sorted(settings, key=_picks_no_controller):
        _set(values, setting)
    return values


def own(source: str) -> dict[str, Any]:
    """What a preset or a file says itself, without what it extends."""
    return _mapping(_text(source), source)


def over(values: dict[str, Any], other: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """``values`` with another config's and with settings over them."""
    merged = _merged(values, other)
    for setting in sorted(settings, key=_picks_no_controller):
        _set(merged, setting)
    return merged


def _bases(source: str) -> tuple[str, ...]:
    """The config and those that it extends."""
    base = _mapping(_text(source), source).get("extends")
    return (source, *(_bases(base) if isinstance(base, str) else ()))


def with_settings(config: Config, settings: Sequence[str], allowed: tuple[str, ...]) -> Config:
    """A run's config with some values changed; only keys that begin with one of ``allowed``.

    Raises:
        UserError: for another key, or a value that does not fit.
    """
    values = config.model_dump(mode="json")
    for setting in settings:
        if not setting.startswith(allowed):
            keys = " or ".join(f"{key}KEY" if key.endswith(".") else key for key in allowed)
            raise UserError(f"--set {setting}: a run keeps its config; only {keys} may change")
        _set(values, setting)
    return parse(values, "--set" if settings else "config")


def parse(values: dict[str, Any], source: str) -> Config:
    """Validate plain values. UserError names ``source`` and the first wrong key."""
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{source}: {first_line(error, Config)}") from error
    if config.storage is not None:
        try:
            storage_url.check(config.storage)
        except UserError as error:
            raise UserError(f"{source}: {error}") from None
    return config


def _read(source: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    if source in seen:
        raise UserError(f"{source}: extends itself, through {' -> '.join(seen)}")
    values = _mapping(_text(source), source)
    base = values.pop("extends", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise UserError(f"{source}: extends must name a preset or a file but got {base!r}")
    return _merged(_read(base, (*seen, source)), values)


def _text(source: str) -> str:
    if source in presets():
        return (resources.files("nas") / "presets" / f"{source}.yaml").read_text("utf-8")
    try:
        return Path(source).read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(
            f"{source}: no such config; give a YAML file or one of {', '.join(presets())}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{source}: cannot be read ({error})") from error


def _mapping(text: str, source: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        raise UserError(
            f"{source}:{line} is not YAML ({getattr(error, 'problem', error)})"
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"{source}: must be a mapping of keys to values")
    return values


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Sections merge key by key; everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict) and key not in WHOLE
        merge = controller_config.merged if key == "controller" else _merged
        merged[key] = merge(base[key], value) if both else value
    return merged


def _picks_no_controller(setting: str) -> bool:
    """The controller is picked before its options are set, in whatever order they are given."""
    return not setting.startswith(("controller=", "controller.name="))


_PATTERN = re.compile(r"\*|\{(name|scene|dir)\}")
"""What a pattern of files begins with (proxy_tasks.datasets.patterns); YAML means others by it."""


def _value(text: str, setting: str) -> Any:
    if _PATTERN.match(text):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"--set {setting}: {text!r} is not a YAML value") from error


def _set(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise UserError(f"--set {setting}: must be KEY=VALUE, as in --set proxy.epochs=4")
    value = _value(text, setting)
    *path, last = key.split(".")
    for name in path:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise UserError(f"--set {setting}: {name} is a value, not a section")
    if key == "controller.name" and value != values.get("name", controller_config.DEFAULT):
        values.clear()  # as controller_config.merged does
    values[last] = value
