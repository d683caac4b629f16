"""The architecture file: a spec and where it came from, as YAML that people read and edit.

Four formats, named in the first line: ``spinenet-seg/1`` for an Architecture with a stem of its
own, ``spinenet-seg/2`` for one on an encoder that has a name, ``spinenet-seg/3`` for one on an
encoder that the file describes (see ``encoder_file``), ``dilated-resnet/1`` for a DilatedResNet.
Readers refuse what they do not know: a misspelt key never goes unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_space import encoder_file, fields, strict_yaml, tf_vision
from search_space.architecture import (
    ATTRIBUTES,
    NETWORK_ATTRIBUTES,
    Architecture,
    Block,
    features,
    stated,
    stated_of_network,
)
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.encoders import ENCODERS
from search_space.errors import UserError
from search_space.files import replacing
from search_space.resnet import DilatedResNet
from search_space.scales import DEEPLABV3

ARCHITECTURE_FORMAT = "spinenet-seg/1"
ENCODER_FORMAT = "spinenet-seg/2"
DESCRIBED_FORMAT = "spinenet-seg/3"
RESNET_FORMAT = "dilated-resnet/1"

_MOST_BLOCKS = 1000
"""Of a ResNet: each takes its time to be counted, and a number in a file may be any."""
_REQUIRED = {"id": int, **{each.name: each.kind for each in ATTRIBUTES if each.original}}
_OPTIONAL = {each.name: each.kind for each in ATTRIBUTES if not each.original}
_OF_NETWORK = {"key": str, **{each.name: each.kind for each in NETWORK_ATTRIBUTES}}
_STEM_KEYS = _REQUIRED, _OPTIONAL
_BLOCK_KEYS = {**_REQUIRED, "inputs": list}, {"output": bool, **_OPTIONAL}


@dataclass(frozen=True)
class LoadedSpec:
    """A spec and its provenance (run, trial, controller, scores, ...); empty if there is none."""

    backbone: Backbone
    provenance: Mapping[str, Any] = field(default_factory=dict)


def to_dict(backbone: Backbone) -> dict[str, Any]:
    """The spec in JSON types, with its format, without key and provenance."""
    if isinstance(backbone, DilatedResNet):
        return {
            "format": RESNET_FORMAT,
            "stages": [int(count) for count in backbone.stages],
            "output_stride": int(backbone.output_stride),
            **({} if backbone.head == DEEPLABV3 else {"head": backbone.head}),
        }
    blocks = [_block_to_dict(index, block) for index, block in enumerate(backbone.all_blocks)]
    stem, blocks = blocks[: len(backbone.stem)], blocks[len(backbone.stem) :]
    levels = [int(level) for level in backbone.output_levels]
    if spec := backbone.encoder_spec:
        return {
            "format": ENCODER_FORMAT if spec.name in ENCODERS else DESCRIBED_FORMAT,
            "encoder": encoder_file.to_value(spec, to_dict),
            "output_levels": levels,
            **stated_of_network(backbone),
            "blocks": blocks,
        }
    return {
        "format": ARCHITECTURE_FORMAT,
        "output_levels": levels,
        **stated_of_network(backbone),
        "stem": stem,
        "blocks": blocks,
    }


def from_dict(values: Mapping[str, Any]) -> Backbone:
    """The inverse of to_dict; where there is a ``key``, it must be the spec's.

    Raises:
        UserError: naming the block and the rule that it breaks.
    """
    values = fields.mapping(values, "")
    build: dict[str, Callable[[Mapping[str, Any]], Backbone]] = {
        ARCHITECTURE_FORMAT: _architecture,
        ENCODER_FORMAT: _on_encoder,
        DESCRIBED_FORMAT: _on_described_encoder,
        RESNET_FORMAT: _resnet,
    }
    known = f"write {', '.join([*build][:-1])} or {RESNET_FORMAT}"
    if "format" not in values:
        raise UserError(f"format is missing: {known}")
    form = values["format"]
    if not isinstance(form, str) or form not in build:
        raise UserError(f"format: {fields.short(form)} is unknown: {known}")
    backbone = build[form](values)
    if "key" in values and values["key"] != (key := canonical_key(backbone)):
        raise UserError(
            f"key: the spec was changed: its key is now {key!r} but the file says"
            f" {fields.short(values['key'])}; correct the spec, or remove the key"
        )
    return backbone


def dumps(backbone: Backbone, provenance: Mapping[str, Any] | None = None) -> str:
    """The file's text, one block a line.

    Raises:
        TypeError: if the provenance holds anything but plain data.
    """
    values = to_dict(backbone)
    # Quoted: a key may consist of digits alone, and then must not be read as a number.
    lines = [f"format: {values.pop('format')}", f'key: "{canonical_key(backbone)}"']
    for name, value in values.items():
        if name in ("stem", "blocks") and value:
            lines += [f"{name}:", *(f"- {_flow(block)}" for block in value)]
        elif isinstance(value, dict):
            lines += [f"{name}:", *_indented(value)]
        else:
            lines.append(f"{name}: {_flow(value)}")
    text = "\n".join(lines) + "\n"
    return text + (strict_yaml.render({"provenance": dict(provenance)}) if provenance else "")


def loads(text: str, source: str = "<string>") -> LoadedSpec:
    """Raises UserError: one line that names the source, the block and the rule."""
    values = strict_yaml.parse(text, source)
    try:
        values = dict(fields.mapping(values, ""))
        if "provenance" in values:  # names of runs, which earlier releases left without quotes
            values |= {"provenance": strict_yaml.parse_record(text, source)["provenance"]}
        provenance = fields.mapping(values.pop("provenance", {}), "provenance: ")
        return LoadedSpec(from_dict(values), provenance)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None


def save(path: Path | str, backbone: Backbone, provenance: Mapping[str, Any] | None = None) -> None:
    """Write the file in one step: a reader sees the old file or the new one, never a part.

    Raises:
        UserError: if the folder is missing or the file cannot be written.
    """
    path, text = Path(path), dumps(backbone, provenance)
    try:
        with replacing(path) as draft:
            draft.write_text(text, "utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None


def load_spec(path: Path | str) -> LoadedSpec:
    """The spec and its provenance; a block-spec list (see ``tf_vision``) has none.

    Raises:
        UserError: one line that names the file, the block and the rule.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not a text file: give an architecture file") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file: give the path of an architecture file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    if tf_vision.is_block_list(text):
        return LoadedSpec(tf_vision.loads(text, str(path)))
    return loads(text, str(path))


