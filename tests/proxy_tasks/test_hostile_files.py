"""Weights, checkpoints, images and label files that hold anything."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from proxy_tasks.checkpoint import Checkpoint, Weights
from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.base import PARTS
from proxy_tasks.networks import build_segmenter
from search_space.architecture_file import to_dict
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from tests.support import drawn
from tests.support.fuzzing import EXAMPLES, ODD, changed, files, refused_or_read, torn

SPACE = ScalePermutedSpace(stages=((2, 1), (3, 1)), output_levels=(3, 4), max_level=4)
BACKBONE = SPACE.decode([0] * len(SPACE.genes))
SCALE = Scale(0.0625, endpoint_filters=4, aspp_filters=4)
DESCRIPTION = {
    "backbone": to_dict(BACKBONE),
    "scale": {"filters": 0.0625, "alpha": 0.5, "repeats": 1, "endpoint_filters": 4,
              "aspp_filters": 4, "head": "deeplabv3", "channels": 3},
    "size": [32, 48],
    "classes": ["road", "car"],
    "palette": [[1, 2, 3], [4, 5, 6]],
    "sight": {"cover": [32, 48]},
    "intensities": {"mean": [0.5] * 3, "std": [0.2] * 3, "top": 255},
}  # fmt: skip


@pytest.fixture(scope="module")
def tensors() -> tuple[dict[str, Any], bytes]:
    """A header of safetensors, and what follows it."""
    from safetensors.torch import save

    network = build_segmenter(BACKBONE, SCALE, 2, (32, 48))
    whole = save({name: value.contiguous() for name, value in network.state_dict().items()})
    length = struct.unpack("<Q", whole[:8])[0]
    return json.loads(whole[8 : 8 + length]), whole[8 + length :]


def packed(header: Any, description: Any, rest: bytes, length: int | None = None) -> bytes:
    header = dict(header) if isinstance(header, dict) else header
    if isinstance(header, dict):
        header["__metadata__"] = {"spinenet-seg": json.dumps(description)}
    said = json.dumps(header).encode()
    return struct.pack("<Q", len(said) if length is None else length) + said + rest


def use(path: Path) -> None:
    known = Weights.open(path)
    network = known.network()
    with torch.no_grad():
        network(torch.zeros(1, known.scale.channels, 32, 48))


@EXAMPLES
@given(st.data())
def test_weights_are_read_or_refused(
    tensors: tuple[dict[str, Any], bytes], tmp_path: Path, data: st.DataObject
) -> None:
    header, rest = tensors
    way = data.draw(st.sampled_from(["description", "header", "length", "bytes"]))
    if way == "description":
        content = packed(header, data.draw(changed(DESCRIPTION)), rest)
    elif way == "header":
        content = packed(data.draw(changed(header)), DESCRIPTION, rest)
    elif way == "length":
        content = packed(header, DESCRIPTION, rest, data.draw(st.integers(0, 2**64 - 1)))
    else:
        content = data.draw(torn(packed(header, DESCRIPTION, rest)))
    (tmp_path / "best.safetensors").write_bytes(content)
    refused_or_read(lambda: use(tmp_path / "best.safetensors"))


def test_weights_as_they_should_be_are_read(
    tensors: tuple[dict[str, Any], bytes], tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(packed(tensors[0], DESCRIPTION, tensors[1]))
    use(tmp_path / "x")


def test_weights_of_a_network_that_no_machine_holds_are_refused(
    tensors: tuple[dict[str, Any], bytes], tmp_path: Path
) -> None:
    for scale in (
        {"filters": 1e9},
        {"filters": 1e300},
        {"repeats": 10**9},
        {"aspp_filters": 10**9},
    ):
        told = {**DESCRIPTION, "scale": {**DESCRIPTION["scale"], **scale}}  # type: ignore[dict-item]
        (tmp_path / "x").write_bytes(packed(tensors[0], told, tensors[1]))
        with pytest.raises(UserError, match=r"this machine has|at most 1000"):
            Weights.open(tmp_path / "x").network()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.99])
def test_a_checkpoint_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    kept = Checkpoint(tmp_path)
    kept.save({"network": {"x": torch.zeros(1000)}}, [])
    assert kept.load() is not None
    kept.check()
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    for look in (kept.check, kept.load):
        with pytest.raises(UserError, match="damaged"):
            look()


@EXAMPLES
@given(st.data())
def test_a_checkpoint_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    kept = Checkpoint(tmp_path)
    kept.save({"network": {"x": torch.zeros(10)}}, [])
    file = tmp_path / "checkpoint.pt"
    if data.draw(st.booleans()):
        file.write_bytes(data.draw(torn(file.read_bytes())))
    else:
        torch.save(data.draw(ODD), file)
    refused_or_read(kept.load)


MADE: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "coco": ("coco", drawn.coco, "annotations/instances_train2017.json"),
    "labelme": ("labelme", drawn.labelme, "train/labels/0.json"),
}
TEXTS: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "cvat": ("cvat", drawn.cvat, "annotations.xml"),
    "cvat masks": ("cvat", drawn.cvat_masks, "labelmap.txt"),
    "cvat lists": ("cvat", drawn.cvat_masks, "ImageSets/Segmentation/Train.txt"),
    "yolo": ("yolo", drawn.yolo, "data.yaml"),
    "yolo labels": ("yolo", drawn.yolo, "labels/train/0.txt"),
    "labelme names": ("labelme", drawn.labelme, "labels.txt"),
}


def look_at_all(name: str, root: Path) -> None:
    dataset = open_dataset(name, root=root, uncovered="void")
    for part in PARTS:
        for index in range(dataset.count(part)):
            dataset.load(part, index)


@EXAMPLES
@given(st.data())
@pytest.mark.parametrize("form", MADE)
def test_label_files_of_json_are_read_or_refused(
    form: str, tmp_path: Path, data: st.DataObject
) -> None:
    name, make, file = MADE[form]
    if not (tmp_path / file).exists():
        make(tmp_path)
        (tmp_path / "whole").write_bytes((tmp_path / file).read_bytes())
    tree = json.loads((tmp_path / "whole").read_bytes())
    (tmp_path / file).write_bytes(data.draw(files(tree)))
    refused_or_read(lambda: look_at_all(name, tmp_path))


WORDS = st.sampled_from(
    ["\0", "9" * 5000, "1e999", "nan", "-1", "0", "10000000000", "../../x", "/etc/passwd",
     "\x1b[2J",      "&x;", "<", "", "\u202e", "," * 9, "é", "[" * 9999, "{a: &a [*a]}", "100000"]
)  # fmt: skip


@st.composite
def respelt(draw: st.DrawFn, text: str) -> bytes:
    """The text with some of its words others."""
    import re

    parts = re.split(r'([\s",:<>=]+)', text)
    for _ in range(draw(st.integers(1, 3))):
        parts[draw(st.integers(0, len(parts) - 1))] = draw(WORDS)
    return "".join(parts).encode("utf-8", "surrogatepass")


@EXAMPLES
@given(st.data())
@pytest.mark.parametrize("form", TEXTS)
def test_label_files_of_text_are_read_or_refused(
    form: str, tmp_path: Path, data: st.DataObject
) -> None:
    name, make, file = TEXTS[form]
    if not (tmp_path / file).exists():
        make(tmp_path)
        (tmp_path / "whole").write_bytes((tmp_path / file).read_bytes())
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / file).write_bytes(data.draw(st.one_of(respelt(whole.decode()), torn(whole))))
    refused_or_read(lambda: look_at_all(name, tmp_path))
