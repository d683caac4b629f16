"""What can be wrong with a config and is seen before an image is read."""

from __future__ import annotations

import numpy as np

from nas.config import Config, TrainingConfig
from nas.engines import tracking
from nas.parts.baselines import baselines
from nas.parts.build import controller, dataset, recipe
from nas.parts.machines import resources
from proxy_tasks.processes import Group
from search_space.errors import UserError
from search_space.genes import SearchSpace
from search_space.seeds import derive_seed


def check(config: Config, space: SearchSpace) -> None:
    """Everything that can be wrong and is seen without reading an image.

    Raises:
        UserError: for parts that cannot be made, constraints that leave no network, or too few
            images for one batch.
    """
    controller(config, space)
    check_constraints(config, space)
    check_halving(config)
    tracking.check(config)
    baselines(config)
    resources(config.engine)
    check_batch(config, config.proxy)
    check_promotion(config)


def check_constraints(config: Config, space: SearchSpace) -> None:
    """UserError when no network within them is found."""
    try:
        space.sample(np.random.default_rng(derive_seed(config.seed, "constraints")))
    except UserError as error:
        raise UserError(f"constraints: {error}") from error


def check_promotion(config: Config) -> None:
    """UserError for a full training that cannot be."""
    check_batch(config, config.promotion)
    check_processes(config)
    if config.promotion.patience and not config.promotion.evaluate_every:
        raise UserError(
            "promotion.patience: counts validations, and there is one at the end alone;"
            " write promotion.evaluate_every: 1 or more"
        )


def check_processes(config: Config) -> None:
    """UserError for more of them than a full training can have."""
    if (processes := config.promotion.processes) == 1:
        return
    if config.engine.name != "ray":
        raise UserError("promotion.processes: are started by Ray; write engine.name: ray, or 1")
    try:
        Group(size=processes).divide(recipe(config.promotion))
    except UserError as error:
        raise UserError(f"promotion.processes: {error}") from error


def check_batch(config: Config, training: TrainingConfig) -> None:
    """UserError for a batch that does not divide into its parts, or with too few images for one."""
    try:
        recipe(training)
    except UserError as error:
        raise UserError(f"recipe: {error}") from error
    height, width = training.size
    if training.recipe.turn and height != width:
        raise UserError(f"recipe.turn: turns square crops alone, not {height}x{width}; write 0")
    data = dataset(config, training.size)
    folds = len(set(data.folds)) if training is config.proxy else 0
    held = max(data.folds.count(fold) for fold in set(data.folds)) if folds > 1 else 0
    there = round((data.count("train") - held) * training.share)
    images = training.images or there
    if images < (batch := training.recipe.batch_size):
        raise UserError(f"recipe.batch_size: {batch} is more than the {images} training images")


def check_halving(config: Config) -> None:
    """UserError where trainings are to be stopped by what nobody measures, or by no scheduler."""
    proxy = config.proxy
    if proxy.asha is None:
        return
    if config.data.split and config.data.split.folds:
        raise UserError("proxy.asha: with folds a score comes after the last alone; leave it out")
    if config.engine.name != "ray":
        raise UserError("proxy.asha: stops trainings through Ray Tune; write engine.name: ray")
    if proxy.score != "train_loss" and proxy.evaluate_every != 1:
        raise UserError(
            f"proxy.asha: {proxy.score} is not known after every epoch;"
            " write proxy.evaluate_every: 1, or proxy.score: train_loss"
        )
