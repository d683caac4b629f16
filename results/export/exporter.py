"""What every exporter is: how one format is checked, written and used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from results.export import FORMATS
from results.export.staging import check_folder, publish, staged
from results.export.subject import Subject
from results.export.sums import SUMS, write
from search_space.errors import UserError
from search_space.files import FULL, check_temporary
from search_space.heads import segmenting


def holds_all(subject: Subject) -> None:
    """Of a format that refuses nothing."""


@dataclass(frozen=True)
class Exporter:
    """One format.

    Attributes:
        name: as in FORMATS.
        files: that it writes, in the order in which they reach the folder; of those of a network,
            the weights come first, and their digest last.
        write: puts the files into an empty folder, and raises RuntimeError where what they compute
            is not what our network does. Whatever it raises, the folder is thrown away.
        lines: Python that uses the files, run in their folder; none for what is not code.
        weights: the file that is only there to be compared where the network is not trained, and
            does not reach the folder then.
        folder: where the files lie below the one that is exported to.
        network: whether the network is in them; else only its spec.
        refuse: raises UserError for what the format cannot hold.
        needs: packages that the lines need.
        made_with: packages that writing needs, which pip's ``extra`` brings.
        ties: largest share of an image's pixels that the lines label otherwise than
            ``nas evaluate``, by arithmetic that rounds a tie between two classes otherwise.
    """

    name: str
    files: tuple[str, ...]
    write: Callable[[Subject, Path], None]
    lines: Callable[[Subject], str]
    weights: str = ""
    folder: str = ""
    network: bool = True
    refuse: Callable[[Subject], None] = holds_all
    needs: tuple[str, ...] = ()
    made_with: tuple[str, ...] = ()
    extra: str = ""
    ties: float = 0.0

    def check(self, subject: Subject) -> None:
        """Before any work is done.

        Raises:
            UserError: for a package that is missing, or what the format cannot hold.
        """
        if missing := [name for name in self.made_with if find_spec(name) is None]:
            install = f"pip install 'spinenet-seg-nas[{self.extra}]'"
            raise UserError(f"--format {self.name} needs {', '.join(missing)}: {install}")
        if self.network:
            segmenting(subject.backbone, subject.scale)
        self.refuse(subject)

    def export(self, subject: Subject, folder: Path) -> list[Path]:
        """Write the files into the folder, whole or not at all, and return their paths.

        The folder is made if missing; files of an earlier export are replaced.

        Raises:
            UserError: as ``check``, for weights that cannot be read, a file in the folder's
                place, or a folder that cannot be written.
            RuntimeError: if the files do not compute what our network does.
            OSError: where there is no room for them.
        """
        self.check(subject)
        check_folder(folder)
        if self.network:
            check_temporary()
        with _room_in(folder), staged(folder) as stage:
            self.write(subject, stage)
            if self.weights and not subject.trained:
                (stage / self.weights).unlink()
            elif SUMS in self.files:
                write(stage / self.files[0])
            return publish(stage, folder, self.files)


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    """What cannot be written is told of the folder, not of what is thrown away."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise UserError(f"{folder}: cannot be written ({error})") from error
        raise OSError(error.errno, error.strerror, str(folder)) from error
    except UserError as error:
        why = error.__context__
        if isinstance(why, OSError) and why.errno in FULL:
            raise OSError(why.errno, why.strerror, str(folder)) from error
        raise


def exporter(name: str) -> Exporter:
    """Raises UserError, listing the names, for one that is not there."""
    if name not in FORMATS:
        raise UserError(f"--format {name}: must be one of {', '.join(FORMATS)}")
    module, _, attribute = FORMATS[name].place.partition(".")
    found: Exporter = getattr(import_module(f"results.export.{module}"), attribute)
    return found
