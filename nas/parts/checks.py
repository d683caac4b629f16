"""Checks of a whole config that need no images."""

from __future__ import annotations

import numpy as np

from nas.config import Config, ProxyConfig, TrainingConfig
from nas.engines import tracking
from nas.parts.baselines import baselines, rivals
from nas.parts.build import (
    controller,
    dataset,
    encoder_weights_of,
    fidelity,
    finals,
    section_of,
    training_data,
)
from nas.parts.machines import resources
from nas.parts.weights import check_weights
from proxy_tasks.encoder_weights import check_there
from proxy_tasks.networks.pretrained import check_file
from proxy_tasks.objectives import OBJECTIVES, Trained
from proxy_tasks.own_objective import OWN
from proxy_tasks.processes import Group
from proxy_tasks.room import check_room, check_scale
from search_space.backbone import Backbone, encoder_of
from search_space.encoders import encoder
from search_space.errors import UserError
from search_space.files import check_temporary
from search_space.genes import SearchSpace
from search_space.seeds import derive_seed


def check(config: Config, space: SearchSpace, own: bool = False) -> None:
    """Everything that can be wrong and is seen without reading an image. ``own``: a function of
    one's own scores networks.

    Raises:
        UserError: for parts that cannot be made, constraints that leave no network, or too few
            images for one batch.
    """
    check_objective(config, own)
    controller(config, space)
    check_constraints(config, space)
    if not own:
        check_room_for(config, space)
    check_halving(config)
    check_unlabelled(config)
    tracking.check(config)
    compared = (*baselines(config), *rivals(config))
    check_encoders(config, *(each.backbone for each in compared))
    resources(config.engine)
    check_batch(config, config.proxy)
    check_finals(config, own)
    check_promotion(config)
    check_weights(config)


def check_objective(config: Config, own: bool) -> None:
    """UserError where a search goes by a function that is not there, or has one for nothing."""
    if (config.proxy.score == OWN) == own:
        return
    raise UserError(
        f"proxy.score: {config.proxy.score}, but networks are scored by a function; leave it out"
        if own
        else f"proxy.score: {OWN} is a Python function; pass it to nas.search(objective=...)"
    )


def check_encoders(config: Config, *others: Backbone) -> None:
    """UserError where training would start from weights that are not there, or are others: of the
    space's encoder, or one that ``others`` stand on."""
    if not (config.proxy.recipe.pretrained or config.promotion.recipe.pretrained):
        return
    own, file = config.space.encoder_spec, encoder_weights_of(config.space)
    beside = map(encoder, config.space.encoders)
    specs = {spec.name: spec for spec in (own, *beside, *map(encoder_of, others)) if spec}
    for name, spec in specs.items():
        check_there(spec, file if own and name == own.name else None)
    if own and file is not None:
        check_file(own, file)


def check_constraints(config: Config, space: SearchSpace) -> None:
    """UserError when no network within them is found."""
    try:
        space.sample(np.random.default_rng(derive_seed(config.seed, "constraints")))
    except UserError as error:
        raise UserError(f"constraints: {error}") from error


def check_room_for(config: Config, space: SearchSpace) -> None:
    """UserError where trainings of a network of the space would not fit into this machine. One of a
    cluster may have more than that of the driver."""
    promoted = [config.promotion] if config.promotion.top else []
    network = space.decode(space.sample(np.random.default_rng(derive_seed(config.seed, "room"))))
    for training in (config.proxy, *promoted):
        section, scale = section_of(training), training.scale
        classes = len(dataset(config, training.size).classes)
        try:
            check_scale(scale)
            if not config.engine.address:
                check_room(network, scale, classes, training.size, training.recipe.micro_batch)
        except UserError as error:
            raise UserError(f"{section}.scale: {error}") from error


def check_unlabelled(config: Config) -> None:
    """UserError for images without labels where nothing is learnt of them."""
    if config.data.folders and not (config.proxy.teacher or config.promotion.teacher):
        raise UserError(
            "data.unlabelled: only a teacher knows what images without labels show: give --teacher"
            " PATH, or leave data.unlabelled out"
        )


def check_promotion(config: Config) -> None:
    """UserError for a full training that cannot be."""
    check_temporary()
    check_batch(config, config.promotion)
    check_processes(config)
    if config.promotion.patience and not config.promotion.evaluate_every:
        raise UserError(
            "promotion.patience: counts validations, but the only one is at the end;"
            " write promotion.evaluate_every: 1 or more"
        )


def check_finals(config: Config, own: bool) -> None:
    """UserError for finals that cannot be, or that nothing follows. ``own`` as for ``check``."""
    if not config.finals.candidates:
        return
    if own or not config.promotion.top:
        why = "the search is by a function" if own else "promotion.top is 0"
        raise UserError(
            f"finals.candidates: finals choose what is trained fully, but {why}; write 0"
        )
    check_batch(config, finals(config))


def check_processes(config: Config) -> None:
    """UserError for more of them than a full training can have."""
    if (processes := config.promotion.processes) == 1:
        return
    if config.engine.name != "ray":
        raise UserError(
            "promotion.processes: several need Ray; write engine.name: ray, or"
            " promotion.processes: 1"
        )
    try:
        Group(size=processes).divide(config.promotion.recipe)
    except UserError as error:
        raise UserError(f"promotion.processes: {error}") from error


def check_batch(config: Config, training: TrainingConfig) -> None:
    """UserError for a batch of more images than there are, crops that cannot be turned, or folds
    that the data do not have."""
    section = section_of(training)
    height, width = training.size
    if training.recipe.turn and height != width:
        raise UserError(
            f"{section}.recipe.turn: only square crops can be turned, not {height}x{width}; write 0"
        )
    fidelity(training, config.data)
    data = training_data(config, training)
    folds = len(set(data.folds)) if isinstance(training, ProxyConfig) else 0
    held = max(data.folds.count(fold) for fold in set(data.folds)) if folds > 1 else 0
    there = round((data.count("train") - held) * training.share)
    images = training.images or there
    if images < (batch := training.recipe.batch_size):
        raise UserError(
            f"{section}.recipe.batch_size: {batch} is more than the {images} training images"
        )


def check_halving(config: Config) -> None:
    """UserError where trainings are to be stopped by what nobody measures."""
    proxy = config.proxy
    if proxy.asha is None:
        return
    if config.data.split and config.data.split.folds:
        raise UserError(
            "proxy.asha: with folds there is no score before the last fold ends; leave it out"
        )
    every_epoch = isinstance(OBJECTIVES[proxy.score].source, Trained)
    if not every_epoch and proxy.evaluate_every != 1:
        raise UserError(
            f"proxy.asha: {proxy.score} is not known after every epoch;"
            " write proxy.evaluate_every: 1, or proxy.score: train_loss"
        )
