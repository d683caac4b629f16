"""The file of weights that full trainings start from."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from rich.console import Console

from nas.config import Config
from nas.parts.build import dataset, encoder_weights_of, fidelity, weights_of
from proxy_tasks.fitting import fit
from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.pretrained import check_file
from proxy_tasks.weights_file import WeightsFile
from search_space.architecture import Architecture, features
from search_space.backbone import Backbone
from search_space.errors import UserError

KEY = "promotion.weights"


def tell_weights(config: Config, backbones: Iterable[Backbone], console: Console) -> None:
    """Say what of the file each network takes, where there is a file.

    Raises:
        UserError: where there is no such file, or it is of another network.
    """
    told = _told(config, backbones) if config.promotion.weights else []
    for line in dict.fromkeys(told):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def check_weights(config: Config) -> None:
    """UserError where there is no such file, or the networks that a search promotes could not start
    from it: they have nothing in common but the encoder."""
    if config.promotion.weights is None:
        return
    if not config.promotion.top:
        _told(config, [])
        return
    if not (spec := config.space.encoder_spec):
        raise UserError(
            f"{KEY}: the networks that a search finds are of no file; leave it out, or give it to"
            f" nas promote RUN --baseline NAME --set {KEY}={config.promotion.weights}"
        )
    _told(config, [Architecture(features(spec), (), config.space.output_levels)])


def tell_encoder(config: Config, console: Console) -> None:
    """Say what the space's encoder takes of the file of its weights, where there is one and a
    training starts from it. UserError where it is of another network."""
    spec, file = config.space.encoder_spec, encoder_weights_of(config.space)
    if spec and file and (config.proxy.recipe.pretrained or config.promotion.recipe.pretrained):
        told = check_file(spec, file).told(str(file))
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def _told(config: Config, backbones: Iterable[Backbone]) -> list[str]:
    """Built without memory: only names and shapes are looked at."""
    path = weights_of(config.promotion)
    assert path is not None
    built = fidelity(config.promotion, config.data)
    classes = len(dataset(config, built.size).classes)
    told = []
    try:
        file = WeightsFile.open(path)
        for backbone in backbones:
            with torch.device("meta"):
                network = build_segmenter(backbone, built.scale, classes, built.size)
            told.append(fit(network, backbone, file).told(file))
        return told
    except UserError as error:
        raise UserError(f"{KEY}: {error}") from None
