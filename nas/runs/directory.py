"""The run directory: it holds everything about one search, and nothing else."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from nas.config import Config, TrainingConfig, parse
from nas.runs import settings_identity
from nas.runs.inside import check_readable
from proxy_tasks import processor
from search_space import architecture_file, strict_yaml
from search_space.architecture_file import LoadedSpec
from search_space.errors import UserError
from search_space.files import replacing


_Training = TypeVar("_Training", bound=TrainingConfig)


@dataclass(frozen=True)
class RunDirectory:
    """``runs/NAME/`` with config, ledger, artifacts, promotions and the identity of its data."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @property
    def data_file(self) -> Path:
        """The identity of its data, see nas.runs.data_identity."""
        return self.path / "data.json"

    @property
    def teacher_file(self) -> Path:
        """The identity of what its candidates learn from, see nas.runs.teacher_identity."""
        return self.path / "teacher.json"

    @property
    def latency(self) -> Path:
        """The table that latencies are predicted from, see search_space.latency."""
        return self.path / "latency.csv"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.journal"

    @property
    def finals(self) -> Path:
        """The ledger of the trainings between search and promotion, see nas.runs.finals."""
        return self.path / "legs" / "finals.journal"

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    @property
    def promotions(self) -> Path:
        return self.path / "promotions"

    def starts(self) -> list[Path]:
        """The architecture files of what the search began with, in its order."""
        return sorted((self.path / "start").glob("*.yaml"))

    @classmethod
    def create(
        cls,
        path: Path,
        config: Config,
        starts: Sequence[LoadedSpec] = (),
        data: Mapping[str, Any] | None = None,
        teacher: Mapping[str, Any] | None = None,
    ) -> RunDirectory:
        """A new directory that appears with its config, what to begin with, and the identity of its
        ``data`` and of its ``teacher``, or not at all.

        Raises:
            UserError: when the path exists or cannot be made.
        """
        if path.exists():
            raise UserError(f"{path}: exists already; give --resume to continue it, or another --run")
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            draft.mkdir(parents=True)
            run = cls(draft)
            run.write_config(placed(config))
            run._write_starts(starts)
            if (table := config.constraints.latency_table) is not None:
                shutil.copyfile(table.expanduser(), run.latency)
            for file, known in ((run.data_file, data), (run.teacher_file, teacher)):
                if known is not None:
                    file.write_text(json.dumps(known, indent=2) + "\n", "utf-8")
            (draft / "environment.json").write_text(json.dumps(environment(), indent=2) + "\n")
            draft.rename(path)
        except (OSError, UserError) as error:
            shutil.rmtree(draft, ignore_errors=True)
            reason = error.strerror if isinstance(error, OSError) else error
            raise UserError(f"{path}: cannot be made ({reason})") from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing one. UserError where there is none, or it cannot be read to its end."""
        run = cls(path)
        if not run.config_file.is_file():
            made = shlex.quote(str(path))
            if runs_in(path):
                raise UserError(f"{path}: is a folder of runs: name one; `nas runs {made}` lists them")
            raise UserError(f"{path}: no run is here; `nas search --run {made}` starts one")
        check_readable(path)
        return run

    def config(self) -> Config:
        """The config as it was resolved. UserError when somebody broke the file."""
        try:
            text = self.config_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.config_file}: cannot be read ({error})") from error
        source = str(self.config_file)
        return self._with_table(parse(strict_yaml.parse_record(text, source), source))

    def _with_table(self, config: Config) -> Config:
        """The run keeps its latency table itself, wherever it lies."""
        if config.constraints.exported_ms is None:
            return config
        limits = config.constraints.model_copy(update={"latency_table": self.latency})
        return config.model_copy(update={"constraints": limits})

    def write_config(self, config: Config) -> None:
        """Replaced in one step, where anything changed. UserError where it cannot be written."""
        limits = config.constraints.model_copy(update={"latency_table": None})
        text = config.model_copy(update={"constraints": limits}).to_yaml()
        try:
            settings_identity.write(self.path, config)
            if self.config_file.is_file() and self.config_file.read_text("utf-8") == text:
                return
            with replacing(self.config_file) as draft:
                draft.write_text(text, "utf-8")
        except OSError as error:
            raise UserError(f"{self.config_file}: cannot be written: {error.strerror}") from error

    def _write_starts(self, starts: Sequence[LoadedSpec]) -> None:
        for number, spec in enumerate(starts):
            (self.path / "start").mkdir(exist_ok=True)
            file = self.path / "start" / f"{number:03d}.yaml"
            architecture_file.save(file, spec.backbone, spec.provenance)


def runs_in(folder: Path) -> list[RunDirectory]:
    """The run that a folder is, or those in it, by name; there may be none."""
    here = RunDirectory(folder)
    if here.config_file.is_file() or not folder.is_dir():
        return [here] if here.config_file.is_file() else []
    # Hidden ones are being made (RunDirectory.create).
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    return [run for name in names if (run := RunDirectory(folder / name)).config_file.is_file()]


def around(path: Path) -> RunDirectory | None:
    """The run in whose folder a file or a folder lies, at most three levels deep."""
    runs = [RunDirectory(folder) for folder in path.resolve().parents[:3]]
    return next((run for run in runs if run.config_file.is_file()), None)


def placed(config: Config) -> Config:
    """With the folders of the data, files of weights, and teachers, where they are from wherever a
    command is given."""
    data, space, promotion = config.data, config.space, config.promotion
    update: dict[str, Any] = {"cache": _placed(data.cache)}
    if data.root is not None:
        update["root"] = _placed(data.root)
    if data.folders:
        update["unlabelled"] = tuple(map(_placed, data.folders))
    if promotion.weights is not None:
        promotion = promotion.model_copy(update={"weights": _placed(promotion.weights)})
    if space.encoder_weights is not None:
        space = space.model_copy(update={"encoder_weights": _placed(space.encoder_weights)})
    data = data.model_copy(update=update)
    return config.model_copy(
        update={
            "data": data,
            "space": space,
            "proxy": _taught(config.proxy),
            "promotion": _taught(promotion),
        }
    )


def _taught(training: _Training) -> _Training:
    """With its teachers' paths placed."""
    if not training.teacher:
        return training
    known = training.teacher.encoders
    paths = training.teacher.paths
    teacher = training.teacher.at(
        tuple(path if str(path) in known else _placed(path) for path in paths)
    )
    return training.model_copy(update={"teacher": teacher})


def _placed(path: Path) -> Path:
    """One of the home directory stays so: another machine has another."""
    return path if path.parts[:1] and path.parts[0].startswith("~") else path.absolute()


def default_path(source: str) -> Path:
    """``runs/PRESET-DATE-TIME``."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{Path(source).stem}-{stamp}"


def environment() -> dict[str, Any]:
    """Versions, devices and the commit, for whoever repeats the run."""
    import torch

    packages = ("torch", "ray", "optuna", "numpy", "scipy", "pandas", "spinenet-seg-nas")
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in packages},
        "cpu_cores": processor.cores(),
        "gpus": gpus,
        "git_commit": _commit(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Of the checkout that this code runs from."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
