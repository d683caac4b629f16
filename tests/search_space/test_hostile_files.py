"""Architecture files that hold anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from search_space import architecture_file, catalog, strict_yaml
from search_space.cost import cost
from search_space.errors import UserError
from search_space.scales import named
from tests.support.fuzzing import EXAMPLES, files, refused_or_read

NAMES = ("spinenet-49", "deeplabv3-resnet-50-os8")


def text(tree: object) -> str:
    return yaml.safe_dump(tree, allow_unicode=True)


@EXAMPLES
@given(st.data())
@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_file_is_read_or_refused(
    name: str, tmp_path: Path, data: st.DataObject
) -> None:
    spec = architecture_file.to_dict(catalog.load(name))
    tree = {**spec, "provenance": {"run": "x", "scores": {"proxy_miou": 0.5}}}
    file = tmp_path / "architecture.yaml"
    file.write_bytes(data.draw(files(tree, text)))

    def read() -> None:
        found = architecture_file.load_spec(file)
        cost(found.backbone, named("S49"), 19, (512, 1024))
        architecture_file.dumps(found.backbone, found.provenance)

    refused_or_read(read)


NESTED = ["[" * 10**5, "{a: " * 10**5, "- " * 10**5, "".join(" " * n + "a:\n" for n in range(2000))]
ALIASES = "a: &a [1, 2]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9))


@pytest.mark.parametrize("said", [*NESTED, ALIASES, "a: " + "9" * 5000, "a: 0x" + "f" * 5000])
def test_what_yaml_can_hide_is_refused(said: str) -> None:
    def read() -> None:
        with pytest.raises(UserError):
            strict_yaml.parse(said, "x.yaml")

    refused_or_read(read)


def test_a_number_that_is_long_is_refused_by_its_length() -> None:
    with pytest.raises(UserError, match="a number of 400 characters"):
        strict_yaml.parse("seed: " + "9" * 400, "x.yaml")
