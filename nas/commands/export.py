"""``nas export``: a found architecture as a spec, as code and weights, or as others load it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas.prediction.given_weights import GivenWeights
from nas.prediction.subjects import FRONT, resolve
from results.build_options import BuildOptions, build_options
from results.export.exporter import exporter

USUAL = ("spec", "python")
"""What is written where nobody names a format."""


def export(
    named: str,
    selected: str | None,
    formats: Sequence[str],
    folder: Path,
    console: Console,
    options: BuildOptions | None = None,
    weights: Path | None = None,
    class_names: Sequence[str] = (),
) -> None:
    """Write what is named in each format: a run's trials, a promotion, an entry of the catalogue
    or an architecture file.

    Args:
        formats: by name; without any USUAL, of a network without trained weights the spec alone.
        selected: of a run: ``best`` (None too), ``front``, which makes a folder for each trial,
            or a trial's number.
        options: of what is no run; a run's trials are exported as they were built.
        weights: of an entry or an architecture file: ours, or torchvision's of DeepLabv3, whose
            classes then have these ``class_names``.

    Raises:
        UserError: unknown format, run, trial, name or file, or an option that does not go with it;
            nothing is written then.
    """
    asked = [exporter(name) for name in formats]

    def tell(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    given = GivenWeights(weights, tuple(class_names), tell)
    subjects = resolve(named, selected, options or build_options(), given)
    trained = any(subject.trained for subject in subjects)
    asked = asked or [exporter(name) for name in (USUAL if trained else USUAL[:1])]
    # What is written at once comes before what takes long.
    exporters = sorted(asked, key=lambda each: each.network)
    for subject in subjects:
        for each in exporters:
            each.check(subject)
    for subject in subjects:
        place = folder / subject.name if selected == FRONT else folder
        for each in exporters:
            for path in each.export(subject, place / each.folder):
                tell(f"wrote {path}")
        if any(each.network for each in exporters) and not subject.trained:
            console.print(
                f"{subject.name} was not promoted: its export comes without trained weights"
            )