def load(path: Path | str) -> Backbone:
    """The spec alone. Raises UserError, as ``loads``."""
    return load_spec(path).backbone


def _block_to_dict(index: int, block: Block) -> dict[str, Any]:
    values = {"id": index, **stated(block)}
    if "inputs" in values:
        values["inputs"] = list(values["inputs"])
    return values


def _indented(values: Mapping[str, Any]) -> list[str]:
    """A mapping within the file: one entry a line, and of lists of mappings one of these."""
    lines: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict) and any(isinstance(each, list) for each in value.values()):
            lines += [f"{name}:", *_indented(value)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{name}:", *(f"- {_flow(each)}" for each in value)]
        else:
            lines.append(f"{name}: {_flow(value)}")
    return [f"  {line}" for line in lines]


def _flow(value: Any) -> str:
    """YAML's flow style, for the few types that a spec holds."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str | float):
        return strict_yaml.render_inline(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _architecture(values: Mapping[str, Any]) -> Architecture:
    required = {"format": str, "output_levels": list, "stem": list, "blocks": list}
    values = fields.check(values, "", required, _OF_NETWORK)
    stem = tuple(_block(index, block, *_STEM_KEYS) for index, block in enumerate(values["stem"]))
    return _behind(stem, values)


def _on_encoder(values: Mapping[str, Any]) -> Architecture:
    required = {"format": str, "encoder": str, "output_levels": list, "blocks": list}
    values = fields.check(values, "", required, _OF_NETWORK)
    return _behind(features(values["encoder"]), values)


def _on_described_encoder(values: Mapping[str, Any]) -> Architecture:
    required = {"format": str, "encoder": dict, "output_levels": list, "blocks": list}
    values = fields.check(values, "", required, _OF_NETWORK)
    return _behind(features(encoder_file.from_value(values["encoder"], from_dict)), values)


def _behind(stem: tuple[Block, ...], values: Mapping[str, Any]) -> Architecture:
    numbered = enumerate(values["blocks"], len(stem))
    return Architecture(
        stem,
        tuple(_block(index, block, *_BLOCK_KEYS) for index, block in numbered),
        fields.whole_numbers(values["output_levels"], "output_levels: "),
        **{each.name: values[each.name] for each in NETWORK_ATTRIBUTES if each.name in values},
    )


def _block(
    index: int, values: Any, required: Mapping[str, type], optional: Mapping[str, type]
) -> Block:
    where = f"block {index}: "
    said = dict(fields.check(values, where, required, optional))
    if (given := said.pop("id")) != index:
        raise UserError(f"{where}id must be {index} (ids rise by one) but got {given}")
    said["inputs"] = fields.whole_numbers(said.get("inputs", []), f"{where}inputs: ")
    return Block(**said)


def _resnet(values: Mapping[str, Any]) -> DilatedResNet:
    required = {"format": str, "stages": list, "output_stride": int}
    values = fields.check(values, "", required, optional={"key": str, "head": str})
    stages = fields.whole_numbers(values["stages"], "stages: ")
    if sum(stages) > _MOST_BLOCKS:
        raise UserError(f"stages: at most {_MOST_BLOCKS} blocks but got {fields.short(stages)}")
    return DilatedResNet(stages, values["output_stride"], values.get("head", DEEPLABV3))
