"""What an audit found, kept in ``audit.yaml`` and found again by a search with the same proxy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from nas.config import Config
from nas.runs import teacher_identity
from proxy_tasks.objectives import Metric
from results.audit import Verdict, from_dict, to_dict
from search_space import strict_yaml
from search_space.errors import UserError

FORMAT = "spinenet-seg-audit/1"
FILE = "audit.yaml"


@dataclass(frozen=True)
class AuditRecord:
    """``digest`` names what was audited: the data, the space and the proxy; ``verdicts`` are by
    fidelity, the config's own proxy first, and by metric."""

    digest: str
    proxy: Mapping[str, Any]
    verdicts: Mapping[str, Mapping[Metric, Verdict]]

    @classmethod
    def of(
        cls, config: Config, data: str, verdicts: Mapping[str, Mapping[Metric, Verdict]]
    ) -> AuditRecord:
        """``data`` is the data set's identity, see proxy_tasks.datasets.identity."""
        return cls(digest(config, data), config.proxy.model_dump(mode="json"), verdicts)

    def save(self, folder: Path) -> Path:
        """Into the folder's ``audit.yaml``."""
        values = {
            "format": FORMAT,
            "digest": self.digest,
            "proxy": dict(self.proxy),
            "verdicts": {
                label: {metric: to_dict(verdict) for metric, verdict in each.items()}
                for label, each in self.verdicts.items()
            },
        }
        path = folder / FILE
        path.write_text(strict_yaml.render(values, width=100, ascii_only=True), "utf-8")
        return path

    def verdict(self, metric: Metric) -> Verdict | None:
        """Of the config's own proxy; None by what was not measured then."""
        return next(iter(self.verdicts.values()), {}).get(metric)

    @classmethod
    def load(cls, path: Path) -> AuditRecord:
        """UserError, naming the file, for what is no record of an audit."""
        try:
            values = strict_yaml.parse_record(path.read_text("utf-8"), FILE)
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r}, expected {FORMAT!r}")
            verdicts = {
                label: {metric: from_dict(known) for metric, known in each.items()}
                for label, each in values["verdicts"].items()
            }
            return cls(values["digest"], values["proxy"], verdicts)
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path}: is not an audit's record ({error})") from None


def digest(config: Config, data: str) -> str:
    """The same for searches whose proxies rank alike: equal data, space and training."""
    told = {
        "data": data,
        "space": config.space.model_dump(mode="json"),
        "proxy": config.proxy.identity(
            "score", "asha", teacher=teacher_identity.digests(config.proxy)
        ),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def published() -> list[Path]:
    """Folders of the audits that come with the presets."""
    presets = Path(str(resources.files("nas") / "presets"))
    return sorted(path.parent for path in presets.glob(f"audits/*/{FILE}"))


def find(config: Config, data: str, folders: Iterable[Path]) -> tuple[Path, AuditRecord] | None:
    """The audit of this config's proxy, if one of the folders has it. Broken ones are passed
    over."""
    wanted = digest(config, data)
    for folder in folders:
        try:
            record = AuditRecord.load(folder / FILE)
        except UserError:
            continue
        if record.digest == wanted:
            return folder / FILE, record
    return None


def noise(folder: Path, config: Config) -> float | None:
    """Standard deviation of a score of the run in this folder; None where no audit says it."""
    try:
        verdict = AuditRecord.load(folder / FILE).verdict(config.proxy.score)
    except UserError:
        return None
    return None if verdict is None else verdict.noise
